"""A face that leaves the picture and comes back: no frame with it is left out, and the search for it costs little."""

from itertools import chain, repeat

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import read_image
from tests.check.photos import admiral, astronaut
from tests.sandbox.preview.films import PORTRAIT

BEFORE, AWAY, AFTER = 3, 23, 6
SEARCH = 5  # frames between two searches


class Counting(FaceFinder):
    """Counts the runs of the detector."""

    runs = 0

    def _detect_tile(self, *where):
        self.runs += 1
        return super()._detect_tile(*where)


@pytest.fixture(scope="module")
def portrait():
    return read_image(PORTRAIT, 240)


def shown(portrait, away=AWAY):
    """A portrait, its lower edge without a face, and the portrait again."""
    nobody = np.ascontiguousarray(np.resize(portrait[-40:], portrait.shape))
    return chain(repeat(portrait, BEFORE), repeat(nobody, away), repeat(portrait, AFTER))


def test_a_face_that_comes_back_speaks_from_its_first_frame(portrait):
    seen = [shot.face is not None for shot in tracked(shown(portrait), Casting(FaceFinder()))]
    assert seen == [True] * BEFORE + [False] * AWAY + [True] * AFTER


def test_frames_keep_their_order_and_none_is_lost(portrait):
    frames = list(shown(portrait, away=SEARCH + 2))[:-AFTER]
    assert [id(shot.image) for shot in tracked(frames, Casting(FaceFinder()))] == [id(frame) for frame in frames]


def test_the_search_for_a_lost_face_costs_little(portrait):
    finder = Counting()
    list(tracked(shown(portrait, away=10 * SEARCH), Casting(finder)))
    assert 0 < finder.runs < 2 * 10 * SEARCH


def test_a_title_that_stands_still_is_searched_once_for_each_kind(portrait):
    runs = []
    for away in (4 * SEARCH, 12 * SEARCH):
        finder = Counting()
        list(tracked(shown(portrait, away), Casting(finder)))
        runs.append(finder.runs)
    assert runs[0] == runs[1]


def test_a_small_face_that_comes_into_a_still_picture_is_found(portrait):
    scene = np.full((360, 640, 3), 120, np.uint8)
    with_face = scene.copy()
    with_face[150:330, 400:580] = cv2.resize(portrait, (180, 180), interpolation=cv2.INTER_AREA)
    frames = [scene] * 12 + [with_face] * (2 * SEARCH)
    seen = [shot.face is not None for shot in tracked(frames, Casting(FaceFinder()))]
    assert (any(seen[:12]), all(seen[-SEARCH:])) == (False, True)


def beside_the_middle(photo, column):
    """A small portrait on a large grey picture."""
    scene, side = np.full((360, 640, 3), 120, np.uint8), min(photo.shape[:2])
    scene[60:260, column : column + 200] = cv2.resize(photo[:side, :side], (200, 200), interpolation=cv2.INTER_AREA)
    return scene


def test_another_person_without_a_cut_is_not_hidden():
    """The mouth of one in another light is not compared with that of the other."""
    dark = (astronaut() * 0.45 + [60, 10, 0]).astype(np.uint8)
    frames = [beside_the_middle(dark, 20)] * 8 + [beside_the_middle(admiral(), 400)] * 8
    shots = list(tracked(frames, Casting(FaceFinder())))
    assert not any(shot.cut for shot in shots)
    assert [shot.seen for shot in shots] == [1.0] * 16
