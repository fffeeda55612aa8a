"""Lips: the contours of a mouth in the face's frame, and how they move when it opens or closes.

The face's frame is a coordinate system with its origin between the corners of the mouth, x parallel to the line between
the eyes, y towards the chin, and the face's height (forehead to chin) as its unit. So the same numbers apply to every
size, position and roll of the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.faces.finder import LEFT_EYE, RIGHT_EYE, Face
from lipsync_nodes.perception.speech.curve import BITE, OPEN, ROUND, WIDE, opening

# MediaPipe's landmarks, from the right corner of the mouth (left in the image) to the left one.
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
_JAW = (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)
_JAW_FOLLOWS = floats([0, 0.15, 0.35, 0.6, 0.8, 0.95, 1, 1, 1, 0.95, 0.8, 0.6, 0.35, 0.15, 0])
_ALL_AROUND = (  # the outline of the face
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
_OUTLINE = (132, 58, 172, 361, 288, 397)  # of the cheeks; otherwise a narrow mouth would pull the background in
_STILL_ABOVE = (2, 98, 327, 50, 280, 33, 133, 362, 263, 168, 234, 454, *_OUTLINE)  # nose, cheekbones, eyes, ears
_STILL_BELOW = (50, 280, 234, 454, 132, 361)
_CHEEKS = (205, 425)  # beside the folds that end at the mouth

WIDEST = 0.115
"""The gap between the lips at opening 1, as a part of the face's height: that of vowels in lively speech."""
_LARGE, _SMALL, _WIDER = 110.0, 50.0, 0.35  # pixels: below the first mouths open wider, from the second on by this part
_SLIT = (0.02, 0.12)  # openings at which lips begin to part, and are apart as far as they should
# Small gaps do not look open, and round ones look further open than they are: the power that parts lips further at
# small openings, and the part of the gap that round lips lose. The bright teeth of a smile show in small gaps, too.
_LOOKS, _BRIGHT_LOOKS = (0.7, 0.1), (0.85, 0.3)
# Where open lips meet when they close, from the upper lip's edge (0) to the lower one's (1). The jaw opens a mouth that
# is wide open: its upper lip comes down by less.
_REST, _REST_WIDE, _WIDE = 0.45, 0.1, 0.045
_SHOWN = 0.018  # in face heights: below closed lips, the upper teeth are so long
_LOWEST = 0.032  # and the upper lip does not come down by more
_UPPER_PART = 0.2  # the upper lip moves by this part of the gap; the jaw moves by the rest
_BITTEN = 0.008  # the gap above a lower lip that is under the teeth, which fill it; less if it is only faintly heard
_NARROWS, _ROUNDS, _WIDENS = 0.08, 0.33, 0.05  # change of the width of an open, a round and a wide mouth
_POUT = 0.25  # how much thicker rounded lips are
_CALM_WIDTH, _CALM_SAG = 0.30, 0.022  # a mouth without a smile: its width, and how far its middle is below its corners
_CORNER, _PARTED = 0.9, 0.03  # open lips show the mouth almost to their outer corners; the mesh ends before
# See Lips.inset: in face heights, as a part of the gap, and at most as a part of the lip's thickness.
_INSET, _INSET_OPEN, _INSET_MOST = 0.010, 0.10, 0.5
# An upper and a lower lip whose landmarks are thicker than this include some of the mouth between them.
_THICKEST = floats([0.036, 0.050])
# More of it is included if the mouth is open, and would show between lips that close: they are thinner by this part.
# The gap where that begins, how much wider one is that gives all of it, and the power that keeps it to closed lips.
_TOO_THICK, _AGAPE, _AGAPE_OVER, _ONLY_SHUT = 0.30, 0.02, 0.03, 6
_UNSMILE = 0.5  # a smile is reduced by this part while the mouth speaks or rests


@dataclass(frozen=True)
class Frame:
    """The face's frame: its ``origin`` and its unit vectors ``across`` and ``down``, in pixels."""

    origin: Floats
    across: Floats
    down: Floats

    @classmethod
    def of(cls, face: Face) -> Frame:
        """Return the frame of a face."""
        eyes = face.points[LEFT_EYE] - face.points[RIGHT_EYE]
        across = floats(eyes / np.linalg.norm(eyes) * face.height)
        origin = (face.points[UPPER_OUTER[0]] + face.points[UPPER_OUTER[-1]]) / 2
        return cls(origin, across, floats([-across[1], across[0]]))

    def into(self, pixels: Floats) -> Floats:
        """Convert pixels (…, 2) to the frame."""
        return floats((pixels - self.origin) @ self._inverse)

    def out_of(self, points: Floats) -> Floats:
        """Convert points (…, 2) of the frame to pixels."""
        return floats(points @ self._axes + self.origin)

    @cached_property
    def _axes(self) -> Floats:
        return np.stack([self.across, self.down])

    @cached_property
    def _inverse(self) -> Floats:
        return floats(self._axes.T / float(self.across @ self.across))


@dataclass(frozen=True)
class Lips:
    """The four contours of a mouth, (11, 2) each, from corner to corner, and the jaw, in the face's frame.

    ``teeth`` is where the upper teeth end that a photo shows, from the upper lip's edge (0) to the lower one's (1).
    """

    upper_inner: Floats
    lower_inner: Floats
    upper_outer: Floats
    lower_outer: Floats
    jaw: Floats
    teeth: float = 0.0

    @classmethod
    def of(cls, face: Face, frame: Frame) -> Lips:
        """Return the contours of the landmarks. Lips that overlap are moved apart until they touch."""
        points = frame.into(face.points)
        upper, lower = points[list(UPPER_INNER)], points[list(LOWER_INNER)]
        lower[:, 1] = np.maximum(lower[:, 1], upper[:, 1])
        above, below = points[list(UPPER_OUTER)], points[list(LOWER_OUTER)]
        reach = _CORNER * min(1.0, float((lower - upper)[:, 1].max()) / _PARTED)
        for inner in (upper, lower):
            inner[[0, -1]] += reach * (above[[0, -1]] - inner[[0, -1]])
        return cls(upper, lower, above, below, points[list(_JAW)])

    @cached_property
    def gap(self) -> float:
        """The largest gap between the inner edges."""
        return float((self.lower_inner - self.upper_inner)[:, 1].max())

    @cached_property
    def rest(self) -> Floats:
        """The line where the lips meet, (11, 2)."""
        gap = max(self.gap, 1e-3)
        share = (_REST * min(gap, _WIDE) + _REST_WIDE * max(0.0, gap - _WIDE)) / gap
        share = max(share, min(self.teeth * gap - _SHOWN, _LOWEST) / gap)
        return floats(self.upper_inner + share * (self.lower_inner - self.upper_inner))

    def posed(self, values: Floats, height: float = _LARGE, room: float = 1.0) -> Lips:
        """Return the same lips in the pose that a curve's values describe, whatever pose they are in now.

        A face of a small ``height``, in pixels, opens its mouth wider, or nobody sees that. Its corners do not move
        inwards by more than ``room``.
        """
        lips = self.unsmiling
        narrowest = (np.ptp(self.upper_inner[:, 0]) - 2 * room) / max(1e-3, float(np.ptp(lips.upper_inner[:, 0])))
        power, less = _BRIGHT_LOOKS if self.teeth else _LOOKS
        apart = _parted(float(opening(values)), power) * (1 - less * float(values[ROUND]))
        drop = WIDEST * apart * _wider(height) + _BITTEN * float(values[BITE]) ** 2
        gap = drop * arch(lips.rest[:, 0], 0.75 - 0.25 * float(values[ROUND]))
        upper, lower = lips.rest.copy(), lips.rest.copy()
        upper[:, 1] -= _UPPER_PART * gap
        lower[:, 1] += (1 - _UPPER_PART) * gap
        pout = 1 + _POUT * float(values[ROUND])
        flesh = lips.upper_inner - lips.upper_outer, lips.lower_outer - lips.lower_inner
        agape = min(max((self.gap - _AGAPE) / _AGAPE_OVER, 0.0), 1.0)
        thickest = _THICKEST * (1 - _TOO_THICK * agape * (1 - apart) ** _ONLY_SHUT)
        thin = [min(1, most / max(1e-3, float(part[:, 1].max()))) for part, most in zip(flesh, thickest, strict=True)]
        outer = upper - pout * thin[0] * flesh[0], lower + pout * thin[1] * flesh[1]
        jaw = moved(lips.jaw, 0.7 * (lower - lips.lower_inner)[len(lower) // 2, 1] * _JAW_FOLLOWS)
        return Lips(upper, lower, *outer, jaw).stretched(max(_width(values), float(narrowest)))

    @cached_property
    def unsmiling(self) -> Lips:
        """Lips that smile less: narrower, with lower corners."""
        half = float(np.ptp(self.rest[:, 0])) / 2
        spare = _UNSMILE * max(0.0, 2 * half - _CALM_WIDTH) / (2 * half)
        sag = self.rest[len(self.rest) // 2, 1] - self.rest[[0, -1], 1].mean()
        lower_by = _UNSMILE * max(0.0, float(sag) - _CALM_SAG)

        def calm(points: Floats) -> Floats:
            return moved(points, lower_by * np.minimum(1, np.abs(points[:, 0] / half)) ** 1.5)

        inner = calm(self.upper_inner), calm(self.lower_inner)
        return Lips(*inner, calm(self.upper_outer), calm(self.lower_outer), self.jaw, self.teeth).stretched(1 - spare)

    def stretched(self, factor: float) -> Lips:
        """Return wider or narrower lips."""
        by = floats([factor, 1])
        inner = self.upper_inner * by, self.lower_inner * by
        return Lips(*inner, self.upper_outer * by, self.lower_outer * by, self.jaw, self.teeth)

    @cached_property
    def inset(self) -> Lips:
        """Lips whose inner edges are inside of them, so that teeth or the mouth are not stretched with them."""
        deep = (_INSET + _INSET_OPEN * self.gap) * arch(self.upper_inner[:, 0], 0.35)
        up = np.minimum(deep, _INSET_MOST * (self.upper_inner - self.upper_outer)[:, 1].clip(0))
        down = np.minimum(deep, _INSET_MOST * (self.lower_outer - self.lower_inner)[:, 1].clip(0))
        inner = moved(self.upper_inner, -up), moved(self.lower_inner, down)
        return Lips(*inner, self.upper_outer, self.lower_outer, self.jaw)


def cheeks(face: Face, frame: Frame) -> Floats:
    """Return the points of the right and the left cheek that follow the corners of the mouth."""
    return frame.into(face.points[list(_CHEEKS)])


def still_points(face: Face, frame: Frame) -> tuple[Floats, Floats]:
    """Return the points of the face that do not move in speech, for the upper and the lower half."""
    points = frame.into(face.points)
    neck = points[list(_JAW)] + floats([0, 0.3])
    return points[list(_STILL_ABOVE)], np.concatenate([points[list(_STILL_BELOW)], neck])


def outline(face: Face, frame: Frame) -> Floats:
    """Return the outline of the face, (36, 2)."""
    return frame.into(face.points[list(_ALL_AROUND)])


def bend(targets: Floats, sources: Floats, at: Floats, still: Floats) -> Floats:
    """Return where the points ``at`` are taken from if ``targets`` are taken from ``sources``: a thin-plate spline.

    ``still`` is the `plate` between ``at`` and the last of the targets, those that are the same in each frame.
    """
    n = len(targets)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = plate(targets, targets) + 1e-5 * np.eye(n)
    system[:n, n:] = np.column_stack([np.ones(n), targets])
    system[n:, :n] = system[:n, n:].T
    shift = np.concatenate([sources - targets, np.zeros((3, 2))])
    weights = cv2.solve(system, shift)[1]  # numpy's solver uses all cores for 0.1 ms of work
    moving, calm, shift, turn = np.split(floats(weights), [n - still.shape[1], n, n + 1])
    return floats(at + plate(at, targets[: len(moving)]) @ moving + still @ calm + shift + at @ turn)


def plate(one: Floats, other: Floats) -> Floats:
    """Return the thin-plate kernel r² log r² between two sets of points."""
    across = one[:, :1] - other[:, 0]
    down = one[:, 1:] - other[:, 1]
    square = across * across + down * down
    return floats(square * np.log(square + np.float32(1e-12)))


def _wider(height: float) -> float:
    return 1 + _WIDER * min(max((_LARGE - height) / (_LARGE - _SMALL), 0.0), 1.0)


def _parted(apart: float, power: float) -> float:
    """Return how far lips part that should look so far open: a slit between them should not look open at all."""
    ramp = min(max((apart - _SLIT[0]) / (_SLIT[1] - _SLIT[0]), 0.0), 1.0)
    return float(max(apart, 0.0) ** power) * ramp * ramp * (3 - 2 * ramp)


def _width(values: Floats) -> float:
    """Return the width of a mouth, as a part of its width at rest."""
    narrow = 1 - _NARROWS * float(values[OPEN]) - _ROUNDS * float(values[ROUND])
    return narrow + _WIDENS * float(values[WIDE])


def arch(x: Floats, power: float = 0.75) -> Floats:
    """Return the shape of an opening: 0 at the corners, 1 in the middle. A smaller power is rounder."""
    middle, half = (x[0] + x[-1]) / 2, max(1e-3, float(x[-1] - x[0]) / 2)
    return floats(np.clip(1 - ((x - middle) / half) ** 2, 0, 1) ** power)


def moved(points: Floats, down: Floats) -> Floats:
    """Return the points moved down, each by its own amount."""
    result = points.copy()
    result[:, 1] += down
    return result
