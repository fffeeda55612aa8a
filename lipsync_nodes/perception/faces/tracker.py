"""Tracking: follows a face through the frames of a film and smooths its landmarks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import floats
from lipsync_nodes.perception.faces.finder import Face, FaceFinder
from lipsync_nodes.perception.faces.occlusion import Occlusion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.perception.arrays import Image

_WEIGHTS = (1, 2, 1)  # of the frames around one, for its landmarks; more would blur the movement of the lips
_AROUND = len(_WEIGHTS) // 2
_LEAP = 0.025  # in face heights: landmarks that move further in one frame really move, and are not smoothed
_RETRY = 5  # frames between two searches for a lost face
_THOROUGH = 50  # frames between two thorough searches
_GONE = 0.1  # a mouth that is visible by less than this counts as hidden


@dataclass(frozen=True, slots=True)
class Tracked:
    """A frame of a film, its largest face if there is one, and how visible its mouth is, from 0 to 1."""

    image: Image
    face: Face | None = None
    seen: float = 0.0


def tracked(frames: Iterable[Image], finder: FaceFinder) -> Iterator[Tracked]:
    """Yield each frame with its largest face. It reads one frame ahead."""
    near: deque[Tracked | None] = deque([None] * _AROUND, maxlen=len(_WEIGHTS))
    for one in chain(_found(frames, finder), [None] * _AROUND):
        near.append(one)
        if len(near) > _AROUND and (now := near[-1 - _AROUND]) is not None:
            yield _smoothed(now, near)


def _found(frames: Iterable[Image], finder: FaceFinder) -> Iterator[Tracked]:
    """Follow the face; search for it while it is lost."""
    face: Face | None = None
    wait = 0
    occlusion = Occlusion()
    for number, image in enumerate(frames):
        face = face and finder.follow(image, face)
        if face is None and wait == 0:
            face = next(iter(finder.find(image, thorough=number % _THOROUGH == 0)), None)
            wait = 0 if face else _RETRY
        wait = max(0, wait - 1)
        yield Tracked(image, face, occlusion.seen(image, face)) if face else Tracked(image)


def _smoothed(now: Tracked, near: Iterable[Tracked | None]) -> Tracked:
    """Average a face's landmarks with those of the frames around it, except for large movements."""
    if now.face is None:
        return now
    points, seen, weights = np.zeros_like(now.face.points), 0.0, 0
    for other, weight in zip(near, _WEIGHTS, strict=False):
        if other and other.face and _apart(other.face, now.face) < _LEAP * now.face.height:
            points, seen, weights = points + other.face.points * weight, seen + other.seen * weight, weights + weight
    return Tracked(now.image, Face(floats(points / weights)), seen / weights if seen / weights > _GONE else 0.0)


def _apart(one: Face, other: Face) -> float:
    return float(np.abs(one.points - other.points).max())
