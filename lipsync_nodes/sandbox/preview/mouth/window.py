"""A window on a face: what the puppet redraws of a picture, in pixels and in the face's frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lipsync_nodes.sandbox.preview.arrays import Floats, Image, floats
from lipsync_nodes.sandbox.preview.mouth.lips import Frame

_GRID = 25  # points along each side of the coarse grid
NO_MAP = np.empty(0, np.float32)
"""What OpenCV's remap takes for its second map, where the first one has both coordinates."""
_FINE = 20_000  # pixels, see picked
_EASE = 0.3  # of the way from the edge to the middle, movements fade out


@dataclass(frozen=True, slots=True)
class View:
    """Which part of a face a window shows, in the face's frame: its middle, and from there to its edges."""

    middle: Floats
    reach: Floats


FACE = View(floats([0, 0.08]), floats([0.46, 0.46]))
"""All that moves with the mouth."""
MOUTH = View(floats([0, 0.03]), floats([0.25, 0.17]))
"""The lips, as far as they open, and what is between them."""


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image around a mouth, with a coarse grid over it in the face's frame."""

    x: int
    y: int
    width: int
    height: int
    frame: Frame
    grid: Floats  # (_GRID, _GRID, 2)
    ease: Floats
    """Weight of a movement on the grid, (_GRID, _GRID, 1): 1 inside, 0 from the window's edge on."""

    @classmethod
    def around(cls, frame: Frame, image: Image, view: View) -> Window | None:
        """Lay the window on a face, within the image; None if nothing of it is inside."""
        corners = frame.out_of(view.middle + view.reach * floats([[-1, -1], [1, -1], [1, 1], [-1, 1]]))
        low = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(corners.max(0)), [image.shape[1], image.shape[0]]).astype(int)
        width, height = (high - low).tolist()
        if min(width, height) < 2:  # noqa: PLR2004 - nothing to interpolate in
            return None
        line = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID  # cv2.resize's own sampling points
        pixels = np.stack(np.meshgrid(low[0] + line * width - 0.5, low[1] + line * height - 0.5), -1)
        grid = frame.into(pixels.astype(np.float32))
        away = np.abs((grid - view.middle) / view.reach)
        ramp = np.clip((1 - np.maximum(away[..., 0], away[..., 1])) / _EASE, 0, 1)
        ease = floats(ramp * ramp * (3 - 2 * ramp))[..., None]
        return cls(int(low[0]), int(low[1]), width, height, frame, grid, ease)

    def across(self, x: float, half: float) -> Floats:
        """How far each pixel is from ``x`` sideways, in units of ``half``."""
        return self.field(floats((self.grid[..., 0] - x) / half))

    def below(self, line: Floats) -> Floats:
        """How far each pixel is below a line from corner to corner, which goes on level beyond its ends."""
        return self.field(floats(self.grid[..., 1] - np.interp(self.grid[..., 0], line[:, 0], line[:, 1])))

    def beyond(self, line: Floats) -> Floats:
        """How far each pixel is beyond the ends of a line, sideways; 0 between them."""
        x, right, left = self.grid[..., 0], line[0, 0], line[-1, 0]
        return np.maximum(self.field(np.maximum(right - x, x - left)), 0)

    def field(self, coarse: Floats) -> Floats:
        """Enlarge values on the grid to the window's pixels."""
        return floats(cv2.resize(coarse, (self.width, self.height)))

    def cut(self, image: Image) -> Image:
        """Give the window's pixels."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def sample(self, image: Image, sources: Floats) -> Image:
        """Fetch, for each pixel of the window, the image at ``sources``: the frame's points on the grid."""
        place = self.field(self.frame.out_of(sources) - self.frame.out_of(self.grid))
        place[..., 0] += np.arange(self.x, self.x + self.width, dtype=np.float32)
        place[..., 1] += np.arange(self.y, self.y + self.height, dtype=np.float32)[:, None]
        return picked(image, place)


def picked(image: Image, place: Floats) -> Image:
    """Give the image at some places, (rows, columns, 2) in pixels; beyond its edges it goes on as it ends.

    What is small is sampled finely. That takes up to ten times as long, and nobody sees it in what is large.
    """
    if place[..., 0].size < _FINE:
        fine = cv2.remap(image, place, NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(fine, np.uint8)
    whole, part = cv2.convertMaps(place, NO_MAP, cv2.CV_16SC2)  # in integers: twice as fast
    return np.asarray(cv2.remap(image, whole, part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
