"""Looks at a film now and then: the face in it, what that is like, who else is there, and the cuts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.perception.faces.casting import RIVAL, people
from lipsync_nodes.perception.faces.finder import Face, FaceFinder
from lipsync_nodes.perception.faces.looks import Looks, looks
from lipsync_nodes.perception.pictures import sampled
from lipsync_nodes.perception.prefetch import prefetched

if TYPE_CHECKING:
    from pathlib import Path

INTERVAL = 0.2
"""Seconds between two glimpses."""
_CLOSELY = 4  # of so many glimpses of a face, one looks whether its mouth is hidden
_AROUND = 10  # of so many glimpses, one looks for other people
_PATIENT = 5  # glimpses without a face, after which it is searched for less often
_SEARCH = 5  # glimpses between two searches
_THOROUGH = 25  # glimpses before the first thorough search; each later one comes after twice as many
_THOROUGH_AT = frozenset(_THOROUGH * 2**count for count in range(20))
_COLOURS, _SHAPES = 0.55, 28.0  # at a cut the colours correlate less, and the levels differ by more
_THUMB = (32, 18)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One frame of a film.

    Attributes:
        time: when it is shown, in seconds.
        share: the height of the face as a share of the frame's short side; 0 if there is none.
        face: the face's landmarks, if there is one.
        looks: what the face is like. Whether its mouth is hidden is measured in some glimpses only.
        others: how many other faces of about that size there are; None if that was not looked at.
        cut: whether a cut is before it.
        width, height: of the frame, in pixels.

    """

    time: float
    share: float = 0.0
    face: Face | None = None
    looks: Looks | None = None
    others: int | None = None
    cut: bool = False
    width: int = 0
    height: int = 0


def glimpses(path: Path, finder: FaceFinder, short_side: int) -> Iterator[Glimpse]:
    """Yield what a film shows, every INTERVAL seconds. The frames are reduced to ``short_side``."""
    eye = _Eye(finder)
    for number, (time, image) in enumerate(prefetched(sampled(path, INTERVAL, short_side))):
        yield eye.look(number, time, image)


class _Eye:
    """Follows the largest face, and searches again after a cut or while there is none."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._face: Face | None = None
        self._missing = self._seen = 0
        self._last: tuple[Floats, Floats] | None = None

    def look(self, number: int, time: float, image: Image) -> Glimpse:
        cut = self._is_cut(image)
        found = people(image, self._finder, 1, thorough=False) if cut or number % _AROUND == 0 else None
        if found:
            self._choose(found, start=cut)
        face = self._face = (self._face and self._finder.follow(image, self._face)) or self._search(image)
        height, width = image.shape[:2]
        if face is None:
            self._missing += 1
            return Glimpse(time, cut=cut, width=width, height=height)
        closely = self._finder if self._seen % _CLOSELY == 0 else None
        self._missing, self._seen = 0, self._seen + 1
        others = None if found is None else _others(found, face)
        share = face.height / min(height, width)
        return Glimpse(time, share, face, looks(image, face, closely), others, cut, width, height)

    def _choose(self, found: list[Face], *, start: bool) -> None:
        """Begin with the likely speaker. Later the followed one stays, unless another face is much larger."""
        if self._face is None or start or found[0].height > 2 * self._face.height:
            self._face = found[0]

    def _search(self, image: Image) -> Face | None:
        """Search a lost face: always quickly, now and then for small ones, rarely for turned ones."""
        missing = self._missing
        thorough = missing + 1 in _THOROUGH_AT
        quick = missing > _PATIENT and missing % _SEARCH != 0 and not thorough
        return next(iter(self._finder.find(image, thorough=thorough, quick=quick)), None)

    def _is_cut(self, image: Image) -> bool:
        """Compare with the last glimpse: a cut changes the colours, and where the light and the dark are."""
        small = np.asarray(cv2.resize(image, _THUMB, interpolation=cv2.INTER_AREA), np.uint8)
        hues = cv2.calcHist([small], [0, 1, 2], None, [6, 6, 6], [0, 256] * 3)
        now = floats(small), floats(cv2.GaussianBlur(hues.reshape(6, -1), (0, 0), 0.7))
        last, self._last = self._last, now
        if last is None:
            return False
        alike = float(cv2.compareHist(now[1], last[1], cv2.HISTCMP_CORREL))
        return alike < _COLOURS and float(np.abs(now[0] - last[0]).mean()) > _SHAPES


def _others(people: list[Face], face: Face) -> int:
    """Count the other faces that may be taken for the speaker."""
    apart = [one for one in people if float(np.linalg.norm(one.centre - face.centre)) > face.height / 2]
    return sum(one.height >= RIVAL * face.height for one in apart)
