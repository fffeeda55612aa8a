"""A window: the part of a picture that is redrawn around a mouth, in pixels and in the face's frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, eased, floats
from lipsync_nodes.sandbox.preview.mouth.lips import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

Whole: TypeAlias = "NDArray[np.int_]"
_Pixels = TypeVar("_Pixels", Image, Floats)
_GRID = 25  # points along each side of the coarse grid
NO_MAP = np.empty(0, np.float32)
"""The second map for OpenCV's remap, if the first one has both coordinates."""
_FINE = 20_000  # pixels; see `sampled_at`
_EDGE, _SOFTENS = 0.97, 0.2  # parts of the way from the mouth to an outline: movements end at it, within the second
_ROOM = 0.03  # in face heights: the window is larger than the outline's box by this. Open lips stay within that box
_EASE = 0.3  # movements fade out within this part of the way from the middle to the edge


@dataclass(frozen=True, slots=True)
class View:
    """The part of a face that a window shows, in the face's frame: its middle, and the distances to its edges."""

    middle: Floats
    reach: Floats

    @classmethod
    def on(cls, points: Floats, margin: float) -> View:
        """Return the view that shows some points, and a margin around them."""
        low, high = points.min(0) - margin, points.max(0) + margin
        return cls(floats((low + high) / 2), floats((high - low) / 2))


FACE = View(floats([0, 0.08]), floats([0.46, 0.46]))
"""The part of the face that moves with the mouth."""


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
    """The weight of a movement on the grid, (_GRID, _GRID, 1): 1 inside, 0 at the window's edge."""

    @classmethod
    def around(cls, frame: Frame, image: Image, view: View, outline: Floats | None = None) -> Window | None:
        """Return the window on a face, cut at the image's edges; None if it lies outside the image.

        With the ``outline`` of the face, movements fade out towards it, and the window has no more than it.
        """
        low, high = box(frame, image, view, outline)
        width, height = (high - low).tolist()
        if min(width, height) < 2:  # noqa: PLR2004  # too small to interpolate
            return None
        line = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID  # the sampling points of cv2.resize
        pixels = np.empty((_GRID, _GRID, 2), np.float32)
        pixels[..., 0], pixels[..., 1] = low[0] + line * width - 0.5, (low[1] + line * height - 0.5)[:, None]
        grid = frame.into(pixels)
        away = np.abs((grid - view.middle) / view.reach)
        ease = eased(floats((1 - np.maximum(away[..., 0], away[..., 1])) / _EASE))
        if outline is not None:
            ease = ease * _inside(grid, outline)
        return cls(int(low[0]), int(low[1]), width, height, frame, grid, ease[..., None])

    @property
    def of_small_face(self) -> bool:
        """Whether the face is so small that cubic interpolation shows; see `sampled_at`."""
        return 4 * float(FACE.reach.prod() * (self.frame.across @ self.frame.across)) < _FINE

    def across(self, x: float, half: float) -> Floats:
        """Return how far each pixel is to the side of ``x``, in units of ``half``."""
        return self.field(floats((self.grid[..., 0] - x) / half))

    def below(self, line: Floats) -> Floats:
        """Return how far each pixel is below a line, which continues horizontally beyond its ends."""
        return self.field(self.off(line)[0])

    def beyond(self, line: Floats) -> Floats:
        """Return how far each pixel is to the side of a line's ends; 0 between them."""
        return np.maximum(self.field(self.off(line)[1]), 0)

    def off(self, line: Floats) -> tuple[Floats, Floats]:
        """Return how far each point of the grid is below a line, and to the side of its ends; negative between them."""
        x, y = self.grid[..., 0], self.grid[..., 1]
        return floats(y - np.interp(x, line[:, 0], line[:, 1])), np.maximum(line[0, 0] - x, x - line[-1, 0])

    def rows(self, since: NDArray[np.bool_], until: NDArray[np.bool_]) -> slice:
        """Return the pixels' rows from the grid's first row in ``since`` to the last one in ``until``, and around."""
        first = int(np.argmax(np.append(since.any(1), True)))
        last = _GRID - 1 - int(np.argmax(np.append(until[::-1].any(1), True)))
        start, end = (round((row + 0.5) * self.height / _GRID) for row in (first - 1, last + 1))
        start = max(0, start)
        return slice(start, max(start, min(self.height, end)))

    def field(self, coarse: Floats) -> Floats:
        """Enlarge values on the grid to the window's pixels."""
        return floats(cv2.resize(coarse, (self.width, self.height)))

    def cut(self, image: _Pixels) -> _Pixels:
        """Return the window's pixels in an image, as a view."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]

    def sample(self, image: Image, sources: Floats, rows: slice) -> Image:
        """Sample the image for some rows of the window. ``sources`` are points of the face's frame, on the grid."""
        moved = self.field(self.frame.out_of(sources) - self.frame.out_of(self.grid))[rows]
        place = cv2.add(moved, self.cut(_places(*image.shape[:2]))[rows])
        return sampled_at(image, floats(place), fine=self.width * self.height < _FINE)


def box(frame: Frame, image: Image, view: View, outline: Floats | None = None) -> tuple[Whole, Whole]:
    """Return the first column and row of the window on a face, and those after its last ones."""
    corners = frame.out_of(view.middle + view.reach * floats([[-1, -1], [1, -1], [1, 1], [-1, 1]]))
    low, high = corners.min(0), corners.max(0)
    if outline is not None:
        face, room = frame.out_of(outline), _ROOM * float(np.hypot(*frame.across))
        low, high = np.maximum(low, face.min(0) - room), np.minimum(high, face.max(0) + room)
    size = [image.shape[1], image.shape[0]]
    return np.maximum(np.floor(low), 0).astype(int), np.minimum(np.ceil(high), size).astype(int)


def _inside(grid: Floats, outline: Floats) -> Floats:
    """Return the weight of a movement that fades out towards an outline around the mouth."""
    away, angles = _polar(grid)
    far, directions = _polar(outline)
    reach = np.interp(angles, directions, far, period=2 * np.pi)
    return eased(floats((_EDGE - away / np.maximum(reach, 1e-3)) / _SOFTENS))


def _polar(points: Floats) -> tuple[Floats, Floats]:
    """Return the distances and the directions of points from the middle of the mouth."""
    return floats(np.hypot(points[..., 0], points[..., 1])), floats(np.arctan2(points[..., 1], points[..., 0]))


@lru_cache(2)
def _places(height: int, width: int) -> Floats:
    """Return the column and the row of each pixel of an image."""
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.stack([columns, rows], -1)


def sampled_at(image: Image, place: Floats, *, fine: bool | None = None) -> Image:
    """Sample an image at some places, (rows, columns, 2) in pixels. Beyond the edges, the nearest pixel counts.

    Small results use cubic interpolation, unless ``fine`` is given. It takes up to ten times as long, and does not show
    in large results.
    """
    if place[..., 0].size < _FINE if fine is None else fine:
        moved = cv2.remap(image, place, NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.uint8)
    whole, part = cv2.convertMaps(place, NO_MAP, cv2.CV_16SC2)  # integer maps are twice as fast
    return np.asarray(cv2.remap(image, whole, part, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)
