"""Eyes: those in a photo blink now and then, at moments that a seed determines, and look aside, if they can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats
from lipsync_nodes.sandbox.preview.mouth.gaze import glancing
from lipsync_nodes.sandbox.preview.mouth.lids import LOWER_LIDS, UPPER_LIDS, Eye, Lid
from lipsync_nodes.sandbox.preview.mouth.lips import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lipsync_nodes.perception.faces.finder import Face

# How far the lid is down in each frame of a blink: lids close faster than they open.
_CLOSING = (0.25, 0.7, 1.0, 1.0, 0.8, 0.5, 0.25, 0.1)
_PAUSE = (2.2, 5.0)  # the least and the most seconds between two blinks
_SMALLEST, _LOWEST = 14.0, 4.0  # pixels: an eye's width and its opening
_NARROWEST = 0.20  # an opening as a part of the width: below this, the eye is half closed
_SHADED = 0.5  # the brightest part of an eye, as a part of the other's: below this, a lid would shine in the dark
_ASIDE = 0.70  # the width of an eye as a part of the other's: below this, the head is turned to the side
# A frame of glasses crosses the nose as a line unlike the skin above and below, by this part of the colour. Or
# it makes steps of the light under both eyes, by this part of it within so many points.
_BRIDGE, _RIMS, _STEP = 0.08, 0.40, 3
_NOSE = floats(np.arange(-0.07, 0.09, 0.003))  # in face heights, from the line between the eyes
_SKIN = 13  # points of the nose whose mean is the skin around each one
_LIDS = floats(np.arange(-0.03, 0.11, 0.002))  # from the upper lid, across the eye
_SOFTEST = 0.13  # lids make a larger step of the light, as a part of it, except in blurred pictures
# Between closed lids the dark is the lashes: its middle is lower than this part of the way. And there is no iris, which
# makes the light in the middle row vary by this part of it.
_LOW, _IRIS = 0.60, 0.50
_WAY = floats(np.linspace(0, 1, 21))[:, None]
_BAGS = floats(np.arange(0.028, 0.135, 0.004))  # from the lower lid


class Eyes:
    """The eyes of one face in a photo: they blink, and look aside for a moment.

    Eyes that are small, blurred, nearly closed, turned away, behind glasses or in the dark do neither.
    """

    def __init__(self, face: Face, photo: Image, seed: int, fps: float, gaze: Floats | None = None) -> None:
        """Choose the moments of blinks, and paint the lids. ``gaze`` is where the eyes look, see `Gestures`."""
        self._rng = np.random.default_rng([seed % 2**63, 1])
        self._fps, self._gaze = fps, gaze
        self._next = self._pause(0) // 2
        self._lids = [Lid(eye) for eye in _clear_eyes(face, photo)]
        self._drawn: dict[tuple[float, float], list[Image]] = {}

    def draw(self, onto: Image, number: int) -> None:
        """Draw the eyes of frame *number*. Call it for each frame in order."""
        if number >= self._next + len(_CLOSING):
            self._next = self._pause(number)
        down = _CLOSING[number - self._next] if number >= self._next else 0.0
        aside = 0.0 if self._gaze is None else float(self._gaze[number])
        if down or aside:
            for lid, picture in zip(self._lids, self.pictures(down, aside), strict=True):
                onto[lid.eye.rows, lid.eye.columns] = picture

    def pictures(self, down: float, aside: float) -> list[Image]:
        """Return both eyes with their lids so far down and their irises so far aside. Each pair is drawn once."""
        if (down, aside) not in self._drawn:
            self._drawn[down, aside] = [lid.lowered(down, glancing(lid.eye, aside)) for lid in self._lids]
        return self._drawn[down, aside]

    def _pause(self, number: int) -> int:
        return number + round(float(self._rng.uniform(*_PAUSE)) * self._fps)


def _clear_eyes(face: Face, photo: Image) -> list[Eye]:
    """Return both eyes if both are in the photo, open, large, sharp, lit, turned to the camera and without glasses."""
    lids = face.points[np.ravel([UPPER_LIDS, LOWER_LIDS])]
    if np.any(lids < 0) or np.any(lids > [photo.shape[1] - 1, photo.shape[0] - 1]) or behind_glasses(face, photo):
        return []
    lines = list(_lids(face, photo))
    lights = [np.percentile(between, 90) for _, between in lines]
    if min(lights) < _SHADED * max(lights) or not all(_is_clear(*light) for light in lines):
        return []
    eyes = [Eye.of(face, photo, number) for number in (0, 1)]
    widths = [eye.width for eye in eyes]
    return eyes if min(widths) > _ASIDE * max(widths) and all(map(_open, eyes)) else []


def _open(eye: Eye) -> bool:
    wide, high = eye.width * eye.face, eye.opening * eye.face
    return wide > _SMALLEST and high > max(_LOWEST, _NARROWEST * wide)


def _lids(face: Face, photo: Image) -> Iterator[tuple[Floats, Floats]]:
    """Yield the light on lines across each eye, and on those between its lids only."""
    frame = Frame.of(face)
    points = frame.into(face.points)
    for upper, lower in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        above, below = points[list(upper)], points[list(lower)]
        x = floats(np.linspace(above[0, 0], above[-1, 0], 27)[3:-3])
        top, end = (floats(np.interp(x, line[:, 0], line[:, 1])) for line in (above, below))
        yield tuple(_colours(frame, photo, x, y).mean(-1) for y in (top + _LIDS[:, None], top + _WAY * (end - top)))


def _is_clear(across: Floats, between: Floats) -> bool:
    """Return whether an eye is sharp enough for lids to be drawn, and not closed, which the landmarks do not show."""
    row = between[len(between) // 2 - 2 : len(between) // 2 + 3].mean(0)
    varies = float(np.percentile(row, 90) - np.percentile(row, 5)) / (float(across.mean()) + 8)
    dark = np.clip(np.percentile(between, 80) - between, 0, None) + 1e-3
    low = float((dark * _WAY).sum() / dark.sum())
    return float(np.median(_steepest(across))) > _SOFTEST and (low < _LOW or varies > _IRIS)


def behind_glasses(face: Face, photo: Image) -> bool:
    """Return whether there seems to be a frame of glasses, or something like it, on the nose or under both eyes."""
    frame = Frame.of(face)
    points = frame.into(face.points)
    rims = [float(np.median(_steepest(under))) for under in _under_eyes(frame, photo, points)]
    return _bridge(frame, photo, points) > _BRIDGE or min(rims) > _RIMS


def _bridge(frame: Frame, photo: Image, points: Floats) -> float:
    """Return how far a line across the nose differs from the skin around it, as a part of the skin's colour."""
    inner, middle = points[[133, 362]], (points[33] + points[263]) / 2
    across = floats(inner[:, 0].mean() + 0.18 * np.linspace(-1, 1, 9) * np.ptp(inner[:, 0]))
    nose = _colours(frame, photo, across, floats(middle[1] + _NOSE[:, None])).mean(1)
    ends = _SKIN // 2
    skin = np.lib.stride_tricks.sliding_window_view(nose, _SKIN, 0).mean(-1)
    return float(np.linalg.norm(nose[ends:-ends] - skin, axis=1).max()) / (float(nose.mean()) + 8)


def _under_eyes(frame: Frame, photo: Image, points: Floats) -> list[Floats]:
    """Return the light on lines from each lower lid down."""
    found = []
    for lid in LOWER_LIDS:
        line = points[list(lid)]
        x = floats(np.linspace(0.85 * line[0, 0] + 0.15 * line[-1, 0], 0.15 * line[0, 0] + 0.85 * line[-1, 0], 17))
        y = floats(np.interp(x, line[:, 0], line[:, 1]) + _BAGS[:, None])
        found.append(_colours(frame, photo, x, y).mean(-1))
    return found


def _colours(frame: Frame, photo: Image, x: Floats, y: Floats) -> Floats:
    """Return the colours at some places of the face's frame, (lines' points, lines, 3)."""
    place = frame.out_of(floats(np.stack(np.broadcast_arrays(x, y), -1)))
    columns, rows = floats(place[..., 0]), floats(place[..., 1])
    return floats(cv2.remap(photo, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _steepest(lines: Floats) -> Floats:
    """Return the largest step of the light on each line, as a part of its mean."""
    steps = np.abs(lines[_STEP:] - lines[:-_STEP])
    return floats(steps.max(0) / (lines.mean(0) + 8))
