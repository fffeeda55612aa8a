"""Occlusion: detects things in front of the mouth, such as a hand, which must not be painted over."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face

_LIPS = (0, 37, 267, 39, 269, 17, 84, 314, 181, 405, 61, 291, 146, 375)  # the red of the lips, all around
_SKIN = (50, 280, 205, 425, 4, 195, 151, 9)  # cheeks, nose, forehead: light changes them as it changes the lips
_AROUND = (164, 18, 200, 57, 287, 43, 273)  # between nose and chin
_REMEMBERED = 75  # frames whose median is the usual look of the mouth
_RARELY = 8  # of a hidden mouth, one in this many frames is remembered, or a hand soon counts as the mouth
_SEEN, _HIDDEN = 6.0, 11.0  # distances in 8-bit Lab: fully visible up to the first, hidden from the second on
_LIGHTNESS = 0.35  # the weight of the lightness, which shadows change too


class Occlusion:
    """Compares the colours of a mouth with those in earlier frames."""

    def __init__(self) -> None:
        """Begin without earlier frames. The first mouth counts as visible."""
        self._past: deque[Floats] = deque(maxlen=_REMEMBERED)
        self._hidden = 0

    def seen(self, image: Image, face: Face) -> float:
        """Return how visible the mouth is, from 1 (fully) to 0 (hidden)."""
        looks = _looks(image, face)
        usual = np.median(np.array(self._past), 0) if self._past else looks
        away = np.abs(looks - usual) * floats([_LIGHTNESS, 1, 1])
        far = float(np.linalg.norm(away, axis=-1).min())  # an opening mouth changes only its own colours
        self._hidden = self._hidden + 1 if far >= _HIDDEN else 0
        if self._hidden % _RARELY == 0:
            self._past.append(looks)
        return float(np.clip((_HIDDEN - far) / (_HIDDEN - _SEEN), 0, 1))


def _looks(image: Image, face: Face) -> Floats:
    """Return the colours of the lips and of the skin around them, minus the face's, (2, 3) in Lab."""
    skin = _colour(image, face, _SKIN)
    return floats([_colour(image, face, _LIPS) - skin, _colour(image, face, _AROUND) - skin])


def _colour(image: Image, face: Face, which: tuple[int, ...]) -> Floats:
    places = np.rint(face.points[list(which)]).astype(int)
    places = np.clip(places, 0, [image.shape[1] - 1, image.shape[0] - 1])
    pixels = image[places[:, 1], places[:, 0]][None]
    return floats(np.median(cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)[0].astype(np.float32), 0))
