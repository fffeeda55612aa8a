"""What moves in a talking photo besides the mouth: nods, brows, the head. In a film, nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox.preview import RenderInput, render
from lipsync_nodes.sandbox.preview.mouth.gestures import Gestures
from lipsync_nodes.sandbox.preview.mouth.sway import Sway
from tests.sandbox.preview.films import MEDIA, PORTRAIT, RATE, frames_of, intended, save_wav

FRAMES = 132
BROWS, UNDER_EYES = [105, 334], [145, 374]


@pytest.fixture(scope="module")
def spoken():
    """How far the mouth is open in each frame."""
    return intended(MEDIA / "speech_left.mp3", FRAMES)


@pytest.fixture(scope="module")
def posed():
    photo = read_image(PORTRAIT, 480)
    (face,) = FaceFinder().find(photo)
    return photo, face


def moved(posed, nods, brows, number=0, seed=1):
    photo, face = posed
    frame, size = photo.copy(), photo.shape[1::-1]
    curves = (np.full(FRAMES, value, np.float32) for value in (nods, brows, 0))
    Sway(face, size, seed, Gestures(*curves), 25).move(frame, number)
    return frame


def flow(before, after, points):
    """How far some points move down, in pixels."""
    grey = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (before, after)]
    field = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 11, 3, 5, 1.1, 0)
    return np.array([field[y, x, 1] for x, y in np.rint(points).astype(int)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_brows_rise_on_stresses_and_the_head_nods_at_the_end(spoken, seed):
    made = Gestures.of(spoken, 25, seed)
    up = made.brows > 0.3
    assert 3 < up.sum() < 0.4 * FRAMES
    assert spoken[up].mean() > 1.2 * spoken.mean()
    end = int(np.flatnonzero(spoken > 0.06)[-1])
    assert made.nods[end - 2 : end + 3].max() > 0.7
    assert np.abs(np.diff(made.nods)).max() < 0.5
    assert not Gestures.of(spoken, 25, seed, brows=False).brows.any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_eyes_look_aside_a_few_times_in_ten_seconds(spoken, seed):
    gaze = Gestures.of(np.concatenate([spoken, spoken]), 25, seed).gaze
    starts = np.flatnonzero((gaze[1:] != 0) & (gaze[:-1] == 0))
    assert 2 <= len(starts) <= 4
    assert np.diff(starts).min() > 60
    assert 0.1 < (gaze != 0).mean() < 0.6
    assert not Gestures.of(np.zeros(FRAMES, np.float32), 25, seed).gaze.any()


def test_silence_has_no_gestures_and_a_seed_has_its_own(spoken):
    still = Gestures.of(np.zeros(FRAMES, np.float32), 25, 1)
    assert not still.nods.any()
    assert not still.brows.any()
    one, again, other = (Gestures.of(spoken, 25, seed).nods for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_brows_rise_while_the_eyes_and_the_rest_stay(posed):
    photo, face = posed
    raised = moved(posed, 0, 1)
    assert (flow(photo, raised, face.points[BROWS]) < -0.01 * face.height).all()
    assert (np.abs(flow(photo, raised, face.points[UNDER_EYES])) < 0.003 * face.height).all()
    rows = np.flatnonzero(cv2.absdiff(photo, raised).max((1, 2)) > 8)
    assert rows.min() > face.points[10, 1] - 0.2 * face.height
    assert rows.max() < face.points[145, 1]


def test_a_nod_moves_the_nose_further_than_the_ears(posed):
    photo, face = posed
    nose, *ears = flow(photo, moved(posed, 1, 0), face.points[[4, 234, 454]])
    assert 0.015 * face.height < nose < 0.05 * face.height
    assert 0 < np.mean(ears) < 0.9 * nose


def test_the_head_moves_by_a_few_parts_in_a_hundred(posed):
    photo, face = posed
    finder = FaceFinder()
    frames = [moved(posed, 0, 0, number) for number in range(0, FRAMES, 12)]
    noses = np.array([finder.follow(frame, face).points[[4, 6]].mean(0) for frame in frames]) / face.height
    assert 0.015 < np.ptp(noses, axis=0).max() < 0.06
    assert not cv2.absdiff(frames[0], photo).any()


def test_nothing_is_pulled_in_over_the_border(posed):
    photo, face = posed
    left, top = np.maximum(face.points.min(0).astype(int) - 3, 0)
    right, bottom = face.points.max(0).astype(int) + 3
    tight = cv2.resize(photo[top:bottom, left:right], None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    (near,) = FaceFinder().find(tight)
    frame = moved((tight, near), 1, 1, 60)
    assert cv2.absdiff(frame, tight).max() > 40
    for edge, was in ((frame[0], tight[0]), (frame[-1], tight[-1])):
        assert np.abs(edge[20:-20].astype(int) - was[20:-20]).mean() < 12  # it may slide along the border


def test_a_film_moves_nothing_but_the_mouth(still_film, tmp_path):
    audio = save_wav(tmp_path / "short.wav", read_speech(MEDIA / "speech_left.mp3")[: int(1.4 * RATE)])
    render(RenderInput(audio=audio, video=still_film), tmp_path / "out.mp4")
    frames, photo = frames_of(tmp_path / "out.mp4"), frames_of(still_film)[0].astype(int)
    (face,) = FaceFinder().find(frames[0])
    above = slice(0, int(face.points[6, 1]))
    assert max(np.abs(frame[above] - photo[above]).mean() for frame in frames) < 2
    assert max(np.percentile(np.abs(frame[above] - photo[above]), 99.9) for frame in frames) < 25
