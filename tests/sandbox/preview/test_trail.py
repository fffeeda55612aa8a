"""The mesh runs on every second frame where the mouth moves evenly, and on each one where it does not."""

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from tests.sandbox.preview.films import PORTRAIT

FRAMES = 12


class Counting(FaceFinder):
    """Counts the runs of the mesh on a face that was found."""

    runs = 0

    def follow(self, image, last):
        self.runs += 1
        return super().follow(image, last)


@pytest.fixture(scope="module")
def mouths():
    """A portrait with its mouth closed, and open."""
    photo = read_image(PORTRAIT, 480)
    (face,) = FaceFinder().find(photo)
    closed, opened = photo.copy(), photo.copy()
    for frame, jaw in ((closed, 0.0), (opened, 1.0)):
        Puppet(face, photo).draw(photo, frame, np.array([jaw, 0, 0, 0, 0], np.float32), Palette.of(photo, face))
    return closed, opened


def followed(frames):
    """The faces of a film, and how often the mesh ran to follow them from the second frame on."""
    finder = Counting()
    shots = tracked(iter(frames), Casting(finder))
    first, start = next(shots), finder.runs
    return [shot.face for shot in (first, *shots)], finder.runs - start


def test_a_still_mouth_is_measured_in_every_second_frame(mouths):
    faces, runs = followed([mouths[0]] * FRAMES)
    assert all(faces)
    assert runs <= FRAMES // 2


def moving(rows):
    """A film of a large head that moves up by so many rows in each frame."""
    large = read_image(PORTRAIT, 1440)
    return [large[rows * number :][: 1440 - rows * FRAMES] for number in range(FRAMES)]


def test_so_is_that_of_a_head_which_moves_evenly():
    faces, runs = followed(moving(2))
    assert all(faces)
    assert runs <= FRAMES // 2


def test_a_head_that_moves_fast_is_measured_once_a_frame():
    faces, runs = followed(moving(9))
    assert all(faces)
    assert runs <= FRAMES + 1


@pytest.mark.parametrize("at", [4, 5])
def test_a_mouth_that_opens_in_one_frame_is_seen_there(mouths, at):
    frames = [mouths[0]] * FRAMES
    frames[at] = mouths[1]
    openings = [face.opening for face in followed(frames)[0]]
    assert openings[at] > 1.3 * max(openings[at - 2], openings[at + 2])


def test_a_face_that_comes_back_is_where_it_is_by_then():
    """It is hidden in one frame, stays for another one, and has moved away when the next search finds it."""
    face = cv2.resize(read_image(PORTRAIT, 480), (180, 240), interpolation=cv2.INTER_AREA)
    frames = np.full((16, 480, 640, 3), 128, np.uint8)
    lefts = 40 + 4 * np.maximum(np.arange(16) - 4, 0)
    for number, (frame, left) in enumerate(zip(frames, lefts, strict=True)):
        if number != 3:
            frame[100:340, left : left + 180] = face
    shots = enumerate(tracked(iter(frames), Casting(FaceFinder())))
    places = {number: shot.face.centre[0] - lefts[number] for number, shot in shots if shot.face}
    assert 3 not in places
    assert {0, 14, 15} <= places.keys()
    assert np.ptp(list(places.values())) < 4
