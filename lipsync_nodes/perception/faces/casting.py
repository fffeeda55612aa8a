"""Casting: who of the people in a picture speaks. First whom a mask marks, then the largest, then the most central."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import nearest
from lipsync_nodes.perception.faces.finder import SURE
from lipsync_nodes.perception.faces.looks import LIPS
from lipsync_nodes.perception.pictures import read_mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.finder import Face, FaceFinder

RIVAL = 0.5
"""A face of at least this share of the speaker's height may be taken for the speaker."""
MARKED = 0.5
"""A mask marks a face if at least this share of its mouth is white."""
_MOST = 12  # faces that are searched
_STEPS = 5  # the heights are compared in fifths of the largest: faces that are about as large as each other
_SAME = 0.6  # in heights: a face that is lost and found again is not further from where it was


class Casting:
    """Chooses who speaks in a picture, or in a film: there once, and again when the face was lost."""

    def __init__(self, finder: FaceFinder, count: int = 1, mask: Path | None = None) -> None:
        """Choose ``count`` people, by a mask if there is one."""
        self.finder = finder
        self._count, self._mask = count, mask
        self._weights: Floats | None = None
        self.people: list[Face] = []
        """All who are large enough to be the speaker, from left to right, in the frame that shows most of them."""
        self.speakers: list[Face] = []
        """Those of them who speak, from left to right."""
        self.frame = 0
        """The number of that frame, from 0."""
        self.by_mask = False
        """Whether a mask said who."""
        self.hidden = -math.inf
        """Above 0, something seems to be before one of their mouths, as in `Looks`. Only measured in a picture."""

    def weights(self, width: int, height: int) -> Floats | None:
        """Return the mask for pictures of this size, (height, width, 1); None without one. The file is read once."""
        if self._mask and (self._weights is None or self._weights.shape[:2] != (height, width)):
            self._weights = read_mask(self._mask, width, height)
        return self._weights

    def choose(
        self, image: Image, *, last: Face | None = None, thorough: bool = True, quick: bool = False, frame: int = 0
    ) -> list[Face]:
        """Choose from the faces in a picture; returns them from left to right. ``last`` is where a lost one was.

        See `FaceFinder.find` for thorough and quick searches.
        """
        largest = self._count == 1 and last is None and self._mask is None
        share = RIVAL if largest else 0.0
        found = people(image, self.finder, self._count, thorough=thorough, quick=quick, share=share)
        found = [face for face in found if face.presence > SURE]
        if found and (weights := self.weights(*image.shape[1::-1])) is not None:
            found.sort(key=lambda face: marked(weights, face) < MARKED)
            self.by_mask = self.by_mask or marked(weights, found[0]) >= MARKED
        if last is not None:
            found.sort(key=lambda face: not _is_same(face, last))
        chosen = from_left(found[: self._count])
        self._note(found, chosen, frame)
        return chosen

    def look_around(self, image: Image, speaker: Face, frame: int) -> None:
        """Note who else has come into a film and may be taken for the speaker."""
        if self.finder.has_other(image, speaker, RIVAL):
            found = [face for face in people(image, self.finder, 1, thorough=False) if face.presence > SURE]
            self._note(found, [face for face in found if _is_same(face, speaker)][:1], frame)

    def _note(self, found: list[Face], chosen: list[Face], frame: int) -> None:
        """Keep who speaks and who else is there, if nobody speaks yet or more people are seen than before."""
        least = RIVAL * min((face.height for face in chosen), default=math.inf)
        here = [face for face in found if face.height >= least]
        if len(here) > len(self.people):
            self.people, self.speakers, self.frame = from_left(here), chosen, frame


def people(
    image: Image, finder: FaceFinder, count: int, *, thorough: bool = True, quick: bool = False, share: float = 0.0
) -> list[Face]:
    """Find faces, the largest first, of equals the most central. It searches longer for less than ``count``.

    Those below a ``share`` of the largest one's height need not be found.
    """
    found = finder.find(image, _MOST, thorough=False, quick=quick, share=share)
    if thorough and len(found) < count:
        found = finder.find(image, count)
    middle = image.shape[1] / 2
    tall = max((face.height for face in found), default=1.0)
    return sorted(found, key=lambda face: (-round(face.height / tall * _STEPS), abs(float(face.centre[0]) - middle)))


def from_left(faces: Sequence[Face]) -> list[Face]:
    """Return faces from left to right."""
    return sorted(faces, key=lambda face: float(face.centre[0]))


def marked(weights: Floats, face: Face) -> float:
    """Return how much of a face's mouth a mask of the same size marks, from 0 to 1."""
    return float(nearest(weights, face.points[list(LIPS)]).mean())


def _is_same(face: Face, last: Face) -> bool:
    """Return whether a face is about where another one was."""
    return float(np.linalg.norm(face.centre - last.centre)) < _SAME * last.height
