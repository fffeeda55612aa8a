"""Paint: the inside of a mouth, and the shadow between closed lips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.perception.speech.curve import ROUND, WIDE
from lipsync_nodes.sandbox.preview.mouth.edges import lips_of
from lipsync_nodes.sandbox.preview.mouth.light import colour_at, light_of
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips
from lipsync_nodes.sandbox.preview.mouth.own import OPEN, OwnMouth
from lipsync_nodes.sandbox.preview.mouth.teeth import drawn_row

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.sandbox.preview.mouth.own import Jaw
    from lipsync_nodes.sandbox.preview.mouth.window import Window

SOFT = 0.007
"""The width of a soft edge, as a part of the face's height."""
# Parts of the lips' blue, green and red: the dark of a mouth, its tongue, and what the shadow between lips takes away.
_CAVITY, _TONGUES, _CREASE = floats([0.13, 0.11, 0.20]), floats([0.40, 0.37, 0.53]), floats([0.38, 0.40, 0.28])
_GREYEST = 0.12  # skin whose colours differ by less, as a part of its light, is that of a grey or a pale picture
_PARTED = 0.03  # lips that are this far apart have no such shadow
# The dark between teeth and the lower lip: how dark, its height and its softness as parts of the gap; the gap where
# there is none, and how much smaller one is that gives all of it.
_GLOOM, _GLOOM_AT, _GLOOM_SOFT, _WELL_OPEN, _SMALL = 0.9, 0.25, 0.3, 0.08, 0.04
_DIM, _BRIGHT = 0.8, 0.06  # the light in a mouth that just opens, and the gap that gives all of it
_IVORY = floats([0.80, 0.91, 0.97])
_TINT = 0.25  # the teeth get this part of the skin's tint: without it they look blue
# The tongue's height as a part of the gap, more of it in wide mouths and less in round ones; how much lower its sides
# are, how far it is behind the lower lip, where it is dark, and how softly it ends.
_TONGUE, _TONGUE_WIDE, _TONGUE_ROUND, _TONGUE_FALLS, _TONGUE_FROM, _TONGUE_SOFT = 0.45, 0.2, 0.3, 0.8, 0.16, 0.3
# How much of the teeth is visible: below the line of closed lips, and above the lower lip.
_UPPER_SHOWS, _LOWER_SHOWS = 0.012, 0.010


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of the inside of a mouth, BGR from 0 to 255, in the light of the skin; and the own mouth, if any.

    ``crease`` is how much the shadow between closed lips darkens each colour. In a grey picture, all colours are grey.
    """

    cavity: Floats
    tongue: Floats
    teeth: Floats
    light: Floats
    crease: Floats
    own: OwnMouth | None = None

    @classmethod
    def of(cls, image: Image, face: Face) -> Palette:
        """Mix the colours from lips and cheeks. An open mouth is kept."""
        frame = Frame.of(face)
        lips = lips_of(face, frame, image)
        flesh = colour_at(image, frame.out_of(floats((lips.lower_inner + lips.lower_outer)[3:8] / 2)))
        light = light_of(image, face)
        brightest = min(225.0, float(light.max()))
        ivory = _IVORY + _TINT * (light / max(1.0, float(light.max())) - _IVORY)
        hue = float(np.clip(np.ptp(light) / max(1.0, float(light.mean())) / _GREYEST, 0, 1))
        cavity, tongue, dark, ivory = (_hued(part, hue) for part in (_CAVITY, _TONGUES, _CREASE, ivory))
        own = OwnMouth.of(image, face, lips, frame, light) if lips.gap > OPEN else None
        return cls(flesh * cavity, flesh * tongue, floats(ivory * brightest), light, dark, own)

    def lit(self, light: Floats) -> Palette:
        """Return the same colours in another light."""
        gain = floats(light / np.maximum(self.light, 1))
        return replace(self, cavity=self.cavity * gain, tongue=self.tongue * gain, teeth=self.teeth * gain, light=light)


def _hued(colour: Floats, hue: float) -> Floats:
    return floats(colour.mean() + hue * (colour - colour.mean()))


def tongue_height(values: Floats) -> float:
    """Return how high the tongue is in a mouth, as a part of the gap: high in "ee", low and far back in "oo"."""
    return _TONGUE + _TONGUE_WIDE * float(values[WIDE]) - _TONGUE_ROUND * float(values[ROUND])


def inside(
    window: Window, lips: Lips, posed: Lips, palette: Palette, jaw: Jaw, *, above: Floats, floor: Floats, high: float
) -> Floats:
    """Paint the inside of the mouth over the whole window: cavity, tongue, teeth, and the shadow of the upper lip.

    The upper teeth do not move. The tongue and the lower teeth move with the jaw; ``high`` is the tongue's height.
    ``above`` and ``floor`` are how far each pixel is below the upper and the lower lip.
    """
    middle, half = float(posed.rest[:, 0].mean()), max(0.02, float(np.ptp(lips.rest[:, 0])) / 2)
    across = window.across(middle, half)
    tongue = np.minimum(floor + posed.gap * (high - _TONGUE_FALLS * across**2), -floor - _TONGUE_FROM * posed.gap)
    paint = laid(palette.cavity, palette.tongue, coverage(floats(tongue), _TONGUE_SOFT * posed.gap + SOFT))
    if palette.own:
        open_by = 1 - _gloom(above, floor, posed.gap)
        for colours, cover in palette.own.shown(window, jaw, posed, palette.light):
            paint = laid(paint, colours, floats(cover * open_by))
    else:
        low = float(posed.lower_inner[:, 1].max()) - _LOWER_SHOWS
        bright, cover = drawn_row(window, middle, 0.8 * half, low, upper=False)
        paint = laid(paint, bright[..., None] * palette.teeth * np.float32(0.78), cover)
        rest = lips.unsmiling.rest  # the teeth form the same arch as the lips
        edge = floats(np.interp(window.grid[..., 0], rest[:, 0], rest[:, 1])) + _UPPER_SHOWS
        bright, cover = drawn_row(window, middle, 0.95 * half, edge, upper=True)
        paint = laid(paint, bright[..., None] * palette.teeth, cover)
    shade = np.clip(0.72 + above / 0.03, 0.72, 1)
    return floats(paint * shade[..., None] * _lit_inside(posed.gap))


def _lit_inside(gap: float) -> float:
    """Return how much light enters a mouth: less through a smaller opening."""
    return _DIM + (1 - _DIM) * min(1.0, gap / _BRIGHT)


def _gloom(above: Floats, floor: Floats, gap: float) -> Floats:
    """Return how dark it is between the teeth and the lower lip: otherwise a small opening would not show."""
    local = np.maximum(above - floor, 0)  # the gap in each column
    deep = _GLOOM * float(np.clip((_WELL_OPEN - gap) / _SMALL, 0, 1)) * np.minimum(1, local / max(gap, 1e-3))
    return floats(deep * coverage(floor + _GLOOM_AT * local, np.maximum(SOFT, _GLOOM_SOFT * local)))


def crease(flesh: Floats, window: Window, posed: Lips, dark: Floats) -> Floats:
    """Darken the line where the lips meet. It fades as they part, and ends at the corners of the mouth."""
    if posed.gap >= _PARTED:
        return flesh
    away = window.below(posed.rest) / 0.006
    half = max(0.02, float(np.ptp(posed.rest[:, 0])) / 2)
    ends = np.clip(3 - 3 * window.across(float(posed.rest[:, 0].mean()), half) ** 2, 0, 1)
    depth = np.exp(-(away**2)) * ends * max(0.0, 1 - posed.gap / _PARTED)
    return floats(flesh * (1 - depth[..., None] * dark))


def between(window: Window, lips: Lips, above: Floats, floor: Floats) -> Floats:
    """Return how far each pixel is inside the lips' edges, in face heights; negative outside. See `inside`."""
    depth = np.minimum(above, -floor)
    return floats(depth - window.beyond(lips.upper_inner) - SOFT / 2)


def coverage(depth: Floats, soft: Floats | float) -> Floats:
    """Turn a depth into a coverage that goes from 0 to 1 within ``soft``."""
    return floats(np.clip(depth / soft + 0.5, 0, 1))


def laid(under: Floats, over: Floats, cover: Floats) -> Floats:
    """Blend ``over`` onto ``under`` with a coverage, (rows, columns)."""
    return floats(under + (over - under) * cover[..., None])
