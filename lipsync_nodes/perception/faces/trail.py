"""A trail: follows one face from frame to frame, and runs the mesh on every second one where that is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.perception.faces.finder import Face, FaceFinder, square
from lipsync_nodes.perception.faces.looks import LIPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# In face heights: landmarks that move further in two frames are found in both. With this and _LEVELS, those halfway
# were less than 0.005 away from those that the mesh found, in 99 of 100 frames of 34 films.
_CALM = 0.025
_SIDE = 0.5  # in face heights: the square around the mouth that is compared
_PIXELS, _CELLS = 48, 16  # pixels and places along a side of it
_MOST, _LEVELS = 8, 3.0  # a mouth moves by itself if so many places differ by more from the mean of the frames beside


class Trail:
    """Where a face is in the frames of a film."""

    def __init__(self, finder: FaceFinder) -> None:
        """Begin without a face."""
        self._finder = finder
        self._ahead: Face | None = None
        self._calm = True  # so far, it moves slowly enough to look ahead

    def follow(self, last: Face, before: Image, image: Image, coming: Image | None) -> Face | None:
        """Return the face that was at ``last`` in the frame before; None if it is no longer there.

        ``coming`` is the next frame, if there is one. If the mouth moves evenly from the last frame to the next, it is
        halfway in this one. Call it for each frame.
        """
        found, self._ahead = self._ahead, None
        if found is None and coming is not None and self._calm:
            ahead = self._finder.follow(coming, last)
            if ahead and apart(last, ahead) < _CALM:
                self._ahead = ahead
                halfway = Face(floats((last.points + ahead.points) / 2), presence=min(last.presence, ahead.presence))
                if _evenly((before, last), (image, halfway), (coming, ahead)):
                    return halfway
        found = found or self._finder.follow(image, last)
        if found is None:  # by the time it is found again, it will be elsewhere
            self._ahead = None
        self._calm = bool(found and 2 * apart(last, found) < _CALM)
        return found


def apart(one: Face, other: Face) -> float:
    """Return the largest distance of their landmarks, in heights of the first."""
    return float(np.abs(one.points - other.points).max()) / one.height


def followed_by(frames: Iterable[Image]) -> Iterator[tuple[Image, Image | None]]:
    """Yield each frame with the next one; the last with None."""
    image: Image | None = None
    for coming in frames:
        if image is not None:
            yield image, coming
        image = coming
    if image is not None:
        yield image, None


def _evenly(*frames: tuple[Image, Face]) -> bool:
    """Return whether the mouth in the second of three frames looks like the mean of the others: heads may move."""
    first, now, last = (_mouth(image, face) for image, face in frames)
    differ = np.abs(now - (first + last) / 2).ravel()
    return float(np.partition(differ, -_MOST)[-_MOST:].mean()) < _LEVELS


def _mouth(image: Image, face: Face) -> Floats:
    """Return the light around a mouth, (_CELLS, _CELLS)."""
    turn = square(floats(face.points[list(LIPS)].mean(0)), _SIDE * face.height, face.roll, _PIXELS)
    near = cv2.warpAffine(image, turn, (_PIXELS, _PIXELS), borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(near, cv2.COLOR_BGR2GRAY)
    return floats(cv2.resize(grey, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA))
