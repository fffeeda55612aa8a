"""The window around a mouth: what the puppet redraws of a picture, in pixels and in the face's frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lipsync_nodes.sandbox.studio.arrays import Floats, Image, floats, levels
from lipsync_nodes.sandbox.studio.lips import Frame

_GRID = 33  # points along each side of the coarse grid
_MIDDLE = floats([0, 0.08])  # of the window, in the face's frame
_REACH = floats([0.46, 0.46])  # from there to its edges


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of an image around a mouth, with a coarse grid over it in the face's frame."""

    x: int
    y: int
    width: int
    height: int
    frame: Frame
    grid: Floats  # (_GRID, _GRID, 2)

    @classmethod
    def around(cls, frame: Frame, image: Image) -> Window | None:
        """Lay the window on a face, within the image; None if nothing of it is inside."""
        corners = frame.out_of(_MIDDLE + _REACH * floats([[-1, -1], [1, -1], [1, 1], [-1, 1]]))
        low = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(corners.max(0)), [image.shape[1], image.shape[0]]).astype(int)
        width, height = (high - low).tolist()
        if min(width, height) < 2:  # noqa: PLR2004 - nothing to interpolate in
            return None
        line = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID  # cv2.resize's own sampling points
        pixels = np.stack(np.meshgrid(low[0] + line * width - 0.5, low[1] + line * height - 0.5), -1)
        return cls(int(low[0]), int(low[1]), width, height, frame, frame.into(pixels.astype(np.float32)))

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

    @property
    def ease(self) -> Floats:
        """Weight of a movement on the grid, (_GRID, _GRID, 1): 1 inside, 0 from the window's edge on."""
        away = np.abs((self.grid - _MIDDLE) / _REACH)
        ramp = np.clip((1 - np.maximum(away[..., 0], away[..., 1])) / 0.3, 0, 1)
        return floats(ramp * ramp * (3 - 2 * ramp))[..., None]

    def field(self, coarse: Floats) -> Floats:
        """Enlarge values on the grid to the window's pixels."""
        return floats(cv2.resize(coarse, (self.width, self.height)))

    def cut(self, image: Image) -> Image:
        """Give the window's pixels."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def sample(self, image: Image, sources: Floats) -> Floats:
        """Fetch, for each pixel of the window, the image at ``sources``: the frame's points on the grid."""
        shift = self.field(self.frame.out_of(sources) - self.frame.out_of(self.grid))
        rows, columns = np.indices((self.height, self.width), np.float32)
        across, down = shift[..., 0] + columns + self.x, shift[..., 1] + rows + self.y
        return floats(cv2.remap(image, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))

    def paste(self, image: Image, pixels: Floats) -> None:
        """Put the window's pixels back."""
        self.cut(image)[:] = levels(pixels)
