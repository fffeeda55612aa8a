"""Tracking: the same face through the frames of a film, its landmarks calmed."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.sandbox.studio.arrays import floats
from lipsync_nodes.sandbox.studio.faces import Face, FaceFinder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.sandbox.studio.arrays import Image

_WEIGHTS = (1, 2, 1)  # of the frames around one, for its landmarks; more would smear the film's own lips
_AROUND = len(_WEIGHTS) // 2
_LEAP = 0.15  # of the face's height: landmarks that move further in a frame show a cut, not a movement
_RETRY = 5  # frames from one search for a lost face to the next


def tracked(frames: Iterable[Image], finder: FaceFinder) -> Iterator[tuple[Image, Face | None]]:
    """Give every frame with its largest face, if it has one. Looks one frame ahead and keeps no more."""
    near: deque[tuple[Image | None, Face | None]] = deque([(None, None)] * _AROUND, maxlen=len(_WEIGHTS))
    for pair in chain(_found(frames, finder), [(None, None)] * _AROUND):
        near.append(pair)
        image, face = near[-1 - _AROUND]
        if image is not None:
            yield image, face and _calm(face, near)


def _found(frames: Iterable[Image], finder: FaceFinder) -> Iterator[tuple[Image | None, Face | None]]:
    """Follow the face; search for it when it is not there."""
    face: Face | None = None
    wait = 0
    for image in frames:
        face = face and finder.follow(image, face)
        if face is None and wait == 0:
            face = next(iter(finder.find(image)), None)
            wait = 0 if face else _RETRY
        wait = max(0, wait - 1)
        yield image, face


def _calm(face: Face, near: Iterable[tuple[Image | None, Face | None]]) -> Face:
    """Average a face's landmarks with those of the frames around it, as far as it is one movement."""
    total, weights = np.zeros_like(face.points), 0
    for (_, other), weight in zip(near, _WEIGHTS, strict=False):
        if other and float(np.abs(other.points - face.points).max()) < _LEAP * face.height:
            total, weights = total + other.points * weight, weights + weight
    return Face(floats(total / weights))
