"""Fading: a mouth that something will hide fades out before that, and comes back as slowly."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import chain, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.perception.faces.tracker import Tracked

_FADE = 5  # frames of a fade


def faded(shots: Iterable[Tracked]) -> Iterator[Tracked]:
    """Reduce how visible a mouth is in the frames before and after those that hide it. It reads some frames ahead."""
    seen: deque[float] = deque([1.0] * _FADE, maxlen=2 * _FADE + 1)
    waiting: deque[Tracked] = deque()
    for shot in chain(shots, repeat(None, _FADE)):
        seen.append(shot.seen if shot else 1.0)
        if shot:
            waiting.append(shot)
        if len(seen) > 2 * _FADE:
            yield replace(waiting.popleft(), seen=_lowest(seen))


def _lowest(seen: Iterable[float]) -> float:
    """Return how visible the mouth in the middle frame may be: each frame limits those that are near it."""
    away = range(-_FADE, _FADE + 1)
    return min(1.0, *(one + abs(distance) / (_FADE + 1) for one, distance in zip(seen, away, strict=True)))
