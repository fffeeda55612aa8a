"""The preview engine's mouth: closed, round, wide, quick."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.arrays import median
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.curve import mouth_curve, opening, sampled
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, Lips
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from tests.sandbox.preview.films import MEDIA, PORTRAIT, RATE


def test_the_mouth_ignores_noise_hum_and_gain():
    """The mouth stays closed for noise and hum, and the gain of the sound does not matter."""
    rng = np.random.default_rng(0)
    seconds = np.arange(2 * RATE) / RATE
    hum = 0.3 * np.sin(2 * np.pi * 120 * seconds).astype(np.float32)
    speech = read_speech(MEDIA / "speech_left.mp3")
    assert opening(mouth_curve(rng.normal(0, 0.1, 2 * RATE).astype(np.float32))).max() < 0.05
    assert opening(mouth_curve(hum))[10:-10].max() < 0.1  # where a tone is cut off, the mouth may twitch
    assert np.abs(mouth_curve(speech) - mouth_curve(speech / 8)).max() < 0.02
    assert opening(mouth_curve(speech)).max() > 0.7
    assert not mouth_curve(np.zeros(RATE, np.float32)).any()


def shown(values, **options):
    """The portrait with its mouth as `values` want it: its landmarks by the model, in face heights."""
    photo = read_image(PORTRAIT, 720)
    (face,) = FaceFinder().find(photo)
    frame = photo.copy()
    Puppet(face, photo).draw(photo, frame, np.array(values, np.float32), Palette.of(photo, face))
    seen = FaceFinder().follow(frame, face)
    return (seen.points - seen.points[61]) / seen.height


def test_a_round_mouth_is_narrower_and_a_wide_one_wider():
    widths = {name: np.linalg.norm(shown(values)[291]) for name, values in {
        "wide": (0.4, 1, 0, 0, 0), "neither": (0.4, 0, 0, 0, 0), "round": (0.4, 0, 1, 0, 0)}.items()}  # fmt: skip
    assert widths["round"] < 0.97 * widths["neither"]  # the model sees less of it than there is
    assert widths["neither"] < widths["wide"]


def test_a_narrow_mouth_draws_nothing_from_behind_the_cheeks_in():
    photo = read_image(PORTRAIT, 720)
    (face,) = FaceFinder().find(photo)
    frame = photo.copy()
    mouth = np.array((0.32, 0, 1, 0, 0), np.float32)
    Puppet(face, photo).draw(photo, frame, mouth, Palette.of(photo, face))
    moved = cv2.absdiff(frame, photo).max(-1)
    for x, y in np.rint(face.points[[132, 58, 361, 288]]).astype(int):  # the outline at the height of the mouth
        assert moved[y - 4 : y + 5, x - 4 : x + 5].mean() < 12


def test_a_closure_as_short_as_a_frame_is_shown_whole_by_one():
    curve = np.zeros((50, 5), np.float32)
    curve[:, 0] = 0.5
    curve[[19, 20, 21, 22], 3] = 1  # 40 ms that two frames of 40 ms share
    shut = sampled(curve, ((np.arange(12) + 0.5) / 25).astype(np.float32), 1 / 25)[:, 3]
    assert shut.max() == 1
    assert sorted(shut)[-2] < 0.9


def test_a_small_face_opens_its_mouth_wider():
    photo = read_image(PORTRAIT, 480)
    (face,) = FaceFinder().find(photo)
    lips = Lips.of(face, Frame.of(face))
    values = np.array((0.8, 0, 0, 0, 0), np.float32)
    assert lips.posed(values, 60).gap > 1.2 * lips.posed(values, 200).gap
    assert lips.posed(values, 200).gap == lips.posed(values, 600).gap
    assert lips.posed(values * np.float32(0.02), 60).gap < 0.001  # a slit does not look closed


@pytest.mark.parametrize("count", [1, 2, 9, 10])
def test_the_median_of_few_colours(count):
    rows = np.random.default_rng(count).integers(0, 256, (count, 3)).astype(np.uint8)
    np.testing.assert_array_equal(median(rows), np.median(rows, 0))


def test_a_faint_bite_and_round_lips_open_the_mouth_less():
    """What is faintly heard as a v may be an m, b or p; and round lips look further open than they are."""
    photo = read_image(PORTRAIT, 480)
    (face,) = FaceFinder().find(photo)
    lips = Lips.of(face, Frame.of(face))

    def gap(*values):
        return lips.posed(np.array(values, np.float32), 200).gap

    assert gap(0, 0, 0, 0, 0.5) < 0.3 * gap(0, 0, 0, 0, 1)
    assert gap(0.4, 0, 1, 0, 0) < 0.95 * gap(0.4, 0, 0, 0, 0)
