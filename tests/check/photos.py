"""Two portraits in the public domain, astronaut Collins and admiral Hopper, and where their faces are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from lipsync_nodes.perception.faces.finder import FaceFinder
from tests.sandbox.preview.films import DUET, PORTRAIT

_GALLERY = Path(__file__).parents[2] / "examples" / "gallery"


@cache
def astronaut():
    return cv2.imread(str(PORTRAIT))


@cache
def duet():
    return cv2.imread(str(DUET))


@cache
def right_half():
    return np.ascontiguousarray(duet()[:, 490:])


@cache
def admiral():
    """The first tile of the gallery's row, enlarged."""
    tile = cv2.imread(str(_GALLERY / "neutral.jpg"))[:, :155]
    return cv2.resize(tile, (620, 624), interpolation=cv2.INTER_CUBIC)


@cache
def points_of(photo):
    (face,) = FaceFinder().find(photo(), 1)
    return face.points


class Face:
    """A photo's face as a ruler: its mouth's middle is the origin, its height the unit."""

    def __init__(self, photo):
        self.points = points_of(photo)
        self.image = photo().copy()
        eyes = self.points[263] - self.points[33]
        self.right = eyes / np.linalg.norm(eyes)
        self.down = np.array([-self.right[1], self.right[0]])
        self.height = float(np.linalg.norm(self.points[152] - self.points[10]))
        self.mouth = (self.points[13] + self.points[14]) / 2
        x, y = np.rint(self.points[[50, 280, 205, 425]]).astype(int).T
        self.skin = np.median(self.image[y, x], axis=0)

    def at(self, x, y):
        return tuple(int(v) for v in np.rint(self.mouth + (self.right * x + self.down * y) * self.height))

    def polygon(self, *places):
        return np.array([self.at(x, y) for x, y in places])

    def long(self, share):
        return max(1, round(share * self.height))


def tone(colour, share):
    return tuple(float(v) for v in np.clip(np.asarray(colour) * share, 0, 255))
