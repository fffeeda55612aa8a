"""Work ahead: on two cores, the next frames are made while the last one is worked on."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_Made = TypeVar("_Made")
_FRAMES = 4  # made before they are needed


def ahead(frames: Iterator[_Made]) -> Iterator[_Made]:
    """Have the next ones made in another thread while the last one is worked on."""
    with ThreadPoolExecutor(1) as artist:
        coming = deque(artist.submit(next, frames, None) for _ in range(_FRAMES))
        while (frame := coming.popleft().result()) is not None:
            coming.append(artist.submit(next, frames, None))
            yield frame
