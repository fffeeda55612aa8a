"""Occlusion: detects things in front of the mouth, such as a hand, which must not be painted over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats, median, nearest
from lipsync_nodes.perception.faces.finder import square
from lipsync_nodes.perception.faces.looks import LIP_SIDES, mouth_hidden

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face, FaceFinder

_SKIN = (50, 280, 205, 425, 4, 195, 151, 9)  # cheeks, nose, forehead: light changes them as it changes the mouth
_CORNERS = (61, 291)  # of the mouth
_SIDE, _BELOW = 0.44, 0.05  # in face heights: the square that is compared, and how far below the mouth its middle is
_CELLS, _FINE = 11, 3  # places along a side of it, and pixels along a side of each
_MOUTH = (0.17, 0.09)  # in face heights: the half axes of the mouth, which moves in speech and is not compared
_LIGHTNESS = 0.5  # the weight of the lightness, which shadows change too
_OTHER = 12.0  # a distance in 8-bit Lab: places that differ by more look like something else
# A hidden mouth: this share of the places on one side does, and the mesh is less sure by this part.
_SHARE, _DROP = 0.5, 0.4
_DROP_MOST = 0.25  # a fast head makes the mesh less sure, too
_CLEAR, _HIDDEN = 0.75, 1.45  # sums of both, in those units: nothing is near up to the first, hidden from the second on
_SEEN = 1.2  # up to this sum, only a turned head or a shadow may be the reason
# Lips that are redder than the face by this, in 8-bit Lab, lose no more than the next part of it while they can be
# seen, in 40 films. Behind a hand they lose the one after that, even if the hand's colour is that of the face.
_RED, _PALER, _PALE = 10.0, 0.6, 0.8
_KEPT, _KEPT_HIDDEN = 1 / 50, 1 / 500  # how much of a frame the usual look takes; of a hidden mouth little
_RETRY, _AGAIN = 5, 2  # a first mouth that is hidden is looked at in each such frame, until it is so often visible
_PLAINLY = -1.5  # a first mouth that is not plainly visible is looked at again: a hand may just come
_WRONG = 5, 25  # a mouth that was visible in no more frames, and then hidden in so many, was learnt wrongly
_UNSURE = 0.0078  # in face heights, as in `mouth_hidden`: a film has later frames to learn from, so doubt costs little


class Occlusion:
    """Compares the surroundings of a mouth with those in earlier frames, and how sure the mesh is of the face."""

    def __init__(self, finder: FaceFinder) -> None:
        """Begin without earlier frames. The first mouth that looks like one is the usual one."""
        self._finder = finder
        self._waited = self._clear = self._visible = self._gone = 0
        self._usual: Floats | None = None
        self._sure = self._red = 0.0
        self._frames = 0

    def seen(self, image: Image, face: Face) -> float:
        """Return how visible the mouth is, from 1 (nothing is near it) to 0 (hidden)."""
        if self._usual is None and not self._begins(image, face):
            return 0.0
        skin = _colour(image, face.points[list(_SKIN)])
        now, red = _around_mouth(image, face, skin), _redness(image, face, skin)
        if self._usual is None:
            self._usual, self._sure, self._red = now, face.presence, red
        drop = min(max(1 - face.presence / max(1.0, self._sure), 0.0), _DROP_MOST)
        hidden = _other(now, self._usual) / _SHARE + drop / _DROP + _HIDDEN * self._paler(red)
        self._frames += 1
        kept = max(_KEPT, 1 / self._frames) if hidden < _SEEN else _KEPT_HIDDEN
        self._usual = floats(self._usual + kept * (now - self._usual))
        self._sure += kept * (face.presence - self._sure)
        self._red += kept * (red - self._red)
        self._doubt(gone=hidden >= _HIDDEN)
        return min(max((_HIDDEN - hidden) / (_HIDDEN - _CLEAR), 0.0), 1.0)

    def _paler(self, red: float) -> float:
        """Return how far lips have lost their usual red, from 0 (as lips do in speech) to 1 (as behind a hand)."""
        lost = 1 - red / self._red if self._red > _RED else 0.0
        return min(max((lost - _PALER) / (_PALE - _PALER), 0.0), 1.0)

    def _doubt(self, *, gone: bool) -> None:
        """Learn the mouth again if the one that was learnt has hardly been seen since: it was turned away, or dark."""
        self._gone = self._gone + 1 if gone else 0
        self._visible += not gone
        if self._visible <= _WRONG[0] and self._gone >= _WRONG[1]:
            self._usual, self._frames, self._waited = None, 0, 1
            self._clear = self._visible = self._gone = 0

    def _begins(self, image: Image, face: Face) -> bool:
        """Return whether a mouth can be learnt from: a hand may be before it from the first frame on."""
        if self._waited % _RETRY == 0:
            hidden = mouth_hidden(image, face, self._finder, _UNSURE)
            once = hidden < _PLAINLY and not self._waited
            self._clear = 0 if hidden > 0 else self._clear + (_AGAIN if once else 1)
        self._waited += 1
        return self._clear >= _AGAIN


def _around() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which places are beside the mouth."""
    line = ((np.arange(_CELLS) + 0.5) / _CELLS - 0.5) * _SIDE
    return np.hypot(line / _MOUTH[0], (line[:, None] + _BELOW) / _MOUTH[1]) >= 1


_AROUND = _around()


def _other(now: Floats, usual: Floats) -> float:
    """Return the share of the places around the mouth that look like something else, on the side that has more."""
    other = (np.linalg.norm(now - usual, axis=-1) > _OTHER) & _AROUND
    sides = np.s_[:, : _CELLS // 2], np.s_[:, _CELLS // 2 + 1 :]
    return max(float(other[side].sum() / _AROUND[side].sum()) for side in sides)


def _around_mouth(image: Image, face: Face, skin: Floats) -> Floats:
    """Return the colours around the mouth, minus the colour of the skin, (_CELLS, _CELLS, 3) in weighted Lab."""
    roll, middle = face.roll, face.points[list(_CORNERS)].mean(0)
    centre = middle + _BELOW * face.height * floats([-np.sin(roll), np.cos(roll)])
    turn = square(floats(centre), _SIDE * face.height, roll, _CELLS * _FINE)
    near = cv2.warpAffine(image, turn, (_CELLS * _FINE, _CELLS * _FINE), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(near, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    lab = floats(cv2.cvtColor(np.asarray(small, np.uint8), cv2.COLOR_BGR2LAB))
    return floats((lab - skin) * floats([_LIGHTNESS, 1, 1]))


def _redness(image: Image, face: Face, skin: Floats) -> float:
    """Return how much redder than the skin the lips are, in 8-bit Lab."""
    lips = face.points[np.reshape(LIP_SIDES, (-1, 2))].mean(1)  # between the edges of each
    return float(_colour(image, floats(lips))[1] - skin[1])


def _colour(image: Image, points: Floats) -> Floats:
    pixels = nearest(image, points)[None]
    return median(cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)[0])
