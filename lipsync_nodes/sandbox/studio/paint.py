"""Paint: the inside of a mouth, and the shade between closed lips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.sandbox.studio.arrays import Floats, Image, floats
from lipsync_nodes.sandbox.studio.lips import Frame, Lips

if TYPE_CHECKING:
    from lipsync_nodes.sandbox.studio.faces import Face
    from lipsync_nodes.sandbox.studio.window import Window

SOFT = 0.007
"""Softness of an edge, as a part of the face's height."""
_TEETH_SHOW = 0.03  # lips parted further than this in a photo show teeth worth keeping
_CHEEKS = (50, 280, 205, 425)
_CREASE = floats([0.55, 0.58, 0.42])  # what the shade between closed lips takes from blue, green and red


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of the inside of a mouth, BGR from 0 to 255, and whether the photo's own teeth are used."""

    cavity: Floats
    tongue: Floats
    teeth: Floats
    own_teeth: bool

    @classmethod
    def of(cls, image: Image, face: Face, *, moving: bool) -> Palette:
        """Mix the colours from lips and cheeks; a film's own teeth come and go, so they are not used."""
        frame = Frame.of(face)
        lips = Lips.of(face, frame)
        flesh = _colour(image, frame.out_of(floats((lips.lower_inner + lips.lower_outer)[3:8] / 2)))
        light = min(235.0, 1.05 * float(_colour(image, face.points[list(_CHEEKS)]).max()))
        cavity, tongue = flesh * floats([0.15, 0.12, 0.22]), flesh * floats([0.46, 0.44, 0.6])
        teeth = floats([0.84, 0.92, 0.96]) * np.float32(light)
        return cls(cavity, tongue, teeth, own_teeth=not moving and lips.gap > _TEETH_SHOW)


def inside(window: Window, lips: Lips, posed: Lips, palette: Palette, photo: Image) -> Floats:
    """Paint the inside of the mouth over the whole window: cavity, tongue, teeth, the upper lip's shadow."""
    half = max(0.02, float(np.ptp(lips.rest[:, 0])) / 2)
    across = window.across(float(lips.rest[:, 0].mean()), half)
    tongue = coverage(window.below(posed.lower_inner) + 0.016 - 0.02 * across**2, 0.03)
    paint = laid(palette.cavity, palette.tongue, tongue)
    if palette.own_teeth:
        paint = laid(paint, floats(photo), coverage(between(window, lips.inset(-0.006)), SOFT))
    else:
        edge = np.minimum(0.014 - 0.02 * across**2 - window.below(lips.rest), 0.1 * (0.8 - np.abs(across)))
        teeth = palette.teeth * (1 - 0.45 * across**2)[..., None]
        paint = laid(paint, floats(teeth), coverage(edge, 2 * SOFT))
    shade = np.clip(0.7 + window.below(posed.upper_inner) / 0.04, 0.7, 1)
    return floats(paint * shade[..., None])


def crease(flesh: Floats, window: Window, posed: Lips) -> Floats:
    """Darken the line on which the lips meet; it goes as they part, and ends at the mouth's corners."""
    away = window.below(posed.rest) / 0.008
    half = max(0.02, float(np.ptp(posed.rest[:, 0])) / 2)
    ends = np.clip(3 - 3 * window.across(float(posed.rest[:, 0].mean()), half) ** 2, 0, 1)
    depth = np.exp(-(away**2)) * ends * max(0.0, 1 - posed.gap / 0.04)
    return floats(flesh * (1 - depth[..., None] * _CREASE))


def between(window: Window, lips: Lips) -> Floats:
    """How deep each pixel lies between the lips' soft edges, in face heights; negative outside."""
    depth = np.minimum(window.below(lips.upper_inner), -window.below(lips.lower_inner))
    return floats(depth - window.beyond(lips.upper_inner) - SOFT / 2)


def coverage(depth: Floats, soft: Floats | float) -> Floats:
    """Turn a depth into a coverage from 0 to 1 over ``soft``."""
    return floats(np.clip(depth / soft + 0.5, 0, 1))


def laid(under: Floats, over: Floats, cover: Floats) -> Floats:
    """Lay one colour or picture on another with the given coverage, (rows, columns)."""
    return floats(under + (over - under) * cover[..., None])


def _colour(image: Image, points: Floats) -> Floats:
    """Median colour at some points, BGR."""
    places = np.clip(np.rint(points).astype(int), 0, [image.shape[1] - 1, image.shape[0] - 1])
    return floats(np.median(image[places[:, 1], places[:, 0]], axis=0))
