"""What the command line says: results on stdout, readable or as one JSON object; progress and errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import click
from rich.console import Console
from rich.status import Status

from lipsync_nodes.contract import Job
from lipsync_nodes.errors import (
    AuthenticationError,
    BudgetExceeded,
    ConfigurationError,
    InsufficientCredits,
    InvalidRequest,
    JobTimeout,
    LipsyncError,
    SubmissionUncertain,
)

__all__ = ["Progress", "exit_code", "explain", "in_words", "show"]

_EXIT_CODES: Final[tuple[tuple[type[LipsyncError], int], ...]] = (
    (SubmissionUncertain, 4),
    (JobTimeout, 3),
    (ConfigurationError, 2),
    (InvalidRequest, 2),
    (AuthenticationError, 2),
    (BudgetExceeded, 2),
    (InsufficientCredits, 2),
    (LipsyncError, 1),
)
# Without a terminal a line says where we are, not more often than this.
QUIET_SECONDS: Final = 10.0


def exit_code(error: LipsyncError) -> int:
    """Return the exit code that stands for an error."""
    return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))


def show(values: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result on stdout: one JSON object, or a line for each value that there is."""
    if as_json:
        click.echo(json.dumps(values))
        return
    shown = {name.replace("_", " "): value for name, value in values.items() if value not in (None, "", {}, [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {value}")


def explain(error: LipsyncError, *, as_json: bool) -> None:
    """Say what went wrong: for people on stderr, and for programs as the one JSON object on stdout."""
    click.echo(f"{type(error).__name__}: {error}", err=True)
    if as_json:
        about = {name: getattr(error, name) for name in ("message", "hint", "status_code", "may_have_charged")}
        show({"id": error.job_id, "error": {"type": type(error).__name__, **about}}, as_json=True)


@contextmanager
def in_words(*, as_json: bool) -> Iterator[None]:
    """Turn the errors of a command into words and its exit code."""
    try:
        yield
    except LipsyncError as error:
        failure = error
    except (OSError, UnicodeError) as error:
        failure = ConfigurationError(f"{error}.", hint="Check the files and folders that the command names.")
    else:
        return
    explain(failure, as_json=as_json)
    sys.exit(exit_code(failure))


class Progress:
    """One line on stderr that tells of a job: live in a terminal, now and then elsewhere."""

    def __init__(self, status: Status, console: Console, usual: float | None, job_ids: list[str]) -> None:
        self._job_ids = job_ids
        self._usual = f", usually about {usual:.0f} s" if usual else ""
        self._status = status
        self._console = console
        self._began = self._said = time.monotonic()
        self._last = ""

    @classmethod
    @contextmanager
    def shown(cls, what: str, *, usual: float | None = None, job_ids: list[str]) -> Iterator[Progress]:
        """Show *what* is going on until the block ends; it usually takes so many seconds."""
        console = Console(stderr=True, highlight=False)
        with console.status(what) as status:
            progress = cls(status, console, usual, job_ids)
            progress.say(what)
            yield progress

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, soft_wrap=True, markup=False)

    def say(self, text: str) -> None:
        """Say where we are."""
        now = time.monotonic()
        line = f"{text} · {now - self._began:.0f} s{self._usual}"
        self._status.update(line)
        if not self._console.is_terminal and (text != self._last or now - self._said > QUIET_SECONDS):
            self.line(line)
            self._said, self._last = now, text

    def job(self, job: Job) -> None:
        """Tell of a job as it was just seen; its id stays on the screen, for it is what brings the video back."""
        self.first_seen(job, "Job id")
        self.say(job.status.value)

    def first_seen(self, job: Job, what: str) -> None:
        """Print a job's id the first time, for it is what brings the video back."""
        if job.id not in self._job_ids:
            self._job_ids.append(job.id)
            self.line(f"{what}: {job.id}")

    def loaded(self, done: int, size: int | None) -> None:
        """Tell how much of a download has come."""
        whole = f" of {size / 1e6:.1f}" if size else ""
        self._status.update(f"Downloading · {done / 1e6:.1f}{whole} MB")
