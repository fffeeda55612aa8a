"""What leaves the program: lines for people, at most one JSON object on stdout, and what an early end has to tell.

Nothing here needs an extra: it has to work before the rest is imported, and after anything has failed.
"""

from __future__ import annotations

import errno
import io
import json
import math
import os
import signal
import sys
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final, TextIO

__all__ = ["RUN", "OutputLost", "Run", "deaf", "finish", "plain", "prepare", "say", "show", "tell", "write"]

# Emoji and several scripts are written with these; they move and hide nothing.
_JOINERS: Final = frozenset("\u200c\u200d")
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass
class Run:
    """What is known of one run of the program.

    Attributes:
        as_json: whether stdout gets one JSON object.
        printed: whether it has got it.
        terminated: whether SIGTERM ends it, rather than Ctrl-C.
        option: what a command needs to find the same jobs.
        job_ids: the jobs that were seen, in order.

    """

    as_json: bool = False
    printed: bool = False
    terminated: bool = False
    option: str = ""
    job_ids: dict[str, None] = field(default_factory=dict)

    def begin(self, words: Sequence[str]) -> None:
        """Begin anew; whether JSON is wanted is a guess until the options are known."""
        self.as_json, self.printed, self.terminated, self.option = "--json" in words, False, False, ""
        self.job_ids.clear()

    @property
    def job_id(self) -> str | None:
        """The job that was seen last."""
        return next(reversed(self.job_ids), None)


RUN: Final = Run()


class OutputLost(Exception):
    """What was to be printed could not be: the pipe was closed, or the disk is full."""

    def __init__(self, text: str, why: OSError) -> None:
        super().__init__(why.strerror or str(why))
        self.text = text
        self.closed = why.errno == errno.EPIPE


class _Stream:
    """A text stream whose failures are dealt with in one place, whoever writes to it.

    On stdout they are raised as `OutputLost`. On stderr they are nothing: a job that is paid for does not end because
    nobody can read of it.
    """

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        self._stream = stream
        self._needed = needed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text) if text != "" else 0  # a full disk fails at nothing, too
        except OSError as error:
            self._lost(text, error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._lost("", error)

    def _lost(self, text: str, error: OSError) -> None:
        if self._needed:
            with suppress(Exception):  # what is still buffered would fail again when Python ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise OutputLost(text, error) from None


def prepare() -> None:
    """Make the streams safe to write anything to, and SIGTERM an end like Ctrl-C."""
    with deaf(later=True):  # a stream that is half made takes nothing
        for name in ("stdout", "stderr"):
            _prepare(name)
    if _signals_are_ours() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _prepare(name: str) -> None:
    stream = getattr(sys, name)
    if stream is None:  # closed by whoever started this; a file that is opened later must not take its place
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    elif isinstance(stream, io.TextIOWrapper):
        # A terminal of another alphabet shows \\u4f60 rather than losing what was paid for.
        stream.reconfigure(errors="backslashreplace")
    setattr(sys, name, _Stream(stream, needed=name == "stdout"))


def _terminate(_number: int, _frame: FrameType | None) -> None:
    RUN.terminated = True
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's background job
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)  # whoever is at work knows how to end at that


def _signals_are_ours() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deaf(*, later: bool = False) -> Iterator[None]:
    """Let no signal come between; what comes meanwhile is heard afterwards (*later*), or never."""
    if not _signals_are_ours():
        yield
        return
    heard: list[int] = []
    before = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if later and heard:
        signal.raise_signal(heard[0])


def finish() -> None:
    """Have Ctrl-C change nothing from here on; SIGTERM still ends a Python that hangs on its way out."""
    if _signals_are_ours():
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def plain(text: object) -> str:
    """Return a text of anybody's as one line that a terminal only shows: what would steer it is spelt out."""
    line = str(text)
    return line if line.isprintable() else "".join(map(_shown, line))


def _shown(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode()


def say(text: object) -> None:
    """Print a line of the result on stdout."""
    write(plain(text) + "\n")


def tell(text: object) -> None:
    """Print a line for people on stderr."""
    sys.stderr.write(plain(text) + "\n")
    sys.stderr.flush()


def show(values: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a result on stdout: one JSON object, or a line for each value that there is."""
    if as_json:
        text = json.dumps(_finite(values), default=str, allow_nan=False)
        with deaf(later=True):
            RUN.printed = True
            write(text + "\n")
        return
    shown = {name.replace("_", " "): value for name, value in values.items() if value not in (None, "", {}, [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        say(f"{name:<{width}}  {value}")


def _finite(value: Any) -> Any:
    """Return a JSON value without the numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def write(text: str) -> None:
    """Write on stdout what is safe to be shown; raise `OutputLost` if it cannot be."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OutputLost as lost:
        lost.text = text  # it may have failed as it left the buffer
        raise
