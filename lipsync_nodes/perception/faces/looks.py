"""What one face is like: how it is turned, how sharp and bright it is, and whether its mouth can be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.perception.faces.finder import CHIN, FOREHEAD, LEFT_EYE, RIGHT_EYE, Face, square

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import FaceFinder

RIGHT_SIDE, LEFT_SIDE = 234, 454  # the face's edges before the ears
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)  # the inner edges of the lips
_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_EYES = ((33, 133), (362, 263))
_SIDE = 192  # pixels of the face that is measured
_ACROSS = 0.09  # in face heights: lines of this length to both sides cross the lips and the eyes
_STEPS = 37  # places on such a line
# The mesh is run on the face again, a little beside it: the shift, the scale, the angle.
_SHAKEN = (
    (0.04, 0.0, 1.0, 0.0), (0.0, -0.05, 1.0, 0.0), (0.0, 0.0, 1.12, 0.0), (0.0, 0.0, 1.0, 0.12), (0.0, 0.0, 1.0, 0.0),
    (-0.04, 0.0, 1.0, 0.0), (0.0, 0.05, 1.0, 0.0), (0.0, 0.0, 0.92, 0.0), (0.0, 0.0, 1.0, -0.12),
)  # fmt: skip
_FEW, _STEADY = 4, 0.005  # with so many of them, 74 of 202 mouths are steadier than this, and none of these is hidden
_UNSTEADY = 0.01  # in face heights: a usual deviation of the landmarks of a mouth that is hidden
_WILD = 0.019  # 700 mouths that can be seen had up to 0.017
# Fitted to 260 faces and 140 with a mask, a hand or a microphone before the mouth or half of it: these are above 0. Of
# as many others, 2 and 111 of 119 were.
_WEIGHTS = (-1.3, 4.67, -2.88, -1.94, -0.15)
CLEARLY = 2.0  # half of the mouths that are hidden were above, and none of the others
_TOP, _AROUND = (151, 9, 6, 197, 195, 4), (164, 18, 200, 57, 287, 43, 273, 17, 0)  # from forehead to nose; the mouth
_ALIEN = 45.0  # in 8-bit Lab: the colours of a mouth and of the nose above are nearer than this; 700 faces had up to 42
# Upper and lower lip from the face's right corner to the middle, and to the left one: outer and inner edge of each.
LIP_SIDES = (((40, 81), (37, 82), (181, 178), (84, 87)), ((270, 311), (267, 312), (405, 402), (314, 317)))
_CHEEKS = (50, 280, 205, 425, 4, 195, 101, 330, 36, 266)
# Lips are redder than the cheeks by more than this, in 8-bit Lab, or steadier than the next two; not so a plastic mask
# and hands over a mouth or half of it. The second is in face heights, the third in the unsteadiness of eyes and nose.
_RED, _UNSURE, _RESTLESS = 1.0, 0.0082, 1.25
_HALF = 2.5  # of such lips: the half of a mouth beside a hand is redder than the cheeks by more
# Red says nothing in a blurred picture, in one that is nearly grey, and of a mouth that is wide open, so not covered.
_BLURRED, _COLOURED, _WIDE = 0.5, 6.0, 0.105
_REST = (33, 133, 362, 263, 1, 4, 9, 151, 168)  # eyes, nose and forehead
_DIRECTIONS = np.arange(8) * np.pi / 8


@dataclass(frozen=True, slots=True)
class Looks:
    """What one face is like.

    Attributes:
        height: from forehead to chin, in pixels.
        yaw: how far it is turned to the side, in degrees; the model sees less than it is.
        pitch: how far it looks up (below 0) or down, in degrees.
        roll: how far it is tilted to a shoulder, in degrees; 180 is upside down.
        sharpness: the strength of its finest details in the direction that has least of them.
        light: the brightness of its middle tone, from 0 to 255.
        cut: how much of it is outside of the picture, from 0 to 1.
        mouth_cut: how much of its mouth is.
        hidden: above 0, something seems to be before its mouth; None if that was not measured.

    """

    height: float
    yaw: float
    pitch: float
    roll: float
    sharpness: float
    light: float
    cut: float
    mouth_cut: float
    hidden: float | None = None

    @property
    def clearly_hidden(self) -> bool:
        """Whether the mouth was measured, and is hidden beyond doubt."""
        return (self.hidden or 0) > CLEARLY


def looks(image: Image, face: Face, finder: FaceFinder | None = None) -> Looks:
    """Measure a face. Whether its mouth is hidden needs the finder, and 12 to 25 ms."""
    crop, points = _cropped(image, face)
    grey = floats(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY))
    inside = _hull(points, grey.shape)
    yaw, pitch = _turned(face)
    outside = np.any((face.points < 0) | (face.points > [image.shape[1] - 1, image.shape[0] - 1]), axis=1)
    found = Looks(
        height=face.height,
        yaw=yaw,
        pitch=pitch,
        roll=math.degrees(face.roll),
        sharpness=_sharpness(grey, inside),
        light=float(np.median(grey[inside])),
        cut=float(outside.mean()),
        mouth_cut=float(outside[list(LIPS)].mean()),
    )
    return replace(found, hidden=mouth_hidden(image, face, finder)) if finder else found


def _cropped(image: Image, face: Face, side: int = 0) -> tuple[Image, Floats]:
    """Return the square around a face, upright, and its landmarks there. It is not enlarged beyond ``side``."""
    pixels = side or max(16, min(_SIDE, round(face.side)))
    turn = square(face.centre, face.side, face.roll, pixels)
    crop = cv2.warpAffine(image, turn, (pixels, pixels), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), floats(cv2.transform(face.points[:, None], turn))[:, 0]


def _hull(points: Floats, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return mask.astype(bool)


def _turned(face: Face) -> tuple[float, float]:
    """Return yaw and pitch in degrees."""
    if face.depths is None:
        return 0.0, 0.0
    turn = floats(cv2.getRotationMatrix2D((0, 0), math.degrees(face.roll), 1))[:, :2]
    upright = np.column_stack([face.points @ turn.T, face.depths])
    across, down = upright[LEFT_SIDE] - upright[RIGHT_SIDE], upright[CHIN] - upright[FOREHEAD]
    return math.degrees(math.atan2(across[2], across[0])), math.degrees(math.atan2(down[2], down[1]))


def _sharpness(grey: Floats, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """Return the second derivative at its strongest places, by contrast. Motion blurs one direction only."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.7)
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, x, y)[inside] for x, y in ((2, 0), (0, 2), (1, 1)))
    along = [np.abs(xx * c * c + 2 * xy * c * s + yy * s * s) for c, s in zip(_COSINES, _SINES, strict=True)]
    return min(float(np.percentile(one, 97)) for one in along) / (float(smooth[inside].std()) + 4)


_COSINES, _SINES = np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)


def mouth_hidden(image: Image, face: Face, finder: FaceFinder, unsure: float = _UNSURE) -> float:
    """Compare what there is to see of lips: landmarks that stay, a dark line, details as at the eyes, their colour.

    Each half of the mouth counts, because a hand may cover one. Returns ``Looks.hidden``. With a smaller ``unsure``, in
    face heights, steadier landmarks are taken for a hand's.
    """
    crop, points = _cropped(image, face, _SIDE)
    moved, still = _unsteadiness(image, face, finder)
    sides, colour = _redness(crop, points)
    red = sorted(sides)
    coloured = min(1.0, colour / _COLOURED)
    seen = (1.0, math.log(moved / _UNSTEADY), *_lip_line(crop, points), float(np.clip(red[0], -4, 8)) * coloured)
    alien, wild = (_alien(crop, points) - _ALIEN) / 10, (moved - _WILD) * 500
    found = max(float(np.dot(seen, _WEIGHTS)), alien, wild)
    if coloured < 1 or face.opening > _WIDE or looks(image, face).sharpness < _BLURRED:
        return found
    return max(found, min((moved - max(unsure, _RESTLESS * still)) * 2000, _fingers(red)))


def covered_half(image: Image, face: Face) -> int:
    """Return which half of a doubtful mouth is covered: -1 the face's right one, 1 the left one, 0 not just one."""
    right, left = _redness(*_cropped(image, face, _SIDE))[0]
    return (right > _HALF and left < _RED) - (left > _HALF and right < _RED)


def _lip_line(crop: Image, points: Floats) -> tuple[float, float]:
    """Return how dark the line between the lips is, and the details there beside those at the eyes, as a logarithm.

    Both are those of the half of the mouth that has less.
    """
    lightness = floats(cv2.cvtColor(crop, cv2.COLOR_BGR2LAB))[..., 0]
    mouth = _profiles(lightness, floats((points[list(_UPPER)] + points[list(_LOWER)]) / 2), points)
    halves = mouth[: len(mouth) // 2], mouth[len(mouth) // 2 + 1 :]
    eyes = float(np.mean([_steepness(_profiles(lightness, points[list(corners)], points)) for corners in _EYES]))
    smooth = cv2.GaussianBlur(lightness, (0, 0), 1)
    contrast = float(cv2.remap(smooth, points[:, 0], points[:, 1], cv2.INTER_LINEAR).std()) + 1e-3
    detail = (min(map(_steepness, halves)) + 0.3) / (eyes + 0.3)
    return min(2.0, *(_valley(half) / contrast for half in halves)), math.log(detail)


def _redness(crop: Image, points: Floats) -> tuple[list[float], float]:
    """Return how much redder than the cheeks the right and the left side of the lips are, and how colourful those."""
    lab = floats(cv2.cvtColor(cv2.GaussianBlur(crop, (0, 0), 1), cv2.COLOR_BGR2LAB))
    cheeks = _sampled(lab, points[list(_CHEEKS)])[:, 1:]
    lips = (_sampled(lab, floats(points[np.array(side)].mean(1))) for side in LIP_SIDES)
    red = [float(np.median(lip[:, 1]) - np.median(cheeks[:, 0])) for lip in lips]
    return red, float(np.abs(cheeks - 128).mean())


def _fingers(red: list[float]) -> float:
    """Return above 0 if some of the lips have the colour of the cheeks, and above 1 if all have."""
    return min(_RED - red[0], 1.0) if red[1] > _HALF else _RED - red[0]


def _alien(crop: Image, points: Floats) -> float:
    """Return how far the colour around the mouth is from that of the face above it. The lightness does not count."""
    lab = floats(cv2.cvtColor(cv2.GaussianBlur(crop, (0, 0), 1), cv2.COLOR_BGR2LAB))
    above, mouth = (_sampled(lab, points[list(which)]) for which in (_TOP, _AROUND))
    return float(np.median(np.hypot(*(mouth - np.median(above, 0))[:, 1:].T)))


def _sampled(image: Floats, places: Floats) -> Floats:
    """Return the colours at some places, (places, 3). OpenCV 4 and 5 shape such a row differently."""
    found = cv2.remap(image, places[:, 0], places[:, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return floats(found.reshape(len(places), -1))


def _profiles(lightness: Floats, line: Floats, points: Floats) -> Floats:
    """Return the lightness along lines that cross one, (places on it, steps)."""
    height = float(np.linalg.norm(points[CHIN] - points[FOREHEAD]))
    ends = points[LEFT_EYE] - points[RIGHT_EYE] if len(line) == 2 else line[-1] - line[0]  # noqa: PLR2004
    down = np.array([-ends[1], ends[0]]) / (float(np.linalg.norm(ends)) + 1e-6)
    places = np.linspace(0.12, 0.88, 19) * (len(line) - 1)
    middles = np.column_stack([np.interp(places, np.arange(len(line)), line[:, axis]) for axis in (0, 1)])
    steps = np.linspace(-_ACROSS, _ACROSS, _STEPS) * height
    where = floats(middles[:, None] + down * steps[:, None])
    return floats(cv2.remap(lightness, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _steepness(profiles: Floats) -> float:
    return float(np.abs(np.diff(profiles, axis=1)).mean())


def _valley(profiles: Floats) -> float:
    """Return how much darker the line between the lips is than what is above and below."""
    mean = profiles.mean(0)
    third = _STEPS // 3
    return float(np.percentile(mean, 80) - mean[third : _STEPS - third].min())


def _unsteadiness(image: Image, face: Face, finder: FaceFinder) -> tuple[float, float]:
    """Return how far the landmarks of the lips move, in face heights, if the mesh looks a little beside the face.

    Then the same of landmarks that nothing hides: those of a blurred or small face move, too.
    """
    runs = []
    for right, down, scale, angle in _SHAKEN:
        centre = face.centre + floats([right, down]) * face.height
        again = finder.landmarks(image, centre, face.side * scale, face.roll + angle, presence=0)
        runs.append((again or face).points[[*LIPS, *_REST]])
        if len(runs) == _FEW and _deviations(runs, face)[0] < _STEADY:
            break
    return _deviations(runs, face)


def _deviations(runs: list[Floats], face: Face) -> tuple[float, float]:
    moved = np.linalg.norm(np.std(runs, axis=0), axis=1) / face.height
    return max(float(moved[: len(LIPS)].mean()), 1e-4), float(moved[len(LIPS) :].mean())
