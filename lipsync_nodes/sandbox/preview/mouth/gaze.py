"""Gaze: the eyes of a photo look a little to the side for a moment. Only what is between the lids moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats

if TYPE_CHECKING:
    from lipsync_nodes.sandbox.preview.mouth.lids import Eye

_FARTHEST = 0.03  # parts of an eye's width: how far its iris moves
# In face heights: what stays at the lids, and how softly it begins to move.
_LASHES, _WATER, _SOFT = 0.004, 0.002, 0.020
_WHITE = 0.30  # parts of an eye's width: the white between iris and corner gives way


def glancing(eye: Eye, by: float) -> Floats:
    """Return an eye's pixels with its iris moved by a part of the usual distance, from -1 (right) to 1 (left)."""
    if not by:
        return eye.before
    inside = np.minimum(eye.y - eye.upper - _LASHES, eye.lower - _WATER - eye.y)
    beside = np.minimum(eye.x - eye.corners[0], eye.corners[1] - eye.x)
    moves = eye.soft(floats(inside), _SOFT) * eye.soft(floats(beside), _WHITE * eye.width)
    far = moves * np.float32(by * _FARTHEST * eye.width * eye.face)
    across = floats([eye.x[0, -1] - eye.x[0, 0], eye.x[-1, 0] - eye.x[0, 0]]) / [eye.x.shape[1] - 1, eye.x.shape[0] - 1]
    along = floats(across / np.linalg.norm(across))  # the eye's x in columns and rows
    rows, columns = np.indices(eye.x.shape, np.float32)
    places = floats(columns - along[0] * far), floats(rows - along[1] * far)
    return floats(cv2.remap(eye.before, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))
