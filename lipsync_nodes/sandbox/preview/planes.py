"""Planes: a picture as the encoder takes it, I420. It needs half the memory of the same picture as BGR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from lipsync_nodes.perception.arrays import levels

if TYPE_CHECKING:
    from lipsync_nodes.perception.arrays import Image


def size_of(picture: Image) -> tuple[int, int]:
    """Return width and height of a picture, BGR or I420."""
    return picture.shape[1], picture.shape[0] if is_bgr(picture) else picture.shape[0] * 2 // 3


def is_bgr(picture: Image) -> bool:
    """Return whether a picture is BGR, and not I420."""
    return picture.ndim == 3  # noqa: PLR2004  # the third axis is that of the colours


def planes_of(image: Image) -> Image:
    """Convert a BGR picture with even sides to I420, (rows and half of that, columns)."""
    return levels(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420))


def paste(planes: Image, part: Image, rows: slice, columns: slice) -> None:
    """Replace a part of an I420 picture by a BGR one. The part begins and ends at even places."""
    for whole, new, by in zip(_split(planes), _split(planes_of(part)), (1, 2, 2), strict=True):
        whole[rows.start // by : rows.stop // by, columns.start // by : columns.stop // by] = new


def _split(planes: Image) -> tuple[Image, Image, Image]:
    """Return the light and the two colours, which have half as many rows and columns, as views."""
    width, height = size_of(planes)
    flat, size = planes.reshape(-1), height * width
    half = height // 2, width // 2
    return (
        flat[:size].reshape(height, width),
        flat[size : size * 5 // 4].reshape(half),
        flat[size * 5 // 4 :].reshape(half),
    )
