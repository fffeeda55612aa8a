"""`verify`: does the mouth move with the sound? And the option `--verify` of `run`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import click

from lipsync_nodes import AsyncLipsyncClient, Job, LipsyncClient, LipsyncError
from lipsync_nodes.cli.session import Session, common_options
from lipsync_nodes.cli.speak import Progress, row_of, say, show
from lipsync_nodes.cli.trouble import language
from lipsync_nodes.host import PreparedForm, Verification, VerifyOptions
from lipsync_nodes.host import verify as verify_file

__all__ = ["EXIT_CODES", "averification_of", "said_of", "verification_of", "verify", "verify_option"]

EXIT_CODES: Final = {"in_sync": 0, "out_of_sync": 1, "not_moving": 1, "cannot_tell": 5}
_QUIET: Final = 2.0  # seconds without progress

_file: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("job", metavar="JOB_ID|FILE")
@click.option(
    "--audio", type=_file, help="The speech, or that of the left one of two people. Default: the sound track."
)
@click.option("--right-audio", type=_file, help="The speech of the right one of two people.")
@click.option(
    "--order",
    type=click.Choice(["meanwhile", "left_right", "right_left"]),
    help="The order in which two people speak. Default: that of the job, or meanwhile.",
)
@click.option("--source", type=_file, help="The video from before, to compare it with the new one.")
@common_options
def verify(session: Session, job: str, **options: Any) -> None:
    """Check whether the mouth in a video moves with the speech. Give the id of a job, or a video file.

    This is free. It compares movement with sound, and says nothing about the quality of the picture. The result for a
    job is recorded, for `lipsync-nodes report`. The exit code is 0 if they are in sync, 1 if they are out of sync or
    the mouth does not move, and 5 if that cannot be told.
    """
    with _progress() as progress:
        if Path(job).is_file():
            found = verify_file(job, **{**options, "order": options["order"] or "meanwhile"}, progress=progress)
        else:
            with session.client() as (client, _):
                found = client.verify(job, **options, progress=progress)
    _print(found, None if Path(job).is_file() else job, as_json=session.as_json)
    sys.exit(EXIT_CODES[found.verdict])


def _print(found: Verification, job_id: str | None, *, as_json: bool) -> None:
    if as_json:
        show({"id": job_id, **found.as_json(language())}, as_json=True)
        return
    say(found.message(language()))
    say(found.note(language()))


class _Delayed:
    """Shows the progress of a command that takes longer than two seconds."""

    def __init__(self, shown: ExitStack) -> None:
        self._shown, self._began = shown, time.monotonic()
        self._progress: Progress | None = None

    def __call__(self, done: float) -> None:
        if self._progress is None and time.monotonic() - self._began > _QUIET:
            self._progress = self._shown.enter_context(Progress.shown("Verifying"))
        if self._progress is not None:
            self._progress.part("Verifying", done)


@contextmanager
def _progress() -> Iterator[_Delayed]:
    with ExitStack() as shown:
        yield _Delayed(shown)


verify_option = click.option(
    "--verify",
    "verifies",
    is_flag=True,
    help="Then compare the movement of the mouth with the speech; see `lipsync-nodes verify`. It does not change the "
    "exit code, because the video is there and paid for.",
)


def verification_of(client: LipsyncClient, job: Job, form: PreparedForm, progress: Progress) -> dict[str, Any]:
    """Verify the video of a job that was just made. An error is returned too, because the job itself succeeded."""
    progress.say("Verifying")
    try:
        return client.verify(job, **_inputs_of(form)).as_json(language())
    except LipsyncError as error:
        return {"verdict": None, "error": row_of(error)}


async def averification_of(client: AsyncLipsyncClient, job: Job, form: PreparedForm) -> dict[str, Any]:
    """Do the same for a job of a batch."""
    try:
        return (await client.verify(job, **_inputs_of(form))).as_json(language())
    except LipsyncError as error:
        return {"verdict": None, "error": row_of(error)}


def _inputs_of(form: PreparedForm) -> VerifyOptions:
    """Return the local files of a form: both sounds of two people, and the source of a film."""
    local = {name: asset.source for name, asset in form.assets.items() if isinstance(asset.source, Path)}
    sounds = (local.get("left_audio"), local.get("right_audio"))
    left, right = sounds if all(sounds) else (None, None)
    order = getattr(form.form, "order", None)
    return {"audio": left, "right_audio": right, "order": order, "source": local.get("video")}


def said_of(verification: Mapping[str, Any]) -> str:
    """Return the result of a verification in words."""
    return str(verification.get("message") or verification["error"]["message"])
