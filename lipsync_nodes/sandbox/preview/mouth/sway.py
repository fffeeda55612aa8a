"""Sway: the head in a photo moves a little, in a way that a seed determines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Image, floats, levels
from lipsync_nodes.sandbox.preview.mouth.window import sampled_at

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face

_HERTZ = np.array([0.13, 0.29, 0.47])  # of the slow, the medium and the fast part of the movement
_SHARE = np.array([0.6, 0.3, 0.1])
_SHIFT = (0.014, 0.010)  # of the face's height, across and down
_TURN = 0.016  # radians
_SHARP = floats([-0.12, 1.24, -0.12])  # roughly undoes the mean blur of interpolating between two pixels
_GRID = 32  # points along each side of the coarse grid on which the movement is computed
_HEAD, _FREE = 0.85, 1.25  # in face heights from the centre: all within moves as a whole, and nothing beyond moves


class Sway:
    """The movement of one head. It starts at zero and stays small, in proportion to the face's height."""

    def __init__(self, face: Face, size: tuple[int, int], seed: int) -> None:
        """Choose the movement and prepare the map for pictures of ``size`` (width, height)."""
        self._phases = np.random.default_rng(seed % 2**63).uniform(0, 2 * np.pi, (3, len(_HERTZ)))
        self._height = face.height
        low = np.maximum(face.centre - _FREE * self._height, 0).astype(int)
        high = np.minimum(face.centre + _FREE * self._height + 1, size).astype(int)
        self._box = np.s_[low[1] : high[1], low[0] : high[0]]
        rows, columns = np.indices(high[::-1] - low[::-1], np.float32)
        self._at = np.stack([columns, rows], -1)
        self._from = np.empty_like(self._at)  # kept: allocating so much memory takes as long as warping
        coarse = floats(cv2.resize(self._at, (_GRID, _GRID), interpolation=cv2.INTER_AREA))
        self._arm = coarse + floats(low) - face.centre
        away = np.linalg.norm(self._arm, axis=-1, keepdims=True) / self._height
        ramp = np.clip((_FREE - away) / (_FREE - _HEAD), 0, 1)
        self._weight = floats(ramp * ramp * (3 - 2 * ramp))

    def sharpen(self, image: Image) -> None:
        """Sharpen the head in ``image``, in place, because moves of less than a pixel blur it."""
        head = image[self._box]
        sharp = cv2.sepFilter2D(head, -1, _SHARP, _SHARP, borderType=cv2.BORDER_REPLICATE)
        weight = cv2.resize(self._weight, head.shape[1::-1])[..., None]
        head[:] = levels(head + (sharp.astype(np.float32) - head) * weight)

    def move(self, image: Image, seconds: float) -> None:
        """Move the head in ``image``, in place, to its position at a time."""
        angles = 2 * np.pi * _HERTZ * seconds + self._phases
        across, down, turn = floats((np.sin(angles) - np.sin(self._phases)) @ _SHARE / 2)
        shift = floats([across * _SHIFT[0], down * _SHIFT[1]]) * self._height
        swing = self._arm[..., ::-1] * floats([-1, 1]) * (turn * _TURN)
        rows, columns = self._at.shape[:2]
        cv2.resize(self._weight * (shift + swing), (columns, rows), self._from)
        cv2.subtract(self._at, self._from, self._from)
        image[self._box] = sampled_at(image[self._box], self._from)
