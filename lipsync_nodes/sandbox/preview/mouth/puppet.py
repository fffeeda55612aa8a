"""The puppet: redraws the mouth of a face in a picture, in the pose that a curve's values describe.

Two thin-plate warps move the upper and the lower half of the face, and the opening between the lips is painted. The
warps vary slowly, so they are computed on a coarse grid and enlarged. The paint has edges, so it is computed for each
pixel, but only around the lips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats, levels
from lipsync_nodes.sandbox.preview.mouth.edges import lips_of
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips, bend, cheeks, outline, plate, still_points
from lipsync_nodes.sandbox.preview.mouth.own import Jaw
from lipsync_nodes.sandbox.preview.mouth.paint import (
    SOFT,
    Palette,
    between,
    coverage,
    crease,
    inside,
    laid,
    tongue_height,
)
from lipsync_nodes.sandbox.preview.mouth.window import FACE, View, Window

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face


_SHADOW = 0.02  # how far the shadow between closed lips reaches, as a part of the face's height
_FOLLOWS = 0.35  # the cheeks follow the corners to the side by this part: otherwise the folds between them bend
_SOFTER, _BESIDE = 0.9, 0.05  # the step between both halves grows by this part of the way from a corner
_STRETCH = 0.7  # the skin between a corner and the picture's edge is stretched by this part of its width


class Puppet:
    """The mouth of one face, in pictures of one size. ``image`` is one in which ``face`` is the face's position."""

    def __init__(self, face: Face, image: Image, lips: Lips | None = None, *, jaw: bool = True) -> None:
        """Measure the mouth; its lips may be known.

        Without ``jaw``, the jaw stays where it is, and nothing changes outside of the face.
        """
        self._frame = Frame.of(face)
        self._lips = lips or lips_of(face, self._frame, image)
        self._jaw = Jaw.of(face, self._frame, self._lips)
        self._still, self._cheeks = still_points(face, self._frame), cheeks(face, self._frame)
        self._room = _STRETCH * _room_beside(self._frame, self._lips, image)
        self._moves = jaw
        self._face = Window.around(self._frame, image, FACE, None if jaw else outline(face, self._frame))
        # For a photo, this is the same in each frame.
        self._plates = [plate(self._face.grid.reshape(-1, 2), still) for still in self._still] if self._face else []

    def draw(self, photo: Image, onto: Image, values: Floats, palette: Palette) -> None:
        """Redraw the mouth of ``photo`` in ``onto``, a copy of the same picture."""
        posed = self._lips.posed(values, float(np.linalg.norm(self._frame.across)), self._room)
        lips = View.on(np.concatenate([posed.upper_inner, posed.lower_inner]), _SHADOW)
        window = Window.around(self._frame, onto, lips)
        if self._face is None or window is None:
            return
        self._move(self._face, photo, onto, posed)
        mouth = window.cut(onto)
        flesh = crease(floats(mouth), window, posed, palette.crease)
        above, floor = window.below(posed.upper_inner), window.below(posed.lower_inner)
        cover = coverage(between(window, posed, above, floor), SOFT)
        if cover.any():
            high = tongue_height(values)
            within = inside(window, self._lips, posed, palette, self._jaw, above=above, floor=floor, high=high)
            flesh = laid(flesh, within, cover)
        mouth[:] = levels(flesh)

    def _move(self, window: Window, photo: Image, onto: Image, posed: Lips) -> None:
        """Move the two halves of the face to the posed lips. Each half is sampled only in the rows that show it."""
        upper, lower = self._flows(window, posed)
        seam = floats((posed.upper_inner + posed.lower_inner) / 2)
        below, beyond = window.off(seam)
        both = _joined(window, below, beyond, upper, lower)
        face = window.cut(onto)
        face[: both.stop] = window.sample(photo, upper, slice(both.stop))
        blended = face[both].copy()
        face[both.start :] = window.sample(photo, lower, slice(both.start, None))
        if len(blended):
            soft = floats(2 * SOFT + _SOFTER * np.maximum(window.field(beyond)[both], 0))
            share = coverage(window.field(below)[both], soft)
            face[both] = cv2.blendLinear(face[both], blended, share, 1 - share)

    def _flows(self, window: Window, posed: Lips) -> tuple[Floats, Floats]:
        """Return where the upper and the lower half of the face are taken from, on the window's grid."""
        flesh, (above, below) = self._lips.inset, self._still
        moved = self._cheeks + _FOLLOWS * (posed.upper_outer - flesh.upper_outer)[[0, -1]] * floats([1, 0])
        upper = (
            [posed.upper_inner, posed.upper_outer, moved, above],
            [flesh.upper_inner, flesh.upper_outer, self._cheeks, above],
        )
        jaw = posed.jaw if self._moves else flesh.jaw
        lower = (
            [posed.lower_inner, posed.lower_outer, jaw, moved, below],
            [flesh.lower_inner, flesh.lower_outer, flesh.jaw, self._cheeks, below],
        )
        return _flow(window, *upper, self._plates[0]), _flow(window, *lower, self._plates[1])


def _room_beside(frame: Frame, lips: Lips, image: Image) -> float:
    """Return how far the picture goes on beside the corners of the mouth, in face heights: the lesser of both."""
    corners = frame.out_of(lips.upper_outer[[0, -1]])
    ways = floats([-frame.across, frame.across])
    left = np.where(ways > 0, floats(image.shape[1::-1]) - 1 - corners, corners)
    return max(0.0, float((left / np.maximum(np.abs(ways), 1)).min()))


def _flow(window: Window, targets: list[Floats], sources: list[Floats], still: Floats) -> Floats:
    """Bend the grid so that targets are taken from sources. The effect fades towards the window's edges."""
    flat = window.grid.reshape(-1, 2)
    bent = bend(np.concatenate(targets), np.concatenate(sources), flat, still).reshape(window.grid.shape)
    return floats(window.grid + window.ease * (bent - window.grid))


def _joined(window: Window, below: Floats, beyond: Floats, upper: Floats, lower: Floats) -> slice:
    """Join both flows beside the mouth, in place: there the step between them is soft. Return the rows with both.

    At the lips the step is sharp, so their pixels are blended, and not where these are taken from. ``below`` and
    ``beyond`` are where the grid lies beside the seam; see `Window.off`.
    """
    soft = floats(2 * SOFT + _SOFTER * np.maximum(beyond, 0))
    beside = beyond > _BESIDE
    joined = upper + coverage(below, soft)[..., None] * (lower - upper)
    for flow in (upper, lower):
        flow[beside] = joined[beside]
    near = beyond < 2 * _BESIDE
    return window.rows(near & (2 * below > -soft), near & (2 * below < soft))
