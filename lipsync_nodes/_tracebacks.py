"""Keeps the API key out of tracebacks that show local variables, as rich and error-reporting services do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from types import TracebackType
from typing import Self

from lipsync_nodes.errors import LipsyncError


class NoFramesBelow:
    """Removes the frames below a block from any exception that ends it, including Ctrl-C and time limits.

    In those frames, local variables contain the API key: a request with its headers, the bytes to send, the profiles
    file. The frame of the block itself must contain no key. An exception that the caller was already handling is not
    changed.
    """

    def __enter__(self) -> Self:
        self._handled = sys.exception()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or trace is None or trace.tb_next is None:
            return
        if isinstance(error, Exception) and not isinstance(error, LipsyncError):
            error.add_note(f"It was raised in {_place(trace)}; the frames there hold secrets and are left out.")
        trace.tb_next = None
        for other in _chained(error, self._handled):
            other.__traceback__ = None


@contextmanager
def interrupt_first() -> Iterator[None]:
    """Raise a Ctrl-C that `threading` turned into a RuntimeError, by releasing a lock that it does not hold."""
    handled = sys.exception()  # by the caller, so it is not raised again
    try:
        yield
    except RuntimeError as error:
        for one in _chained(error, handled):
            if isinstance(one, KeyboardInterrupt):
                raise one from None
        raise


def _place(trace: TracebackType) -> str:
    *_, (frame, line) = walk_tb(trace)
    return f"{frame.f_code.co_filename}, line {line}, in {frame.f_code.co_name}"


def _chained(error: BaseException, stop: BaseException | None) -> Iterator[BaseException]:
    """Yield the causes, contexts and members of an error that were raised in the block."""
    seen, ahead = {id(error), id(stop)}, [error]
    while ahead:
        one = ahead.pop()
        members = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        for other in (one.__cause__, one.__context__, *members):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                ahead.append(other)
                yield other
