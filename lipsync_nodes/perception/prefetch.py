"""Prefetching: computes the next frames in another thread, so that a render uses two cores."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")
_FRAMES = 2  # computed before they are needed


def prefetched(frames: Iterator[_T]) -> Iterator[_T]:
    """Yield the same frames, and compute the next ones in another thread meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, frames, None) for _ in range(_FRAMES))
        while (frame := coming.popleft().result()) is not None:
            coming.append(thread.submit(next, frames, None))
            yield frame
