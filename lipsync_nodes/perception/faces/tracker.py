"""Tracking: follows a face through the frames of a film and smooths its landmarks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import floats
from lipsync_nodes.perception.faces.cuts import Cuts
from lipsync_nodes.perception.faces.finder import Face, FaceFinder
from lipsync_nodes.perception.faces.occlusion import Occlusion
from lipsync_nodes.perception.faces.search import RETRY, THOROUGH, Search
from lipsync_nodes.perception.faces.trail import Trail, apart, followed_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.perception.arrays import Image
    from lipsync_nodes.perception.faces.casting import Casting

_WEIGHTS = (1, 2, 1)  # of the frames around one, for its landmarks; more would blur the movement of the lips
_AROUND = len(_WEIGHTS) // 2
_LEAP = 0.025  # in face heights: landmarks that move further in one frame really move, and are not smoothed
_NEWS = 75  # frames between two looks at who else has come
_FAR = 1.0  # in face heights: what is further away than the face was just now is another person's
_GONE = 0.1  # a mouth that is visible by less than this counts as hidden


@dataclass(frozen=True, slots=True)
class Tracked:
    """A frame of a film, the face that speaks if there is one, and how visible its mouth is, from 0 to 1.

    ``cut`` is whether another shot begins with it, perhaps of another person.
    """

    image: Image
    face: Face | None = None
    seen: float = 0.0
    cut: bool = False


def tracked(frames: Iterable[Image], casting: Casting) -> Iterator[Tracked]:
    """Yield each frame with the face that speaks. It reads one frame ahead."""
    near: deque[Tracked | None] = deque([None] * _AROUND, maxlen=len(_WEIGHTS))
    for one in chain(_found(frames, casting), [None] * _AROUND):
        near.append(one)
        if len(near) > _AROUND and (now := near[-1 - _AROUND]) is not None:
            yield _smoothed(now, near)


def _found(frames: Iterable[Image], casting: Casting) -> Iterator[Tracked]:
    """Follow the face; search for it while it is lost. One that came back is followed backwards to its first frame."""
    cuts, occlusion, trail = Cuts(), Occlusion(casting.finder), Trail(casting.finder)
    waiting: list[Image] = []  # frames without a face since the last search
    face: Face | None = None
    last: Face | None = None
    before: Image | None = None
    missing, search = 0, Search(casting)
    for number, (image, coming) in enumerate(followed_by(frames)):
        cut = cuts.is_cut(image)
        if cut:
            yield from map(Tracked, waiting)
            waiting.clear()
            face, last, missing = None, None, 0
            occlusion, trail = Occlusion(casting.finder), Trail(casting.finder)
        waiting.append(image)
        face = trail.follow(face, before, image, coming) if face and before is not None else None
        before = image
        missing = 0 if face else missing + 1
        if missing % RETRY == 1:
            face = search.find(image, last, missing if number else THOROUGH, number)
        elif missing:
            continue
        elif face and number % _NEWS == 0:
            casting.look_around(image, face, number)
        if face and last and _away(face, last) > _FAR * face.height:
            occlusion = Occlusion(casting.finder)
        last = face or last
        for shown, found in _backwards(waiting, face, casting.finder):
            seen = occlusion.seen(shown, found) if found else 0.0
            yield Tracked(shown, found, seen, cut)
        waiting.clear()
    yield from map(Tracked, waiting)


def _backwards(frames: list[Image], face: Face | None, finder: FaceFinder) -> Iterator[tuple[Image, Face | None]]:
    """Follow the face in the last of some frames back to the first."""
    faces = [face]
    for image in reversed(frames[:-1]):
        face = face and finder.follow(image, face)
        faces.append(face)
    return zip(frames, reversed(faces), strict=True)


def _smoothed(now: Tracked, near: Iterable[Tracked | None]) -> Tracked:
    """Average a face's landmarks with those of the frames around it, except for large movements."""
    if now.face is None:
        return now
    points, seen, weights = np.zeros_like(now.face.points), 0.0, 0
    for other, weight in zip(near, _WEIGHTS, strict=False):
        if other and other.face and apart(now.face, other.face) < _LEAP:
            points, seen, weights = points + other.face.points * weight, seen + other.seen * weight, weights + weight
    seen = seen / weights if seen / weights > _GONE else 0.0
    return replace(now, face=Face(floats(points / weights)), seen=seen)


def _away(one: Face, other: Face) -> float:
    return float(np.linalg.norm(one.centre - other.centre))
