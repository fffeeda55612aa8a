"""Teeth: drawn ones, for faces whose own teeth are not visible in the photo."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.sandbox.preview.mouth.window import NO_MAP, Window

_WIDE, _TALL = 512, 128  # pixels of a drawn row of teeth
_UPPER = (0.20, 0.145, 0.155, 0.125, 0.10, 0.08)  # widths from the middle outwards; half a row is about 0.8 wide
_LOWER = (0.115, 0.125, 0.135, 0.125, 0.11, 0.09)
_LENGTHS_UPPER = (1.0, 0.90, 0.97, 0.86, 0.80, 0.74)  # lengths of the crowns from the middle outwards
_LENGTHS_LOWER = (0.93, 0.95, 1.0, 0.92, 0.86, 0.80)
HEIGHT = 0.075
"""The height of a row, as a part of the face's height."""


def drawn_row(
    window: Window, middle: float, half: float, edge: float | Floats, *, upper: bool
) -> tuple[Floats, Floats]:
    """Return the brightness and the coverage of a row of teeth for each pixel of a window.

    ``middle`` is the middle of the row, ``half`` half of its width, and ``edge`` the height at which the teeth end: one
    for all, or one for each point of the window's grid.
    """
    pixels = 2 * half * float(np.linalg.norm(window.frame.across))
    row = _halved(upper, max(0, int(np.log2(_WIDE / max(8.0, pixels)))))
    tall, wide = row.shape[:2]
    u = (window.grid[..., 0] - middle) / half * (wide / 2) + wide / 2 - 0.5
    v = (window.grid[..., 1] - edge) / HEIGHT * tall
    v = (v + tall * 0.92 if upper else tall * 0.92 - v) - 0.5
    place = window.field(floats(np.stack([u, v], -1)))
    look = cv2.remap(row, place, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return floats(look[..., 0]), floats(look[..., 1])


@cache
def _halved(upper: bool, times: int) -> Floats:
    """Return a row in fewer pixels: in small mouths only some pixels are sampled, and the teeth would flicker."""
    if not times:
        return _row(upper)
    last = _halved(upper, times - 1)
    return floats(cv2.resize(last, (last.shape[1] // 2, last.shape[0] // 2), interpolation=cv2.INTER_AREA))


def _row(upper: bool) -> Floats:
    """Draw a row of upper or lower teeth that points down: brightness and coverage, (_TALL, _WIDE, 2)."""
    widths, lengths = (_UPPER, _LENGTHS_UPPER) if upper else (_LOWER, _LENGTHS_LOWER)
    edges = np.concatenate([[0], np.cumsum(widths)])
    x = np.abs((np.arange(_WIDE) + 0.5) / (_WIDE / 2) - 1)
    number = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(widths) - 1)
    inside = (x - edges[number]) / np.array(widths)[number] * 2 - 1  # -1 and 1 at the sides of a tooth
    length = np.array(lengths)[number] * (1 - 0.10 * np.abs(inside) ** 4) * 0.92
    y = (np.arange(_TALL)[:, None] + 0.5) / _TALL
    cover = np.clip((length - y) * _TALL / 5, 0, 1) * np.clip((edges[-1] - x) * _WIDE / 8, 0, 1)
    groove = 1 - 0.30 * np.exp(-(((1 - np.abs(inside)) * np.array(widths)[number] / 0.016) ** 2))
    bulge = 0.88 + 0.12 * np.sqrt(np.clip(1 - inside**2, 0, 1))
    back = 1 - 0.62 * np.clip(x / edges[-1], 0, 1) ** 1.6  # the row curves back into the mouth
    tip = 1 - 0.10 * np.clip((y - length + 0.12) / 0.12, 0, 1)
    bright = groove * bulge * back * tip * (0.82 + 0.18 * np.clip(y / 0.8, 0, 1))
    return floats(cv2.GaussianBlur(floats(np.stack(np.broadcast_arrays(bright, cover), -1)), (0, 0), 1.5))
