"""`proxy`: a proxy in front of the service, that records, replays, and says what differs from what is known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lipsync_nodes.cli.listening import listening_options
from lipsync_nodes.cli.output import RUN, as_json_text, say, write
from lipsync_nodes.cli.speak import in_words
from lipsync_nodes.host import load_profile

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import Difference

__all__ = ["proxy"]

_new = click.Path(dir_okay=False, path_type=Path)
_there = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--record", type=_new, help="Record the exchanges in this new file, without keys and signatures.")
@click.option("--replay", type=_there, help="Answer from this file, and send nothing anywhere.")
@click.option("--check", is_flag=True, help="Only say what differs. The exit code is 1 if something does.")
@click.option("--base-url", help="URL of the service. Default: that of the profile.")
@click.option("--profile", help="Name of a profile in profiles.toml. Only its base URL is used, not its key.")
@listening_options(8789)
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="With --replay: how much faster than recorded the jobs run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each difference as a JSON line.")
def proxy(
    *, record: Path | None, replay: Path | None, check: bool, base_url: str | None, profile: str | None,
    port: int, host: str, speed: float, as_json: bool,
) -> None:  # fmt: skip
    """Run a proxy in front of the service until Ctrl-C: record, replay, or check its responses.

    Submissions that pass through it are real and are paid for. Each is sent at most once.
    """
    if [bool(record), bool(replay), check].count(True) != 1:
        raise click.UsageError("Give one of --record, --replay and --check.")
    from lipsync_nodes.sandbox import Proxy  # noqa: PLC0415  # an extra, and slow to load

    def show(found: Difference) -> None:
        RUN.printed = True  # a JSON line has been printed
        write(as_json_text(found.as_json()) + "\n") if as_json else say(found)

    with in_words(as_json=as_json):
        upstream = None if replay else load_profile(profile, base_url=base_url, ask_plugins=False).base_url
        server = Proxy(upstream, record=record, replay=replay, host=host, port=port, speed=speed)
        found = server.serve(show, log="json" if as_json else "plain")
    sys.exit(1 if check and found else 0)
