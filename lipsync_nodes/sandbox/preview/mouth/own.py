"""Own mouth: what a picture shows between open lips, to be shown again where they open elsewhere or at another time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.perception.faces.finder import LEFT_EYE, RIGHT_EYE
from lipsync_nodes.sandbox.preview.mouth.window import View, Window, sampled_at

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips

OPEN = 0.03
"""The gap between lips, in face heights, that shows enough of a mouth."""
_SUNK = 0.012  # in face heights: the lower teeth are hidden by so much more of the lower lip than in a smile
_HIDDEN = 0.7  # a mouth that opens less than in the picture hides its lower teeth by this part of what is missing
_TOP = 0.012  # in face heights: the first row below the upper lip that is all teeth; it is repeated above
_SOFT, _FADE = 0.008, 0.012  # in face heights: the soft edges at the sides and at the lower lip
_ROOM = 0.02  # in face heights: kept around the lips' edges
_WIDEST = 0.08  # a wider gap is not worth more
_BRIGHT, _PALE = 0.5, 0.8  # teeth: at least so bright and at most so colourful, as parts of the skin
_LEAST, _ENOUGH = 0.15, 0.4  # the share of teeth in a mouth that can be used, and that which is worth the most
_DOWN = np.linspace(0.08, 0.92, 13)  # where a mouth is looked at, as parts of the gap
_FIRST = 5  # of these places: teeth that begin lower are lower ones
_LEAST_RED = 0.03  # skin is not greyer than this, except in grey pictures
_GAP = 0.85  # between two rows of teeth it is darker than both by this


@dataclass(frozen=True, slots=True)
class Jaw:
    """The upper jaw in the face's frame: where the lips hide it when they are closed, and its size."""

    middle: Floats
    size: Floats

    @classmethod
    def of(cls, face: Face, frame: Frame, lips: Lips) -> Jaw:
        """Measure a face. The distance of the eyes says how wide it looks from the side."""
        right, left = frame.into(face.points[[RIGHT_EYE, LEFT_EYE]])
        line = lips.rest
        return cls(floats([line[:, 0].mean(), line[len(line) // 2, 1]]), floats([left[0] - right[0], 1]))


@dataclass(frozen=True, slots=True)
class OwnMouth:
    """The picture of an open mouth, and where it lies in the face.

    The upper teeth stay where they are. What is below ``split``, a part of the gap, moves with the lower lip. ``light``
    is the colour of the skin in the picture.
    """

    picture: Image
    window: Window
    lips: Lips
    jaw: Jaw
    light: Floats
    split: float

    @classmethod
    def of(cls, image: Image, face: Face, lips: Lips, frame: Frame, light: Floats) -> OwnMouth | None:
        """Keep the mouth of a face; None if it lies outside the image."""
        window = Window.around(frame, image, View.on(np.concatenate([lips.upper_inner, lips.lower_inner]), _ROOM))
        if window is None:
            return None
        jaw, split = Jaw.of(face, frame, lips), _split(_looked_at(image, frame, lips))
        return cls(window.cut(image).copy(), window, lips, jaw, light, split)

    def shown(self, window: Window, jaw: Jaw, posed: Lips, light: Floats) -> list[tuple[Floats, Floats]]:
        """Return what is between posed lips, in another window and light: the lower teeth and the upper ones.

        Both come as colours and coverage for each pixel.
        """
        grid = floats((window.grid - jaw.middle) * (self.jaw.size / jaw.size) + self.jaw.middle)
        x, upper, lower = grid[..., 0], self.lips.upper_inner, self.lips.lower_inner
        top, bottom = (np.interp(x, line[:, 0], line[:, 1]) for line in (upper, lower))
        middle = top + self.split * (bottom - top)
        sides = 1 - np.maximum(upper[0, 0] - x, x - upper[-1, 0]) / _SOFT
        gain = floats(np.clip(light / np.maximum(self.light, 1), 0.4, 2.5))

        def layer(y: Floats, cover: Floats) -> tuple[Floats, Floats]:
            places = self.window.frame.out_of(floats(np.stack([x, y], -1))) - floats([self.window.x, self.window.y])
            seen = sampled_at(self.picture, window.field(places), fine=window.of_small_face)
            return seen * gain, window.field(floats(np.minimum(cover, sides))).clip(0, 1)

        end = _FADE if self.split == 1 else _SOFT
        layers = [layer(np.maximum(grid[..., 1], top + _TOP), floats((middle - grid[..., 1]) / end))]
        if self.split < 1:
            lip = np.interp(window.grid[..., 0], posed.lower_inner[:, 0], posed.lower_inner[:, 1])
            hidden = _HIDDEN * (1 - self.split) * max(0.0, self.lips.gap - posed.gap)
            y = floats(window.grid[..., 1] - lip + bottom - _SUNK - hidden)
            layers.insert(0, layer(np.minimum(y, bottom), floats((y - middle) / _SOFT)))
        return layers


def _looked_at(image: Image, frame: Frame, lips: Lips) -> Floats:
    """Return some colours between the lips, (down, across, 3)."""
    places = lips.upper_inner + _DOWN[:, None, None] * (lips.lower_inner - lips.upper_inner)
    places = np.rint(frame.out_of(floats(places))).astype(int)
    places = np.clip(places, 0, [image.shape[1] - 1, image.shape[0] - 1])
    return floats(image[places[..., 1], places[..., 0]])


def teeth_end(image: Image, frame: Frame, lips: Lips, light: Floats) -> tuple[float, bool]:
    """Return where the upper teeth end that a picture shows, as a part of the gap, and whether a lip follows at once.

    It is 0 if there are no teeth. What follows is often dark, or the lower teeth.
    """
    colours = _looked_at(image, frame, lips)[:, 3:-3].mean(1)
    grey, skin = colours.mean(-1), max(1.0, float(light.mean()))
    red = (colours[:, 2] - colours[:, 1]) / np.maximum(grey, 1)
    teeth = (red < max(_LEAST_RED, float(light[2] - light[1]) / skin)) & (grey > _BRIGHT * skin)
    first = int(np.argmax(teeth))
    if not teeth[first] or first > _FIRST:
        return 0.0, False
    after = np.flatnonzero(~teeth[first:])
    if not len(after):
        return 1.0, False
    last = first + int(after[0]) - 1
    return float(_DOWN[last + 1]), bool(np.all(~teeth[last + 1 :] & (grey[last + 1 :] > _BRIGHT * skin)))


def _split(colours: Floats) -> float:
    """Return where the upper teeth end and the lower ones begin, as a part of the gap; 1 without lower teeth."""
    rows = colours[:, 3:-3].mean((1, 2))
    low = len(rows) // 3 + int(np.argmin(rows[len(rows) // 3 : -2]))
    return float(_DOWN[low]) if rows[low] < _GAP * min(rows[:low].max(), rows[low + 1 :].max()) else 1.0


def worth(image: Image, frame: Frame, lips: Lips, light: Floats, least: float) -> float:
    """Return how much a picture shows of a mouth: how far it is open, and whether there are teeth.

    What cannot be above ``least`` is not measured.
    """
    gap = lips.gap
    if gap < OPEN or min(gap, _WIDEST) <= least:
        return 0.0
    colours = _looked_at(image, frame, lips)
    grey, skin = colours.mean(-1), float(light.mean())
    tint = (colours[..., 2] - colours[..., 0]) / np.maximum(grey, 1)
    usual = max(0.05, float(light[2] - light[0]) / max(1.0, skin))
    teeth = float(((grey > _BRIGHT * skin) & (tint < _PALE * usual)).mean())
    return min(gap, _WIDEST) * min(1.0, teeth / _ENOUGH) if teeth > _LEAST else 0.0
