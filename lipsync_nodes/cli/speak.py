"""What the command line prints: results on stdout, as text or as one JSON object; progress and errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes import (
    AuthenticationError,
    BudgetExceeded,
    ConfigurationError,
    InsufficientCredits,
    InvalidRequest,
    JobTimeout,
    LipsyncError,
    SubmissionUncertain,
    SubmitTimeout,
)
from lipsync_nodes.cli.output import RUN, plain, say, show, tell
from lipsync_nodes.cli.trouble import in_our_words, unexpected

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from lipsync_nodes import Job

__all__ = ["Progress", "exit_code", "explain", "in_words", "json_of", "row_of", "say", "show", "tell", "unexpected"]

_EXIT_CODES: Final[tuple[tuple[type[LipsyncError], int], ...]] = (
    (SubmissionUncertain, 4),
    (JobTimeout, 3),
    (SubmitTimeout, 3),
    (ConfigurationError, 2),
    (InvalidRequest, 2),
    (AuthenticationError, 2),
    (BudgetExceeded, 2),
    (InsufficientCredits, 2),
    (LipsyncError, 1),
)
# Without a terminal, a progress line is printed at most this often.
QUIET_SECONDS: Final = 10.0


def exit_code(error: LipsyncError) -> int:
    """Return the exit code for an error."""
    return next(code for kind, code in _EXIT_CODES if isinstance(error, kind))


def json_of(text: str) -> Any:
    """Decode standard JSON (no NaN). Raise ValueError, or RecursionError if it is nested too deeply."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def explain(error: LipsyncError, *, as_json: bool) -> None:
    """Print an error: for people on stderr, and with `--json` as the one JSON object on stdout."""
    in_our_words(error)
    tell(f"{type(error).__name__}: {error}")
    if as_json and not RUN.printed:
        names = ("code", "facts", "remedy", "message", "hint", "status_code", "may_have_charged")
        about = {name: getattr(error, name) for name in names}
        checked = {} if RUN.check is None else {"check": RUN.check}
        show({"id": error.job_id, "error": {"type": type(error).__name__, **about}, **checked}, as_json=True)


def row_of(error: LipsyncError) -> dict[str, Any]:
    """Return what a row of a result in JSON says of an error."""
    about = {"code": error.code, "facts": error.facts}
    return {"id": error.job_id, "error": type(error).__name__, **about, "message": str(in_our_words(error))}


@contextmanager
def in_words(*, as_json: bool) -> Iterator[None]:
    """Turn the errors of a command into a message and an exit code."""
    RUN.check, RUN.printed = None, False  # an earlier command in the same process may have printed
    try:
        yield
    except LipsyncError as error:
        failure = error
    except (OSError, UnicodeError) as error:
        failure = ConfigurationError(code="cli.file_trouble", reason=error, remedy="check_named_files")
    else:
        return
    explain(failure, as_json=as_json)
    sys.exit(exit_code(failure))


class Progress:
    """A line on stderr with the progress of a job. A terminal shows it live; elsewhere it is printed now and then."""

    def __init__(self, status: Status, console: Console, usual: float | None) -> None:
        self._usual = f", usually about {usual:.0f} s" if usual else ""
        self._status = status
        self._console = console
        self._began = self._said = time.monotonic()
        self._last = ""

    @classmethod
    @contextmanager
    def shown(cls, what: str, *, usual: float | None = None) -> Iterator[Progress]:
        """Show *what* is going on until the block ends; *usual* is how many seconds it usually takes."""
        from rich.console import Console  # noqa: PLC0415  # slow to load

        console = Console(stderr=True, highlight=False)
        with console.status(what) as status:
            progress = cls(status, console, usual)
            progress.say(what)
            yield progress

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(plain(text), markup=False, emoji=False, highlight=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Update the progress line."""
        now = time.monotonic()
        line = f"{text} · {now - self._began:.0f} s{self._usual}"
        self._status.update(self._console.render_str(plain(line), markup=False, emoji=False))
        if not self._console.is_terminal and (text != self._last or now - self._said > QUIET_SECONDS):
            self.line(line)
            self._said, self._last = now, text

    def job(self, job: Job) -> None:
        """Show the status of a job."""
        self.first_seen(job, "Job id")
        self.say(job.status.value)

    def first_seen(self, job: Job, what: str) -> None:
        """Print a job's id the first time. With it, the user can always get the video."""
        if job.id not in RUN.job_ids:
            RUN.job_ids[job.id] = None
            self.line(f"{what}: {job.id}")

    def part(self, what: str, done: float) -> None:
        """Show which part of *what* is done, from 0 to 1."""
        if self._console.is_terminal:
            self._status.update(f"{what} · {100 * done:.0f} %")
        else:
            self.say(what)

    def loaded(self, done: int, size: int | None) -> None:
        """Show how much of the video is downloaded."""
        whole = f" of {size / 1e6:.1f}" if size else ""
        self._status.update(f"Downloading · {done / 1e6:.1f}{whole} MB")
