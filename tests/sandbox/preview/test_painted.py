"""The measure "painted outside a mouth": it sees what is painted, and not what encoding changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import Film, read_image
from tests.quality.detector import Seen
from tests.quality.fixtures import Case
from tests.quality.painted import painted_elsewhere
from tests.quality.tracks import Track
from tests.sandbox.preview.films import PORTRAIT, frames_of, save_film

FRAMES = 6
MOUTH, BELOW_LIP, COLLAR = 0.0, 0.12, 0.45  # in face heights, below the middle of the mouth


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    photo = read_image(PORTRAIT, 240)
    return save_film(tmp_path_factory.mktemp("film") / "film.mp4", [photo] * FRAMES, 25)


def wrong(film, tmp_path, *, below=MOUTH, wide=0.0, hidden=None):
    """The frames that count as wrong if a green line is drawn below the mouth in two of them."""
    frames = [frame.copy() for frame in Film(film, 240).play(FRAMES)]
    (face,) = FaceFinder().find(frames[0])
    x, y = np.rint(face.points[14] + [0, below * face.height]).astype(int)
    half = round(wide * face.height / 2)
    for frame in frames[2:4] if half else []:
        cv2.line(frame, (x - half, y), (x + half, y), (40, 160, 40), 2)
    shown = frames_of(save_film(tmp_path / "shown.mp4", frames, 25))
    tracks = [Track("mesh", [Seen(face.points.astype(float))] * FRAMES)]
    return painted_elsewhere(Case("film", film, (), 240, film=True, hidden=hidden), shown, 25, tracks)


def test_encoding_and_a_mouth_are_not_painted_elsewhere(film, tmp_path):
    assert wrong(film, tmp_path) == []
    assert wrong(film, tmp_path, wide=0.25) == []


def test_a_line_beside_the_face_is_seen(film, tmp_path):
    assert wrong(film, tmp_path, below=COLLAR, wide=0.25) == [2, 3]


def test_a_line_on_fingers_over_the_mouth_is_seen(film, tmp_path):
    assert wrong(film, tmp_path, below=BELOW_LIP, wide=0.2, hidden=(0, 1)) == [2, 3]
