"""Searching a film for a face that is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.faces.finder import halved

if TYPE_CHECKING:
    from lipsync_nodes.perception.arrays import Image
    from lipsync_nodes.perception.faces.casting import Casting
    from lipsync_nodes.perception.faces.finder import Face

RETRY = 5
"""Frames between two searches."""
THOROUGH = 75
"""Frames between two thorough searches."""
# Each second search also finds small faces; each fourth if the face has been missing for so many frames.
_OFTEN, _SELDOM, _LONG = 2, 4, 25
_SIDE = 96  # pixels of the small pictures that are compared
_STILL = 3  # levels: a picture in which nothing differs by more than this stands still; encoding changes it by less


class Search:
    """Looks for large faces, at times for small ones, rarely for turned ones.

    A picture that stands still, such as a title, is searched once for each kind.
    """

    def __init__(self, casting: Casting) -> None:
        """Begin without a frame."""
        self._casting = casting
        self._without: Image | None = None  # a small copy of the last picture in which there was no face
        self._depth = 0  # and how thoroughly that was searched

    def find(self, image: Image, last: Face | None, missing: int, number: int) -> Face | None:
        """Search the frame ``number`` for a face that was at ``last`` and has been missing for some frames."""
        thorough = missing % THOROUGH <= 1 < missing
        quick = missing % (RETRY * (_OFTEN if missing < _LONG else _SELDOM)) != 1 and not thorough
        depth = int(thorough) - int(quick)
        small = np.asarray(cv2.resize(halved(image), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
        if self._without is not None and depth <= self._depth and np.max(cv2.absdiff(small, self._without)) <= _STILL:
            return None
        found = self._casting.choose(image, last=last, thorough=thorough, quick=quick, frame=number)
        self._without, self._depth = None if found else small, depth
        return found[0] if found else None
