"""The two types of arrays that this package uses, and what is often done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Image: TypeAlias = NDArray[np.uint8]
"""A picture: rows, columns, and the channels blue, green, red or a single one."""
Floats: TypeAlias = NDArray[np.float32]
"""Measured values: points (…, 2), sound samples, weights."""

_Kind = TypeVar("_Kind", bound=np.generic)


def floats(values: ArrayLike) -> Floats:
    """Return the values in single precision, which is enough for pictures."""
    return np.asarray(values, np.float32)


def levels(values: ArrayLike) -> Image:
    """Round the values to the 256 levels of a picture. A picture is returned as it is."""
    array = np.asarray(values)
    return array if array.dtype == np.uint8 else np.rint(np.clip(array, 0, 255)).astype(np.uint8)


def masked(before: Image, after: Image, weight: Floats) -> Image:
    """Change a picture only where the weight allows it, (rows, columns, 1) from 0 to 1."""
    return levels(before + (after.astype(np.float32) - before) * weight)


def eased(ramp: Floats) -> Floats:
    """Return a ramp, limited to 0 and 1, with soft ends."""
    inside = np.clip(ramp, 0, 1)
    return floats(inside * inside * (3 - 2 * inside))


def median(rows: NDArray[np.generic]) -> Floats:
    """Return the median of each column. For few rows, this takes a quarter of the time of NumPy's."""
    ordered, half = floats(np.sort(rows, 0)), len(rows) // 2
    return floats((ordered[half] + ordered[~half]) / 2)


def nearest(image: NDArray[_Kind], places: Floats) -> NDArray[_Kind]:
    """Return the pixels of an image that are nearest to some places, (places, channels)."""
    columns, rows = np.clip(np.rint(places).astype(int), 0, np.array(image.shape[1::-1]) - 1).T
    pixels: NDArray[_Kind] = image[rows, columns]
    return pixels
