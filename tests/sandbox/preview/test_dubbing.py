"""A dubbed film: the mouth opens with the film's own teeth, and one that the film shows open closes."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.fading import faded
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.occlusion import Occlusion
from lipsync_nodes.perception.faces.tracker import Tracked, tracked
from lipsync_nodes.perception.pictures import Film, read_image
from lipsync_nodes.sandbox.preview.mouth.dubbing import Dubbing
from lipsync_nodes.sandbox.preview.mouth.edges import edges_of, widened
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips
from tests.sandbox.preview.films import MEDIA, PORTRAIT

CLOSED, OPEN = np.float32([0, 0, 0, 1, 0]), np.float32([0.6, 0, 0, 0, 0])


@pytest.fixture(scope="module")
def shots():
    return [*islice(tracked(Film(MEDIA / "film.mp4", 480).frames(), Casting(FaceFinder())), 45)]


def opened(shot):
    """The gap between the lips, in face heights."""
    frame = Frame.of(shot.face)
    lips = Lips.of(shot.face, frame)
    return widened(lips, edges_of(lips, frame, shot.image)).gap


def drawn(dubbing, shot, values):
    frame = shot.image.copy()
    dubbing.draw(shot.image, frame, shot.face, dubbing.see(shot.image, shot.face), values)
    return frame


def whites(frame, shot):
    """Pixels around the mouth that are as bright as the skin, but have nearly no colour."""
    x, y = np.rint(shot.face.points[13]).astype(int)
    reach = round(0.12 * shot.face.height)
    mouth = cv2.cvtColor(frame[y - reach : y + reach, x - reach : x + reach], cv2.COLOR_BGR2HSV)
    return int(((mouth[..., 1] < 50) & (mouth[..., 2] > 150)).sum())


def shown(*seen):
    """How visible a mouth is that is visible so far in each frame."""
    return [shot.seen for shot in faded(Tracked(np.zeros((2, 2, 3), np.uint8), None, one) for one in seen)]


def test_a_film_gives_the_teeth_that_it_shows_at_other_times(shots):
    """A mouth that the film shows closed opens with the teeth of an earlier frame."""
    shut = min(shots, key=opened)
    knowing = Dubbing()
    for shot in shots:
        drawn(knowing, shot, CLOSED)
    assert whites(drawn(knowing, shut, OPEN), shut) > 3 * whites(drawn(Dubbing(), shut, OPEN), shut)


def test_teeth_that_the_film_shows_later_are_known_at_its_start(shots):
    foreseeing = Dubbing()
    for shot in shots[:13]:
        foreseeing.see(shot.image, shot.face)
    assert whites(drawn(foreseeing, shots[0], OPEN), shots[0]) > 2 * whites(drawn(Dubbing(), shots[0], OPEN), shots[0])


def test_a_mouth_that_is_open_in_the_film_closes(shots):
    wide = max(shots, key=opened)
    frame = drawn(Dubbing(), wide, CLOSED)
    seen = FaceFinder().follow(frame, wide.face)
    assert whites(frame, wide) < 0.2 * whites(wide.image, wide)
    assert seen.opening < wide.face.opening - 0.02


def test_nothing_moves_outside_of_the_face(shots):
    """The jaw of a film is where it is: neck, hair and background do not follow the mouth."""
    wide, shut = max(shots, key=opened), min(shots, key=opened)
    for shot, values in ((wide, CLOSED), (shut, OPEN)):
        changed = cv2.absdiff(drawn(Dubbing(), shot, values), shot.image).max(2)
        shape = cv2.convexHull(np.rint(shot.face.points).astype(np.int32))
        assert cv2.fillConvexPoly(changed.copy(), shape, 0).max() <= 2
        assert changed.max() > 60


def test_the_edge_of_a_lip_is_found_in_the_picture():
    """The landmarks may show a mouth too small: the lower lip begins where the dark ends."""
    photo = read_image(PORTRAIT, 720)
    (face,) = FaceFinder().find(photo)
    frame = Frame.of(face)
    lips = Lips.of(face, frame)
    for beyond in (0.0, 0.018):
        hole = widened(lips, np.float32([0, beyond]))
        shape = frame.out_of(np.concatenate([hole.upper_inner, hole.lower_inner[::-1]]))
        dark = cv2.fillPoly(photo.copy(), [np.rint(shape).astype(np.int32)], (20, 15, 30))
        assert edges_of(lips, frame, dark)[1] == pytest.approx(beyond, abs=0.006)


def test_a_mouth_fades_before_and_after_it_is_hidden():
    whole = shown(*(0.0 if number in {9, 10} else 1.0 for number in range(20)))
    assert whole[3:5] == [1.0, pytest.approx(5 / 6)]
    assert whole[8:12] == [pytest.approx(1 / 6), 0, 0, pytest.approx(1 / 6)]
    assert len(whole) == 20


def test_a_mouth_is_not_shown_while_a_hand_comes_and_goes():
    coming, going = [1.0] * 8 + [0.6, 0.5, 0.4, 0.5], [0.5, 0.6, 0.7] + [1.0] * 8
    whole = shown(*coming, 0.0, 0.0, *going)
    assert whole[2:9] == [1.0, *(pytest.approx(part / 6) for part in (5, 4, 3, 2, 1)), 0]
    assert not any(whole[8:17])
    assert whole[17:] == [*(pytest.approx(part / 6) for part in (1, 2, 3, 4, 5)), 1.0, 1.0, 1.0]


def test_a_head_that_turns_or_is_blurred_once_still_speaks():
    assert shown(*[1.0] * 9, *[0.4] * 20, *[1.0] * 9) == [1.0] * 38
    blurred = shown(*[1.0] * 9, 0.5, 0.5, 0.0, 0.5, 0.5, *[1.0] * 9)
    assert blurred[9] == pytest.approx(2 / 6)


def test_a_mouth_does_not_fade_before_a_cut():
    blank = np.zeros((2, 2, 3), np.uint8)
    shots = [Tracked(blank, None, float(number < 8), cut=number == 8) for number in range(16)]
    assert [shot.seen for shot in faded(shots)] == [1.0] * 8 + [0.0] * 8


def test_fingers_over_half_a_mouth_hide_it_and_speech_does_not(shots):
    occlusion = Occlusion(FaceFinder())
    assert all(occlusion.seen(shot.image, shot.face) == 1 for shot in shots)
    image, face = shots[-1].image.copy(), shots[-1].face
    (x, y), size = face.points[61].astype(int), face.height
    for finger in range(3):
        across = x + round((finger - 1.3) * 0.1 * size)
        cv2.line(image, (across, y - round(0.1 * size)), (across, y + round(0.5 * size)), (118, 148, 200), 16)
        cv2.line(image, (across + 8, y), (across + 8, y + round(0.5 * size)), (72, 96, 150), 3)
    assert occlusion.seen(image, face) < 0.2
