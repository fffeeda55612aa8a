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
    """Reduce how visible a mouth is in the frames before and after those that hide it. It reads some frames ahead.

    Frames beyond a cut do not count.
    """
    near: deque[tuple[int, float]] = deque([(0, 1.0)] * _FADE, maxlen=2 * _FADE + 1)  # the number of cuts, and seen
    waiting: deque[Tracked] = deque()
    cuts = 0
    for shot in chain(shots, repeat(None, _FADE)):
        cuts += bool(shot and shot.cut)
        near.append((cuts, shot.seen if shot else 1.0))
        if shot:
            waiting.append(shot)
        if len(near) > 2 * _FADE:
            yield replace(waiting.popleft(), seen=_lowest(near))


def _lowest(near: deque[tuple[int, float]]) -> float:
    """Return how visible the mouth in the middle frame may be: each frame of its shot limits those that are near it."""
    away = range(-_FADE, _FADE + 1)
    here = near[_FADE][0]
    limits = (seen + abs(gap) / (_FADE + 1) for (cuts, seen), gap in zip(near, away, strict=True) if cuts == here)
    return min(1.0, *limits)
