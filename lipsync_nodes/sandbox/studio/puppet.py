"""The puppet: redraws the mouth of a face in a picture, opened as far as it is told.

Two thin-plate warps carry the upper and the lower half of the face to where the lips shall be; what opens
between them is painted. What varies slowly is computed on a coarse grid and enlarged; what has edges, at each
pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.sandbox.studio.arrays import Floats, Image, floats
from lipsync_nodes.sandbox.studio.lips import Frame, Lips, bend, still_points
from lipsync_nodes.sandbox.studio.paint import SOFT, Palette, between, coverage, crease, inside, laid
from lipsync_nodes.sandbox.studio.window import Window

if TYPE_CHECKING:
    from lipsync_nodes.sandbox.studio.faces import Face

_INSET = 0.012  # of the face's height; see Lips.inset


def draw(image: Image, face: Face, opening: float, palette: Palette) -> None:
    """Redraw the mouth of ``face`` in ``image``, in place, opened by ``opening`` from 0 (closed) to 1."""
    frame = Frame.of(face)
    window = Window.around(frame, image)
    if window is None:
        return
    lips = Lips.of(face, frame)
    posed = lips.posed(opening)
    upper, lower = _flows(window, face, lips, posed)
    flesh = laid(window.sample(image, upper), window.sample(image, lower), _lower_half(window, posed))
    flesh = crease(flesh, window, posed)
    mouth = inside(window, lips, posed, palette, window.cut(image))
    window.paste(image, laid(flesh, mouth, coverage(between(window, posed), SOFT)))


def _flows(window: Window, face: Face, lips: Lips, posed: Lips) -> tuple[Floats, Floats]:
    """Find where the grid's points come from, for the upper and the lower half of the face."""
    above, below = still_points(face, window.frame)
    flesh = lips.inset(_INSET)
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
    return upper, lower


def _flow(window: Window, targets: list[Floats], sources: list[Floats]) -> Floats:
    """Bend the grid so that targets come from sources, less and less towards the window's edges."""
    flat = window.grid.reshape(-1, 2)
    bent = bend(np.concatenate(targets), np.concatenate(sources), flat).reshape(window.grid.shape)
    return floats(window.grid + window.ease * (bent - window.grid))


def _lower_half(window: Window, posed: Lips) -> Floats:
    """Share of the lower half of the face: sharp between the lips, ever softer beyond the mouth's corners."""
    line = floats((posed.upper_inner + posed.lower_inner) / 2)
    return coverage(window.below(line), 2 * SOFT + 0.9 * window.beyond(line))
