"""The puppet: redraws the mouth of a face in a picture, as a curve's values want it.

Two thin-plate warps carry the upper and the lower half of the face to where the lips shall be; what opens
between them is painted. What varies slowly is computed on a coarse grid and enlarged; what has edges, at each
pixel, and only around the lips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.sandbox.preview.arrays import Floats, Image, floats, levels
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips, bend, still_points
from lipsync_nodes.sandbox.preview.mouth.paint import SOFT, Palette, between, coverage, crease, inside, laid
from lipsync_nodes.sandbox.preview.mouth.window import FACE, MOUTH, Window

if TYPE_CHECKING:
    from lipsync_nodes.sandbox.preview.faces.finder import Face


class Puppet:
    """One face's mouth in pictures of one size. ``image`` is one in which it is where ``face`` says."""

    def __init__(self, face: Face, image: Image) -> None:
        """RenderInput the mouth's measures."""
        self._frame = Frame.of(face)
        self._lips = Lips.of(face, self._frame)
        self._still = still_points(face, self._frame)
        self._face = Window.around(self._frame, image, FACE)
        self._mouth = Window.around(self._frame, image, MOUTH)

    def draw(self, photo: Image, onto: Image, values: Floats, palette: Palette) -> None:
        """Redraw the mouth of ``photo`` into ``onto``, another array with the same picture."""
        if self._face is None or self._mouth is None:
            return
        posed = self._lips.posed(values)
        self._face.cut(onto)[:] = self._flesh(self._face, photo, posed)
        mouth = self._mouth.cut(onto)
        flesh = crease(floats(mouth), self._mouth, posed)
        paint = inside(self._mouth, self._lips, posed, palette, self._mouth.cut(photo))
        mouth[:] = levels(laid(flesh, paint, coverage(between(self._mouth, posed), SOFT)))

    def _flesh(self, window: Window, photo: Image, posed: Lips) -> Image:
        """Move the face's two halves to where the posed lips want them."""
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
    """Bend the grid so that targets come from sources, less and less towards the window's edges."""
    flat = window.grid.reshape(-1, 2)
    bent = bend(np.concatenate(targets), np.concatenate(sources), flat).reshape(window.grid.shape)
    return floats(window.grid + window.ease * (bent - window.grid))


def _lower_half(window: Window, posed: Lips) -> Floats:
    """Share of the lower half of the face: sharp between the lips, ever softer beyond the mouth's corners."""
    line = floats((posed.upper_inner + posed.lower_inner) / 2)
    return coverage(window.below(line), 2 * SOFT + 0.9 * window.beyond(line))
