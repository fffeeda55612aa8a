"""The program's output: lines for people, and at most one JSON object on stdout.

This module needs no extra, because it has to work before the rest is imported and after anything has failed.
"""

from __future__ import annotations

import _thread
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

__all__ = ["RUN", "OutputLost", "Run", "finish", "plain", "prepare", "say", "show", "signals_blocked", "tell", "write"]

# Emoji and several scripts need these characters, which are harmless in a terminal.
_JOINERS: Final = frozenset("\u200c\u200d")
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@dataclass
class Run:
    """The state of one run of the program.

    Attributes:
        as_json: whether to print one JSON object on stdout.
        printed: whether it has been printed.
        terminated: whether the run was stopped by SIGTERM, not by Ctrl-C.
        option: the option that another command needs to find the same jobs.
        check: what the check before the submission found, as JSON types.
        job_ids: the ids of the jobs so far, in order.

    """

    as_json: bool = False
    printed: bool = False
    terminated: bool = False
    option: str = ""
    check: dict[str, Any] | None = None
    job_ids: dict[str, None] = field(default_factory=dict)

    def begin(self, words: Sequence[str]) -> None:
        """Reset for a new run. `as_json` is a guess until the options are parsed."""
        self.as_json, self.printed, self.terminated, self.option = "--json" in words, False, False, ""
        self.check = None
        self.job_ids.clear()

    @property
    def job_id(self) -> str | None:
        """The id of the latest job."""
        return next(reversed(self.job_ids), None)


RUN: Final = Run()


class OutputLost(Exception):
    """The result could not be printed: the pipe was closed, or the disk is full."""

    def __init__(self, text: str, why: OSError) -> None:
        super().__init__(why.strerror or str(why))
        self.text = text
        self.closed = why.errno == errno.EPIPE


class _Stream:
    """A text stream that handles its write errors in one place.

    On stdout they are raised as `OutputLost`. On stderr they are ignored: a paid job must not stop because its progress
    cannot be printed.
    """

    def __init__(self, stream: TextIO, *, needed: bool) -> None:
        self._stream = stream
        self._needed = needed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text) if text != "" else 0  # on a full disk, even writing nothing fails
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
            with suppress(Exception):  # the rest of the buffer would fail again when Python exits
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            raise OutputLost(text, error) from None


def prepare() -> None:
    """Make stdout and stderr accept any text, and make SIGTERM end the program like Ctrl-C."""
    with signals_blocked(later=True):  # a stream that is being replaced cannot be written to
        for name in ("stdout", "stderr"):
            _prepare(name)
    if _signals_are_ours() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)
    if _signals_are_ours():
        sys.unraisablehook = _interrupt_again


def _prepare(name: str) -> None:
    stream = getattr(sys, name)
    if stream is None:  # closed by the parent process; a file that is opened later must not get its number
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    elif isinstance(stream, io.TextIOWrapper):
        # A terminal that cannot show a character gets \\u4f60 instead of an error.
        stream.reconfigure(errors="backslashreplace")
    setattr(sys, name, _Stream(stream, needed=name == "stdout"))


def _interrupt_again(lost: Any) -> None:
    """Repeat a Ctrl-C that came in the callback of a weak reference or while an object was deleted: Python drops it."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        threading.Timer(0.01, _thread.interrupt_main).start()
    else:
        sys.__unraisablehook__(lost)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    RUN.terminated = True
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's background job
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)  # all code already handles KeyboardInterrupt


def _signals_are_ours() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def signals_blocked(*, later: bool = False) -> Iterator[None]:
    """Block Ctrl-C and SIGTERM in the block. With *later*, a signal that came meanwhile is raised at its end."""
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
    """Ignore Ctrl-C from here on. SIGTERM still ends a Python that hangs while it exits."""
    if _signals_are_ours():
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def plain(text: object) -> str:
    """Return any text as one line that is safe in a terminal: control characters are escaped."""
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
    """Print a result on stdout: as one JSON object, or as one line for each value that is set."""
    if as_json:
        text = as_json_text(values)
        with signals_blocked(later=True):
            RUN.printed = True
            write(text + "\n")
        return
    shown = {name.replace("_", " "): value for name, value in values.items() if value not in (None, "", {}, [])}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        say(f"{name:<{width}}  {value}")


def as_json_text(value: Any) -> str:
    """Return a value as JSON."""
    return json.dumps(_finite(value), default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    """Return a JSON value with None in place of NaN and infinity, which JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value


def write(text: str) -> None:
    """Write a safe text on stdout; raise `OutputLost` if that fails."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OutputLost as lost:
        lost.text = text  # the error may have come from the flush, without the text
        raise
