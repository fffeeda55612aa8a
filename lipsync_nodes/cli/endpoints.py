"""`run`, `submit` and `estimate`: a subcommand for each endpoint, its options made from the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lipsync_nodes.catalogue import CATALOGUE, FieldSpec, NodeSpec
from lipsync_nodes.cli.session import Session, common_options, form_of, lengths_of
from lipsync_nodes.cli.speak import Progress, show
from lipsync_nodes.contract import Form
from lipsync_nodes.credits import Credits, estimate_credits
from lipsync_nodes.errors import ConfigurationError, InvalidRequest

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import Sandbox

__all__ = ["estimate", "run", "submit", "waiting_options"]

Command = Callable[..., object]


@click.group()
def run() -> None:
    """Submit a job, wait for its video and print the URL."""


@click.group()
def submit() -> None:
    """Submit a job and print its id at once."""


@click.group()
def estimate() -> None:
    """Say what a job would cost, in credits; nothing is sent."""


def waiting_options(command: Command) -> Command:
    """Add the options of everything that waits."""
    for option in (
        click.option("--timeout", type=float, help="Seconds to wait at most; 1800 by default."),
        click.option("--poll-interval", type=float, help="Mean seconds between two looks; 7.5 by default."),
    ):
        command = option(command)
    return command


def _length_options(command: Command) -> Command:
    for name in ("video", "right-audio", "audio"):
        text = f"How long the {name.replace('-', ' ')} lasts, in seconds; read from the file if it is a local one."
        command = click.option(f"--{name}-seconds", type=click.FloatRange(0, min_open=True), help=text)(command)
    return command


def _field_option(field: FieldSpec) -> Callable[[Command], Command]:
    """Make the option of one form field."""
    kind: Any = {"integer": click.INT, "object": _JsonObject()}.get(field.type, click.STRING)
    return click.option(
        field.option,
        field.name,
        type=click.Choice(field.choices) if field.choices else kind,
        required=field.required,
        show_default=str(field.default) if field.choices else False,
        metavar="URL|FILE" if field.media else None,
        help=field.help,
    )


class _JsonObject(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.4 on
    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        try:
            decoded = json.loads(value)
        except ValueError:
            decoded = None
        if not isinstance(decoded, dict):
            self.fail("give a JSON object, such as '{\"name\": 1}'", param, ctx)
        return decoded


def _add(group: click.Group, spec: NodeSpec, command: Command) -> None:
    command = common_options(command)
    for field in reversed(spec.fields):
        command = _field_option(field)(command)
    group.command(spec.command, help=f"{spec.help}.")(command)


def _cost(spec: NodeSpec, form: Form, values: dict[str, Any]) -> Credits | None:
    """Return the estimate, or None where a length is not known."""
    try:
        return estimate_credits(form, **lengths_of(spec, values))
    except InvalidRequest:
        return None


def _publisher(sandbox: Sandbox | None) -> Callable[[Path], str]:
    if sandbox is not None:
        return sandbox.publish
    return _refuse


def _refuse(path: Path) -> str:
    raise ConfigurationError(
        f"{path} is a local file, and the service takes public URLs only.",
        hint="Put it where it has a public URL, or add --sandbox to try it on this machine.",
    )


def _stand_in(path: Path) -> str:
    """Stand for a file where only its length matters."""
    return f"https://local.invalid/{path.name}"


def _make(spec: NodeSpec) -> None:
    """Add one endpoint to the three groups."""

    @waiting_options
    @_length_options
    @click.option("--out", type=click.Path(path_type=Path), help="Save the video there: a file, or an existing folder.")
    @click.option("--webhook", help="An https URL that the service POSTs the finished job to.")
    @click.option("--budget", type=int, help="Refuse to submit what may cost more credits than this.")
    def run_one(session: Session, **values: Any) -> None:
        with session.client(budget=values["budget"]) as (client, sandbox), Progress.shown("Submitting") as progress:
            form = form_of(spec, values, _publisher(sandbox))
            cost = _cost(spec, form, values)
            job = client.run(
                form,
                webhook=values["webhook"],
                estimate=cost,
                timeout=values["timeout"],
                poll_interval=values["poll_interval"],
                on_update=progress.job,
            )
            # The sandbox, and with it the URL, ends with this call.
            target = values["out"] or (Path() if sandbox else None)
            saved = client.download(job, target) if target else None
        show({**job.wire(), "credits": cost, "path": saved and str(saved)}, as_json=session.as_json)

    @_length_options
    @click.option("--webhook", help="An https URL that the service POSTs the finished job to.")
    @click.option("--budget", type=int, help="Refuse to submit what may cost more credits than this.")
    def submit_one(session: Session, **values: Any) -> None:
        with session.client(budget=values["budget"]) as (client, sandbox):
            form = form_of(spec, values, _publisher(sandbox))
            cost = _cost(spec, form, values)
            job = client.submit(form, webhook=values["webhook"], estimate=cost)
        show({**job.wire(), "credits": cost}, as_json=session.as_json)

    @_length_options
    def estimate_one(session: Session, **values: Any) -> None:
        cost = estimate_credits(form_of(spec, values, _stand_in), **lengths_of(spec, values))
        show({"credits": cost, "exact": cost.exact, "doubt": cost.doubt}, as_json=session.as_json)

    for group, command in ((run, run_one), (submit, submit_one), (estimate, estimate_one)):
        _add(group, spec, command)


for _spec in CATALOGUE:
    _make(_spec)
