"""Cuts: where another shot begins in a film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import floats

if TYPE_CHECKING:
    from lipsync_nodes.perception.arrays import Floats, Image

_SIDE, _COARSE = 32, 128  # pixels; the mean of the coarse picture takes less time than that of all pixels
_CUT = 18.0  # of 255 levels: small pictures of two frames that differ by more than this are of two shots


class Cuts:
    """Compares each frame with the one before."""

    def __init__(self) -> None:
        """Begin without a frame."""
        self._before: Floats | None = None

    def is_cut(self, image: Image) -> bool:
        """Return whether a frame is that of another shot than the one before."""
        near = cv2.resize(image, (_COARSE, _COARSE), interpolation=cv2.INTER_NEAREST)
        before, self._before = self._before, floats(cv2.resize(near, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA))
        return before is not None and float(np.abs(self._before - before).mean()) > _CUT
