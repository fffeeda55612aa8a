"""Sway: the head in a photo moves a little, in a way that a seed determines, nods and raises its brows.

The head moves as a whole, and the middle of the face further than its edge, as if the head turned. So the background is
hardly pulled along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, eased, floats, levels
from lipsync_nodes.sandbox.preview.mouth.lips import Frame
from lipsync_nodes.sandbox.preview.mouth.window import sampled_at

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.sandbox.preview.mouth.gestures import Gestures

_HERTZ = np.array([0.13, 0.29, 0.47])  # of the slow, the medium and the fast part of the movement
_SHARE = np.array([0.6, 0.3, 0.1])
# All in face heights.
_SHIFT = (0.018, 0.012)  # across and down
_NOD, _RAISE = 0.016, 0.020  # of the head, and of the brows
_TURN = 0.018  # radians
_SHARP = floats([-0.12, 1.24, -0.12])  # roughly undoes the mean blur of interpolating between two pixels
_GRID = 64  # points along each side of the coarse grid on which the movement is computed
_HEAD, _FREE = 0.85, 1.25  # from the centre: all within moves as a whole, and nothing beyond moves
_FACE, _NEARER = 0.62, 0.35  # the middle of the face moves further by this share; that fades out within this distance
# MediaPipe's landmarks: the lower edges of both brows and the upper lids below them, from right to left.
_BROWS = (46, 53, 52, 65, 55, 285, 295, 282, 283, 276)
_LIDS = (33, 161, 159, 158, 133, 362, 385, 386, 388, 263)
_BORDER = 0.25  # nearer than this to the photo's border less moves across it, and at the border nothing
_STILL = 0.02  # above the lids, this much skin stays where it is
_FOREHEAD, _TEMPLES = 0.17, 0.07  # the skin around the brows that moves with them, above and beside


class Sway:
    """The movement of one head. It starts at zero and stays small, in proportion to the face's height."""

    def __init__(self, face: Face, size: tuple[int, int], seed: int, gestures: Gestures, fps: float) -> None:
        """Choose the movement and prepare the map for pictures of ``size`` (width, height)."""
        self._phases = np.random.default_rng(seed % 2**63).uniform(0, 2 * np.pi, (3, len(_HERTZ)))
        self._gestures, self._fps = gestures, fps
        self._frame = Frame.of(face)
        low = np.maximum(face.centre - _FREE * face.height, 0).astype(int)
        high = np.minimum(face.centre + _FREE * face.height + 1, size).astype(int)
        self._box = np.s_[low[1] : high[1], low[0] : high[0]]
        rows, columns = np.indices(high[::-1] - low[::-1], np.float32)
        self._at = np.stack([columns, rows], -1)
        self._from = np.empty_like(self._at)  # kept: allocating so much memory takes as long as warping
        coarse = floats(cv2.resize(self._at, (_GRID, _GRID), interpolation=cv2.INTER_AREA)) + floats(low)
        arm = (coarse - face.centre)[..., ::-1] * floats([-1, 1])
        away = np.linalg.norm(coarse - face.centre, axis=-1, keepdims=True) / face.height
        self._weight = eased((_FREE - away) / (_FREE - _HEAD))
        nearer = self._weight + _NEARER * eased(1 - away / _FACE)
        inside = eased(np.minimum(coarse, floats(size) - 1 - coarse) / (_BORDER * face.height))
        brows = -_RAISE * _brows(face, self._frame, coarse)[..., None]
        ways = nearer * self._frame.across, nearer * self._frame.down, self._weight * arm, brows * self._frame.down
        self._ways = floats([inside * way for way in ways]).reshape(len(ways), -1)

    def sharpen(self, image: Image) -> None:
        """Sharpen the head in ``image``, in place, because moves of less than a pixel blur it."""
        head = image[self._box]
        sharp = cv2.sepFilter2D(head, -1, _SHARP, _SHARP, borderType=cv2.BORDER_REPLICATE)
        weight = cv2.resize(self._weight, head.shape[1::-1])[..., None]
        head[:] = levels(head + (sharp.astype(np.float32) - head) * weight)

    def move(self, image: Image, number: int) -> None:
        """Move the head in ``image``, in place, to its position in a frame."""
        angles = 2 * np.pi * _HERTZ * (number / self._fps) + self._phases
        across, down, turn = (np.sin(angles) - np.sin(self._phases)) @ _SHARE / 2
        low = down * _SHIFT[1] + _NOD * float(self._gestures.nods[number])
        far = floats([across * _SHIFT[0], low, turn * _TURN, self._gestures.brows[number]])
        moved = (far @ self._ways).reshape(_GRID, _GRID, 2)
        rows, columns = self._at.shape[:2]
        cv2.resize(moved, (columns, rows), self._from)
        cv2.subtract(self._at, self._from, self._from)
        image[self._box] = sampled_at(image[self._box], self._from)


def _brows(face: Face, frame: Frame, pixels: Floats) -> Floats:
    """Return how far each pixel moves with the brows: fully at them, and not at the lids."""
    places, brows, lids = (
        frame.into(points) for points in (pixels, face.points[list(_BROWS)], face.points[list(_LIDS)])
    )
    x, y = places[..., 0], places[..., 1]
    brow, lid = (np.interp(x, line[:, 0], line[:, 1]) for line in (brows, lids))
    below = (lid - _STILL - y) / np.maximum(lid - _STILL - brow, 0.02)
    above = (y - brow + _FOREHEAD) / (0.7 * _FOREHEAD)
    beside = np.minimum(x - brows[0, 0], brows[-1, 0] - x) / _TEMPLES + 1
    return eased(floats(below)) * eased(floats(above)) * eased(floats(beside))
