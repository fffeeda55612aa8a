"""Lids: how the eyes of a photo look while they close, painted in the colours of the skin around them.

A lid has the colour of the skin below the brow, a little of that under the eye, and shades towards its edge. So it has
their light. The line of the lashes is about as dark as the photo's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, eased, floats, levels
from lipsync_nodes.sandbox.preview.mouth.lips import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lipsync_nodes.perception.faces.finder import Face

# MediaPipe's landmarks: the lids of each eye, and the lower edge of the brow above it, each from right to left.
UPPER_LIDS = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (362, 398, 384, 385, 386, 387, 388, 466, 263))
LOWER_LIDS = ((33, 7, 163, 144, 145, 153, 154, 155, 133), (362, 382, 381, 380, 374, 373, 390, 249, 263))
_BROWS = ((46, 53, 52, 65, 55), (285, 295, 282, 283, 276))
# In face heights: the part of the face beside and below an eye that is looked at, the lashes above it and the wet edge
# below it, the hairs below a brow, the skin under an eye, and how softly a lid ends: at its top, sides and edge.
_BESIDE, _UNDER = 0.045, 0.10
_LASHES, _WATER, _HAIRS, _CHEEK = 0.014, 0.010, 0.012, 0.05
_FADE, _SIDES, _EDGE = 0.045, 0.035, 0.006
_LINE = 0.007  # the line of the lashes: half its height above its middle, and less than that below
_MEET = 0.97  # where the lids meet, from the upper one (0) to the lower one (1)
_PLACES, _NEAR = 9, 0.16  # places along an eye at which the skin's colour is measured, and how far each one looks
_UNEVEN = 3.0  # of 256 levels: skin deviates from its usual colour by this at least
_DARKEST = 0.72  # as a part of the light under the eye: a darker lid would be a hole, made of a brow or a fold
_MIXED = 0.3  # the share of the colour under the eye at a lid's edge
_BULGE, _SHADE = 0.05, 0.10  # a lid is lighter in its middle, and darker at its edge
_DETAIL, _COARSEST = 0.008, 8.0  # the finest details of skin, in face heights, and in levels
_PALEST, _BLACKEST = 0.70, 0.25  # of the light beside it, the line of the lashes has such a part


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye in a photo, and the face around it. Places are in the face's frame.

    Attributes:
        rows: the part of the photo's rows that is kept.
        columns: the part of its columns.
        before: the photo's pixels there.
        x: each pixel's place along the eye.
        y: each pixel's place from brow to cheek.
        upper: the edge of the upper lid at each pixel's x.
        lower: the edge of the lower lid at each pixel's x.
        brow: the lower edge of the brow at each pixel's x.
        corners: the x of its corners.
        face: the face's height in pixels.

    """

    rows: slice
    columns: slice
    before: Floats
    x: Floats
    y: Floats
    upper: Floats
    lower: Floats
    brow: Floats
    corners: tuple[float, float]
    face: float

    @classmethod
    def of(cls, face: Face, photo: Image, number: int) -> Eye:
        """Return the right (0) or the left (1) eye. It has no pixels if it lies outside of the photo."""
        frame = Frame.of(face)
        upper, lower, brow = (frame.into(face.points[list(part[number])]) for part in (UPPER_LIDS, LOWER_LIDS, _BROWS))
        low = [upper[0, 0] - _BESIDE, min(brow[:, 1].min(), upper[:, 1].min() - _LASHES)]
        high = [upper[-1, 0] + _BESIDE, lower[:, 1].max() + _UNDER]
        corners = frame.out_of(floats([[x, y] for x in (low[0], high[0]) for y in (low[1], high[1])]))
        size = np.array(photo.shape[1::-1])
        left, top = np.clip(np.floor(corners.min(0)), 0, size).astype(int).tolist()
        right, end = np.clip(np.ceil(corners.max(0)) + 1, 0, size).astype(int).tolist()
        points = frame.into(floats(np.stack(np.meshgrid(np.arange(left, right), np.arange(top, end)), -1)))
        lines = [floats(np.interp(points[..., 0], line[:, 0], line[:, 1])) for line in (upper, lower, brow)]
        return cls(
            slice(top, end), slice(left, right), floats(photo[top:end, left:right]), points[..., 0], points[..., 1],
            lines[0], np.maximum(lines[0], lines[1]), lines[2], (float(upper[0, 0]), float(upper[-1, 0])), face.height,
        )  # fmt: skip

    @property
    def width(self) -> float:
        """The distance between its corners in face heights."""
        return max(1e-3, self.corners[1] - self.corners[0])

    @property
    def opening(self) -> float:
        """The largest distance between its lids in face heights."""
        return float((self.lower - self.upper).max(initial=0))

    def soft(self, distance: Floats, width: float) -> Floats:
        """Return a weight that grows from 0 to 1 while a distance grows from 0 to a width, of a pixel at least."""
        return eased(floats(distance / max(width, 1.2 / self.face)))


class Lid:
    """The lid of one eye of a photo."""

    def __init__(self, eye: Eye) -> None:
        """Paint the closed lid."""
        self.eye = eye
        skin = _lid_colours(eye) + _details(eye)
        self._covered = _covered(eye)
        self._closed = floats(skin * _shading(eye)[..., None])
        self._lashes = _lashes(eye, skin)

    def lowered(self, by: float, before: Floats) -> Image:
        """Return the eye's pixels ``before`` with the lid lowered, from 0 (as it is) to 1 (closed)."""
        eye = self.eye
        edge = eye.upper + by * _MEET * (eye.lower - eye.upper)
        cover = np.maximum(eye.soft(floats(edge - eye.y + _EDGE / 2), _EDGE), np.clip(by / 0.15 - 5.7, 0, 1))
        starts = min(1.0, 2.5 * by)
        weight = floats(cover * self._covered * starts)[..., None]
        lidded = before + (self._closed - before) * weight
        thin = max(_LINE, 0.6 / eye.face)
        below = eye.y - edge
        line = np.exp(-((below / np.where(below < 0, thin, 1.6 * thin)) ** 2)) * self._lashes * starts
        return levels(lidded * (1 - line)[..., None])


def _covered(eye: Eye) -> Floats:
    """Return how far each pixel is replaced if the eye is closed: lids, lashes and the wet edge, and softly around."""
    free = np.clip(eye.upper - _LASHES - eye.brow - _HAIRS, 0, _FADE)  # the skin below the brow
    over = eye.soft(eye.y - eye.upper + _LASHES + free, _FADE)
    under = eye.soft(eye.lower + 2 * _WATER - eye.y, _WATER)
    return over * under * eye.soft(np.minimum(eye.x - eye.corners[0], eye.corners[1] - eye.x) + _SIDES, _SIDES)


def _lid_colours(eye: Eye) -> Floats:
    """Return the colours of a lid, without its shades: from the skin above the eye to the one under it."""
    over = (eye.y > eye.brow + _HAIRS) & (eye.y < eye.upper - 0.6 * _FADE)
    over |= (eye.y > eye.brow) & (eye.y < eye.upper - _LASHES) & (eye.y > eye.upper - _LASHES - 0.02)
    cheek = eye.lower + 2 * _WATER
    above, below = _usual(eye, over), _usual(eye, (eye.y > cheek) & (eye.y < cheek + _CHEEK))
    dark = above.mean(-1) / (below.mean(-1) + 1)
    lift = np.clip((_DARKEST - dark) / np.maximum(1 - dark, 0.1), 0, 1)
    beyond = np.clip((eye.y - eye.upper - _MEET * (eye.lower - eye.upper)) / _WATER, 0, 1)
    share = np.maximum(np.maximum(lift, _MIXED * _way(eye)), beyond)
    return floats(above + (below - above) * share[..., None])


def _way(eye: Eye) -> Floats:
    """Return how far each pixel is down a closed lid."""
    return floats(np.clip((eye.y - eye.upper + _LASHES) / np.maximum(eye.lower - eye.upper + _LASHES, 0.02), 0, 1))


def _shading(eye: Eye) -> Floats:
    way = _way(eye)
    on_lid = np.clip((eye.lower + _WATER - eye.y) / _WATER, 0, 1)
    return floats(1 + _BULGE * np.sin(np.pi * way) - _SHADE * way**3 * on_lid)


def _usual(eye: Eye, band: NDArray[np.bool_]) -> Floats:
    """Return the usual colour of a band of skin along the eye, for each pixel's x. Hairs and folds do not count."""
    places = floats(np.linspace(*eye.corners, _PLACES))
    x, pixels = eye.x[band], eye.before[band]
    table = np.zeros((_PLACES, 3), np.float32)
    weight = np.ones_like(x)
    near = floats(np.exp(-(((x[:, None] - places) / (_NEAR * eye.width)) ** 2)) + 1e-4)
    for _ in range(5 if x.size else 0):
        table = (near * weight[:, None]).T @ pixels / (near.T @ weight)[:, None]
        away = pixels - _at(x, places, table)
        far = np.linalg.norm(away, axis=1) * np.where(away.mean(1) < 0, 1.5, 1)
        weight = floats(1 / (1 + (far / (1.5 * max(_UNEVEN, float(np.median(far))))) ** 2) ** 2)
    return _at(eye.x, places, table)


def _at(x: Floats, places: Floats, table: Floats) -> Floats:
    return floats(np.stack([np.interp(x, places, column) for column in table.T], -1))


def _details(eye: Eye) -> Floats:
    """Return the fine details of skin for a lid: those under the eye, mirrored. Smooth lids would look painted."""
    fine = eye.before - cv2.GaussianBlur(eye.before, (0, 0), max(1.0, _DETAIL * eye.face))
    rows, columns = np.indices(eye.y.shape, np.float32)
    down = 2 * np.maximum(eye.lower + 2.5 * _WATER - eye.y, 0) * eye.face
    across, along = ((eye.y[place] - eye.y[0, 0]) * eye.face for place in ((0, 1), (1, 0)))  # down the face, in pixels
    places = floats(columns + across * down), floats(rows + along * down)
    mirrored = cv2.remap(fine, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return floats(np.clip(mirrored, -_COARSEST, _COARSEST))


def _lashes(eye: Eye, skin: Floats) -> Floats:
    """Return how much light the line of the lashes takes away at each pixel's x, from what it does in the photo."""
    light = (eye.before.mean(-1) + 4) / (skin.mean(-1) + 4)
    on_line = (eye.y > eye.upper - 0.016) & (eye.y < eye.upper + 0.008)
    ends = np.linspace(*eye.corners, _PLACES + 1)
    parts = [light[on_line & (eye.x >= left) & (eye.x < right)] for left, right in pairwise(ends)]
    least = [float(np.percentile(part, 5)) if part.size else _PALEST for part in parts]
    calm = np.convolve(np.pad(np.clip(least, _BLACKEST, _PALEST), 1, "edge"), [0.25, 0.5, 0.25], "valid")
    dark = 1 - np.interp(eye.x, (ends[1:] + ends[:-1]) / 2, calm)
    arch = 1 - ((eye.x - sum(eye.corners) / 2) / (eye.width / 2 + 0.004)) ** 2
    return floats(dark * np.clip(arch, 0, 1) ** 0.4)
