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
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips, bend, still_points
from lipsync_nodes.sandbox.preview.mouth.paint import SOFT, Palette, between, coverage, crease, inside, laid
from lipsync_nodes.sandbox.preview.mouth.window import FACE, MOUTH, Window

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face


class Puppet:
    """The mouth of one face, in pictures of one size. ``image`` is one in which ``face`` is the face's position."""

    def __init__(self, face: Face, image: Image) -> None:
        """Measure the mouth."""
        self._frame = Frame.of(face)
        self._lips = Lips.of(face, self._frame)
        self._still = still_points(face, self._frame)
        self._face = Window.around(self._frame, image, FACE)
        self._mouth = Window.around(self._frame, image, MOUTH)

    def draw(self, photo: Image, onto: Image, values: Floats, palette: Palette) -> None:
        """Redraw the mouth of ``photo`` in ``onto``, a copy of the same picture."""
        if self._face is None or self._mouth is None:
            return
        posed = self._lips.posed(values)
        self._face.cut(onto)[:] = self._flesh(self._face, photo, posed)
        mouth = self._mouth.cut(onto)
        flesh = crease(floats(mouth), self._mouth, posed)
        paint = inside(self._mouth, self._lips, posed, palette, self._mouth.cut(photo))
        mouth[:] = levels(laid(flesh, paint, coverage(between(self._mouth, posed), SOFT)))

    def _flesh(self, window: Window, photo: Image, posed: Lips) -> Image:
        """Move the two halves of the face to the posed lips."""
        flesh, (above, below) = self._lips.inset(), self._still
        upper = _flow(
            window,
            [posed.upper_inner, posed.upper_outer, above],
            [flesh.upper_inner, flesh.upper_outer, above],
        )
        lower = _flow(
            window,
            [posed.lower_inner, posed.lower_outer, posed.jaw, below],
            [flesh.lower_inner, flesh.lower_outer, flesh.jaw, below],
        )
        share = _lower_half(window, posed)
        mixed = cv2.blendLinear(window.sample(photo, lower), window.sample(photo, upper), share, 1 - share)
        return np.asarray(mixed, np.uint8)


def _flow(window: Window, targets: list[Floats], sources: list[Floats]) -> Floats:
    """Bend the grid so that targets are taken from sources. The effect fades towards the window's edges."""
    flat = window.grid.reshape(-1, 2)
    bent = bend(np.concatenate(targets), np.concatenate(sources), flat).reshape(window.grid.shape)
    return floats(window.grid + window.ease * (bent - window.grid))


def _lower_half(window: Window, posed: Lips) -> Floats:
    """Return the weight of the lower half: a sharp step between the lips, and a softer one beyond the corners."""
    line = floats((posed.upper_inner + posed.lower_inner) / 2)
    return coverage(window.below(line), 2 * SOFT + 0.9 * window.beyond(line))
