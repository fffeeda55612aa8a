"""`sandbox`: runs a sandbox. Its subcommands control one that runs already."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lipsync_nodes.cli.added import Group
from lipsync_nodes.cli.listening import listening_options
from lipsync_nodes.cli.output import show
from lipsync_nodes.cli.speak import in_words, say

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import RunningSandbox

__all__ = ["sandbox"]


@click.group(cls=Group, invoke_without_command=True)
@listening_options(8787)
@click.option("--data", type=click.Path(path_type=Path), help="Folder for jobs and files. Default: a temporary one.")
@click.option("--concurrency", type=click.IntRange(1), help="How many videos are rendered at a time.")
@click.option(
    "--renderer",
    type=click.Choice(["preview", "instant"]),
    default="preview",
    show_default=True,
    help="Render previews, or end each job with a small test card.",
)
@click.option("--seconds", type=click.FloatRange(0), default=0.0, help="How long an instant job takes.")
@click.option("--seed", type=int, help="Give the same job ids on every run.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="RULE",
    help="Fault rule, such as submit:429,retry_after=2,times=3. Can be given several times.",
)
@click.option(
    "--clock",
    type=click.Choice(["real", "manual"]),
    default="real",
    show_default=True,
    help="Whether the clock runs, or stands still until `sandbox advance` or POST /sandbox/clock advances it.",
)
@click.option(
    "--advance-per-poll",
    type=click.FloatRange(0, 1e9),
    default=0.0,
    help="Seconds by which each poll of a job advances the clock.",
)
@click.option("--json", "as_json", is_flag=True, help="Log JSON lines.")
@click.pass_context
def sandbox(
    context: click.Context, /, *, data: Path | None, faults: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Run the sandbox until Ctrl-C: the service on your own machine, with a page that shows its jobs.

    The subcommands control a sandbox that runs already.
    """
    if context.invoked_subcommand:
        return
    from lipsync_nodes.sandbox import Sandbox  # noqa: PLC0415  # an extra, and slow to load

    with in_words(as_json=as_json):
        box = Sandbox(data, **options)
        for rule in faults:
            _checked(box.fault, rule)
        box.serve(log="json" if as_json else "plain")


def _checked(add: Callable[..., Any], *rules: str) -> Any:
    """Add fault rules. An invalid one is a wrong usage."""
    try:
        return add(*rules)
    except ValueError as error:
        raise click.UsageError(f"Invalid fault rule: {error}") from None


def _controls(command: Callable[..., None]) -> Callable[..., None]:
    """Pass the running sandbox to a subcommand."""

    @click.option(
        "--base-url",
        help="Base URL of the sandbox. Default: LIPSYNC_BASE_URL if that is on this machine, or "
        "http://127.0.0.1:8787/api/v1.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
    @functools.wraps(command)
    def wrapped(base_url: str | None, as_json: bool, **options: Any) -> None:
        from lipsync_nodes.sandbox import RunningSandbox  # noqa: PLC0415  # an extra, and slow to load

        with in_words(as_json=as_json):
            command(RunningSandbox(base_url), as_json=as_json, **options)

    return wrapped


@sandbox.command()
@click.argument("rules", nargs=-1, required=True, metavar="RULE…")
@_controls
def fault(box: RunningSandbox, *, rules: tuple[str, ...], as_json: bool) -> None:
    """Add fault rules to a running sandbox, such as submit:429,retry_after=2,times=3."""
    faults = _checked(box.fault, *rules)
    if as_json:
        show({"faults": faults}, as_json=True)
    else:
        say(f"Fault rules: {len(faults)}")


@sandbox.command()
@_controls
def reset(box: RunningSandbox, *, as_json: bool) -> None:
    """Delete all jobs, stored files, fault rules and recorded requests of a running sandbox."""
    box.reset()
    show({"reset": True}, as_json=True) if as_json else say("The sandbox is empty.")


@sandbox.command()
@click.argument("seconds", type=click.FloatRange(0))
@_controls
def advance(box: RunningSandbox, *, seconds: float, as_json: bool) -> None:
    """Advance the clock of a running sandbox by some seconds, such as 3600."""
    box.advance(seconds)
    show({"advanced": seconds}, as_json=True) if as_json else say(f"The clock is {seconds:g} s further.")


@sandbox.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_controls
def export_(box: RunningSandbox, *, file: Path, as_json: bool) -> None:
    """Save the state of a running sandbox as one file: jobs, videos, stored files, fault rules, requests."""
    box.export(file)
    show({"path": str(file)}, as_json=True) if as_json else say(f"The state is in {file}.")


@sandbox.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_controls
def import_(box: RunningSandbox, *, file: Path, as_json: bool) -> None:
    """Replace the state of a running sandbox with an exported one."""
    loaded = box.load(file)
    show(loaded, as_json=True) if as_json else say("Loaded: {jobs} jobs, {files} files, {rules} rules".format(**loaded))
