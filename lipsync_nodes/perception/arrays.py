"""The two types of arrays that this package uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Image: TypeAlias = NDArray[np.uint8]
"""A picture: rows, columns, and the channels blue, green, red or a single one."""
Floats: TypeAlias = NDArray[np.float32]
"""Measured values: points (…, 2), sound samples, weights."""


def floats(values: ArrayLike) -> Floats:
    """Return the values in single precision, which is enough for pictures."""
    return np.asarray(values, np.float32)


def levels(values: ArrayLike) -> Image:
    """Round the values to the 256 levels of a picture. A picture is returned as it is."""
    array = np.asarray(values)
    return array if array.dtype == np.uint8 else np.rint(np.clip(array, 0, 255)).astype(np.uint8)
