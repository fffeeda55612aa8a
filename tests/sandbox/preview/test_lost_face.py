"""A face that leaves the picture and comes back: no frame with it is left out, and the search for it costs little."""

from itertools import chain, repeat

import numpy as np
import pytest

from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import read_image
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
