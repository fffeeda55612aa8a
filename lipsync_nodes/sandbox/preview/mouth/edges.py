"""Edges: finds in the picture where the lips of an open mouth end. The landmarks show a wide opening too small."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.sandbox.preview.mouth.light import light_of
from lipsync_nodes.sandbox.preview.mouth.lips import Lips, arch, moved
from lipsync_nodes.sandbox.preview.mouth.own import teeth_end

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.sandbox.preview.mouth.lips import Frame

_OPEN = 0.02  # in face heights: the edges of lips that are less apart are not looked for
_COLUMNS = slice(1, 10)  # of the contours' points: the corners stay
_STEP = 0.003  # in face heights: the distance of two places at which an edge may be
_BAND = 3  # steps: the colours above and below an edge are means over so much
_UP, _DOWN = 1, 20  # steps: how far an edge may be inside of the landmarks' mouth, and outside of it
_OFFSETS = np.arange(-_UP - _BAND, _DOWN + _BAND, dtype=np.float32) * _STEP
# How far outside an upper and a lower edge usually are, and how much that differs, as parts of the gap.
_USUAL, _SPREAD = (0.04, 0.12), (0.06, 0.11)
_LEAST_SPREAD = 0.012  # the same in face heights
_ARCH, _POINTED = 0.5, 1.5  # the powers of the shapes by which an edge is moved out, and in again: less at its sides


def lips_of(face: Face, frame: Frame, image: Image) -> Lips:
    """Return the lips of a face, with their inner edges where the picture has them."""
    lips = Lips.of(face, frame)
    lips = widened(lips, edges_of(lips, frame, image))
    if lips.gap < _OPEN:
        return lips
    end, lip = teeth_end(image, frame, lips, light_of(image, face))
    if lip:  # its edge is where the teeth end; farther down the contrast was larger
        return replace(widened(lips, floats([0, (end - 1) * lips.gap]), _POINTED), teeth=1.0)
    return replace(lips, teeth=end)


def edges_of(lips: Lips, frame: Frame, image: Image) -> Floats:
    """Return by how much the upper and the lower edge are outside of the landmarks' ones, in face heights."""
    if lips.gap < _OPEN:
        return floats([0, 0])
    outside = _OFFSETS[_BAND:-_BAND] + _STEP / 2
    usual, spread = floats(_USUAL) * lips.gap, _LEAST_SPREAD + floats(_SPREAD) * lips.gap
    likely = np.exp(-(((outside - usual[:, None]) / spread[:, None]) ** 2))
    return floats(outside[np.argmax(_contrast(lips, frame, image) * likely, 1)])


def widened(lips: Lips, by: Floats, power: float = _ARCH) -> Lips:
    """Return the lips with both edges of each moved outwards: the upper and the lower lip by so much."""
    up, down = (much * arch(lips.upper_inner[:, 0], power) for much in by)
    return replace(
        lips,
        upper_inner=moved(lips.upper_inner, -up),
        upper_outer=moved(lips.upper_outer, -up),
        lower_inner=moved(lips.lower_inner, down),
        lower_outer=moved(lips.lower_outer, down),
    )


def _contrast(lips: Lips, frame: Frame, image: Image) -> Floats:
    """Return how much the colours above and below each possible upper and lower edge differ, (2, places)."""
    inner = np.stack([lips.upper_inner, lips.lower_inner])
    bent = np.stack([-arch(lips.upper_inner[:, 0], _ARCH), arch(lips.lower_inner[:, 0], _ARCH)])
    places = np.repeat(inner[:, _COLUMNS, None], len(_OFFSETS), 2)
    places[..., 1] += bent[:, _COLUMNS, None] * _OFFSETS
    places = frame.out_of(places.reshape(-1, len(_OFFSETS), 2))
    # Two maps: with one, OpenCV 5.0.0 interpolates linearly at wrong places if a picture has one channel or three.
    colours = cv2.remap(image, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(np.asarray(colours, np.uint8), cv2.COLOR_BGR2LAB)
    total = np.cumsum(lab.reshape(2, -1, *lab.shape[1:]), 2, dtype=np.float32)
    band = total[:, :, _BAND:] - total[:, :, :-_BAND]
    return floats(np.linalg.norm(band[:, :, _BAND:] - band[:, :, :-_BAND], axis=-1).mean(1))
