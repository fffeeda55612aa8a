"""Fading: a mouth that something will hide fades out before that, and comes back as slowly."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import chain, repeat, takewhile
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from lipsync_nodes.perception.faces.tracker import Tracked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_FADE = 5  # frames of a fade
_AHEAD = 8  # frames in which a hand comes before a mouth, or goes
_LASTS = 2  # frames; a single one may be blurred by a fast head
_ENOUGH = 0.35  # a mouth that is so visible is shown whole, unless something comes before it

_Near: TypeAlias = "deque[tuple[int, float]]"
"""Of the frames around one: the number of cuts before each, and how visible the mouth is."""
_Shot = TypeVar("_Shot", bound=Tracked)


def faded(shots: Iterable[_Shot]) -> Iterator[_Shot]:
    """Reduce how visible a mouth is in the frames before and after those that hide it. It reads some frames ahead.

    Frames beyond a cut do not count.
    """
    return _looked_around(_looked_around(shots, _AHEAD, _uncovered), _FADE, _lowest)


def _looked_around(shots: Iterable[_Shot], reach: int, judge: Callable[[_Near], float]) -> Iterator[_Shot]:
    """Judge how visible the mouth is in each frame by the frames within reach."""
    near: _Near = deque([(0, 1.0)] * reach, maxlen=2 * reach + 1)
    waiting: deque[_Shot] = deque()
    cuts = 0
    for shot in chain(shots, repeat(None, reach)):
        cuts += bool(shot and shot.cut)
        near.append((cuts, shot.seen if shot else 1.0))
        if shot:
            waiting.append(shot)
        if len(near) > 2 * reach:
            yield replace(waiting.popleft(), seen=judge(near))


def _uncovered(near: _Near) -> float:
    """Return how visible the mouth in the middle frame is: not at all while a hand comes before it or goes.

    It comes if there is nothing near the mouth on one side of the frame, and the mouth is hidden on the other.
    """
    frames = list(near)
    middle = len(frames) // 2
    here, seen = frames[middle]
    ways = [[visible for cuts, visible in way if cuts == here] for way in (frames[middle::-1], frames[middle:])]
    for one, other in (ways, ways[::-1]):
        covered = takewhile(lambda visible: visible < 1, one)
        if sum(not visible for visible in covered) >= _LASTS and 1.0 in other:
            return 0.0
    return min(1.0, seen / _ENOUGH)


def _lowest(near: _Near) -> float:
    """Return how visible the mouth in the middle frame may be: each frame of its shot limits those that are near it."""
    away = range(-_FADE, _FADE + 1)
    here = near[_FADE][0]
    limits = (seen + abs(gap) / (_FADE + 1) for (cuts, seen), gap in zip(near, away, strict=True) if cuts == here)
    return min(1.0, *limits)
