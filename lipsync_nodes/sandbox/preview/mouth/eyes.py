"""Blinking: the eyes in a photo blink now and then, at moments that a seed determines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.sandbox.preview.mouth.lips import Frame
from lipsync_nodes.sandbox.preview.mouth.window import sampled_at

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face

# MediaPipe's landmarks: the lids of each eye, and the lower edge of the brow above it, each from right to left.
_UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
_LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))
_BROWS = ((46, 53, 52, 65, 55), (285, 295, 282, 283, 276))
# How far the lid is down in each frame of a blink: lids close faster than they open.
_CLOSING = (0.25, 0.7, 1.0, 1.0, 0.8, 0.5, 0.25, 0.1)
_PAUSE = (2.2, 5.0)  # the least and the most seconds between two blinks
# This part of the eye's height, above the lid's edge, moves down unchanged. The skin above it is stretched.
_LASHES = 0.16
# How far a closed lid takes its colour from the skin under the brow, not from the dark fold above the lashes.
_BRIGHT = 1.3
_ROOM = 0.02  # margin around an eye, as a part of the face's height


class Blinks:
    """The blinks of one face in a photo. Each step of a blink is drawn once, in advance."""

    def __init__(self, face: Face, photo: Image, seed: int, fps: float) -> None:
        """Choose the moments and draw the lids for each step of a blink."""
        self._rng = np.random.default_rng([seed % 2**63, 1])
        self._fps = fps
        self._next = self._pause(0) // 2
        self._steps = [[_lid(face, photo, eye, step) for eye in (0, 1)] for step in _CLOSING]

    def draw(self, onto: Image, number: int) -> None:
        """Draw the lids of frame *number*. Call it for each frame in order."""
        if number >= self._next + len(_CLOSING):
            self._next = self._pause(number)
        if number >= self._next:
            for rows, columns, picture in self._steps[number - self._next]:
                onto[rows, columns] = picture

    def _pause(self, number: int) -> int:
        return number + round(float(self._rng.uniform(*_PAUSE)) * self._fps)


def _lid(face: Face, photo: Image, eye: int, closed: float) -> tuple[slice, slice, Image]:
    """Return the rows and columns of an eye in the photo, and its picture with the lid that far down."""
    frame = Frame.of(face)
    upper, lower, brow = (frame.into(face.points[list(part[eye])]) for part in (_UPPER_LIDS, _LOWER_LIDS, _BROWS))
    low = np.array([upper[0, 0] - _ROOM, brow[:, 1].min() - _ROOM])
    high = np.array([upper[-1, 0] + _ROOM, lower[:, 1].max() + _ROOM])
    corners = frame.out_of(floats([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])]))
    size = np.array(photo.shape[1::-1])
    left, top = np.clip(np.floor(corners.min(0)), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(0)) + 1, 0, size).astype(int).tolist()
    rows, columns = slice(top, bottom), slice(left, right)
    if top >= bottom or left >= right:
        return rows, columns, photo[rows, columns].copy()
    pixels = floats(np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1))
    points = frame.into(pixels)
    sources, covered = _pulled(points, upper, lower, brow, closed)
    moved = sampled_at(photo, frame.out_of(sources))
    cover = cv2.GaussianBlur(covered, (0, 0), max(0.4, 0.004 * face.height))[..., None]
    before = photo[rows, columns].astype(np.float32)
    return rows, columns, np.rint(before + (moved - before) * cover).astype(np.uint8)


def _pulled(points: Floats, upper: Floats, lower: Floats, brow: Floats, closed: float) -> tuple[Floats, Floats]:
    """Return where in the photo each pixel of the lid is taken from, and which pixels are lid."""
    x, y = points[..., 0], points[..., 1]
    edge, bottom = (np.interp(x, line[:, 0], line[:, 1]) for line in (upper, lower))
    height = np.maximum(bottom - edge, 0)
    top = np.minimum(np.interp(x, brow[:, 0], brow[:, 1]) * 0.5 + edge * 0.5, edge - 0.01)
    lashes = _LASHES * height
    now = edge + closed * (height + 0.25 * lashes)  # closed lids overlap a little
    crease = edge - lashes
    way = np.clip((y - top) / np.maximum(now - lashes - top, 1e-4), 0, 1)
    stretch = way ** (1 + _BRIGHT * closed)
    source = np.where(y < now - lashes, top + stretch * (crease - top), edge + (y - now))
    source = np.where(y < top, y, source)
    inside = (x > upper[0, 0]) & (x < upper[-1, 0])
    return floats(np.stack([x, source], -1)), floats((y > top) & (y < now) & inside)
