"""Films for the check: the portraits by a hand-held camera, and what happens to them."""

from __future__ import annotations

import cv2
import numpy as np

from tests.check import photos, pictures
from tests.sandbox.preview.films import save_film

FPS = 25


def held(image, t, size=(640, 480), zoom=1.0, centre=None):
    """One frame by a camera that is not quite still."""
    width, height = size
    middle = centre or (image.shape[1] / 2, image.shape[0] / 2)
    scale = zoom * height / image.shape[0] * (1 + 0.02 * np.sin(1.1 * t))
    turn = cv2.getRotationMatrix2D(middle, 2 * np.sin(1.9 * t), scale)
    turn[:, 2] += np.array([width / 2 + 6 * np.sin(1.4 * t), height / 2 + 4 * np.sin(2.3 * t)]) - np.array(middle)
    return cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REPLICATE)


def film(path, seconds, look, fps=FPS):
    """Save a film of what `look(t)` returns."""
    return save_film(path, (look(number / fps) for number in range(round(seconds * fps))), fps)


def of(photo, **options):
    return lambda t: held(photo(), t, **options)


def without(photo, *spans):
    """A plain wall instead of the face, in these spans of seconds."""
    wall = np.full((480, 640, 3), (150, 140, 130), np.uint8)
    return lambda t: wall if any(start <= t < end for start, end in spans) else held(photo(), t)


def hand(photo, start, end):
    with_hand = pictures.raised(photo)
    return lambda t: held(with_hand if start <= t < end else photo(), t)


def growing(photo, seconds):
    """A face that comes from far away."""
    face = photos.points_of(photo).mean(0)

    def look(t):
        zoom = 0.15 + 1.2 * min(1.0, t / seconds * 1.6)
        return held(photo(), t, zoom=zoom, centre=tuple(float(v) for v in face))

    return look


def cut_to(photo, other, *times):
    """Cuts there and back."""
    return lambda t: held((photo, other)[sum(t >= time for time in times) % 2](), t)


def both(photo, other, start=0.0):
    """A second person beside the first one, from then on."""
    pair = pictures.side_by_side(photo, other)
    alone = np.hstack([photo(), np.full_like(photo(), 120)])
    return lambda t: held(pair if t >= start else alone, t, size=(960, 480))


def turned(photo, angle):
    image = pictures.turned(photo, angle, 1.0)
    return lambda t: held(image, t)


def made_of(image):
    return lambda t: held(image, t)
