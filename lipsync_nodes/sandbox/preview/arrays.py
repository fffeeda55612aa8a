"""The two kinds of arrays that everything here passes around."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Image: TypeAlias = NDArray[np.uint8]
"""A picture: rows, columns and blue, green, red, or one channel."""
Floats: TypeAlias = NDArray[np.float32]
"""Anything measured: points (…, 2), samples, weights."""


def floats(values: ArrayLike) -> Floats:
    """Give the values in single precision, which is all that pictures need."""
    return np.asarray(values, np.float32)


def levels(values: ArrayLike) -> Image:
    """Round the values to a picture's 256 levels; what is a picture already stays the same array."""
    array = np.asarray(values)
    return array if array.dtype == np.uint8 else np.rint(np.clip(array, 0, 255)).astype(np.uint8)
