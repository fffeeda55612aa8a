"""Light: the colours of a face's skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_nodes.perception.arrays import Floats, Image, median, nearest

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face

_SKIN = (50, 280, 205, 425, 101, 330, 36, 266, 4, 195)  # cheeks and nose


def light_of(image: Image, face: Face) -> Floats:
    """Return the colour of a face's skin, BGR."""
    return colour_at(image, face.points[list(_SKIN)])


def colour_at(image: Image, points: Floats) -> Floats:
    """Return the median colour at some points, BGR."""
    return median(nearest(image, points))
