"""Blinks and looks of photos: lids look like skin, irises stay between them, and eyes that cannot do so stay still."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox.jobs.renderer import order_for
from lipsync_nodes.sandbox.preview import RenderInput, render
from lipsync_nodes.sandbox.preview.mouth.eyes import Eyes
from lipsync_nodes.sandbox.preview.mouth.lids import LOWER_LIDS, UPPER_LIDS
from lipsync_nodes.service import spec_named
from tests.sandbox.preview.films import DUET, MEDIA, PORTRAIT, RATE, save_wav


def seen(path, side, number=0):
    photo = read_image(path, side)
    return photo, FaceFinder().find(photo, 2)[number]


def blinked(photo, face, seconds=3, seed=1):
    """Return the photo at each frame. The first blink comes within 2.5 seconds."""
    blinks, frames = Eyes(face, photo, seed, 25), []
    for number in range(25 * seconds):
        frame = photo.copy()
        blinks.draw(frame, number)
        frames.append(photo if np.array_equal(frame, photo) else frame)
    return frames


def moments(frames, photo):
    changed = [frame is not photo for frame in frames]
    return [number for number, (before, now) in enumerate(pairwise([False, *changed])) if now and not before]


def region(photo, *outlines):
    mask = np.zeros(photo.shape[:2], np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask.astype(bool)


def eyes_of(photo, face):
    """Return the opening of the eyes as a mask, a little smaller than the model sees it."""
    loops = [face.points[list(up) + list(low)[::-1]] for up, low in zip(UPPER_LIDS, LOWER_LIDS, strict=True)]
    return region(photo, *[loop.mean(0) + 0.85 * (loop - loop.mean(0)) for loop in loops])


def skin_of(photo, face):
    """Return the skin under the eyes as a mask."""
    return region(
        photo, face.points[[111, 117, 118, 119, 120, 121, 128]], face.points[[340, 346, 347, 348, 349, 350, 357]]
    )


@pytest.mark.parametrize(("path", "side", "number"), [(PORTRAIT, 480, 0), (PORTRAIT, 720, 0), (DUET, 480, 1)])
def test_closed_lids_are_smooth_and_have_the_colour_of_skin(path, side, number):
    photo, face = seen(path, side, number)
    closed = max(blinked(photo, face), key=lambda frame: int(cv2.absdiff(frame, photo).sum()))
    lab, before = (cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(float) for image in (closed, photo))
    eyes, skin = eyes_of(photo, face), skin_of(photo, face)
    away = np.median(lab[eyes], 0) - np.median(lab[skin], 0)
    assert -45 < away[0] < 20
    assert np.hypot(*away[1:]) < 9
    assert np.median(np.linalg.norm(lab[eyes] - np.median(lab[eyes], 0), axis=1)) < 25  # 45 or more with the eyes open
    streaks = np.abs(np.diff(lab[..., 0], axis=1))
    assert streaks[eyes[:, 1:]].mean() < 0.5 * np.abs(np.diff(before[..., 0], axis=1))[eyes[:, 1:]].mean()


def test_a_blink_changes_nothing_but_the_eyes():
    photo, face = seen(PORTRAIT, 480)
    changed = np.max([cv2.absdiff(frame, photo).max(-1) for frame in blinked(photo, face)], 0)
    rows, columns = np.nonzero(changed)
    eyes = face.points[np.ravel([UPPER_LIDS, LOWER_LIDS])]
    assert changed.max() > 40
    assert (np.abs([columns.min() - eyes[:, 0].min(), columns.max() - eyes[:, 0].max()]) < 0.06 * face.height).all()
    assert rows.max() - eyes[:, 1].max() < 0.04 * face.height
    assert eyes[:, 1].min() - rows.min() < 0.11 * face.height


def test_a_photo_blinks_now_and_then_and_opens_its_eyes():
    photo, face = seen(PORTRAIT, 720)
    frames = blinked(photo, face, 10)
    assert 2 <= len(moments(frames, photo)) <= 5
    assert sum(frame is photo for frame in frames) > 200


def glanced(photo, face, aside, number=0):
    frame = photo.copy()
    Eyes(face, photo, 1, 25, np.full(75, aside, np.float32)).draw(frame, number)
    return frame


def test_eyes_that_look_aside_move_only_what_is_between_the_lids():
    photo, face = seen(PORTRAIT, 720)
    right, left = (glanced(photo, face, aside) for aside in (-1, 1))
    open_part = region(photo, *(np.concatenate([face.points[list(up)], face.points[list(low)][::-1]])
                       for up, low in zip(UPPER_LIDS, LOWER_LIDS, strict=True)))  # fmt: skip
    for frame in (right, left):
        changed = cv2.absdiff(photo, frame).max(-1)
        assert changed[open_part].max() > 25
        assert changed[~open_part].max() <= 2
    assert np.array_equal(glanced(photo, face, 0), photo)
    grey = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in (right, left)]
    moves = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 2, 7, 3, 5, 1.1, 0)[..., 0]
    assert 0.3 < moves[open_part].mean() < 3  # pixels, towards the left eye


def test_eyes_behind_glasses_do_not_look_aside():
    photo, face = seen(PORTRAIT, 720)
    worn = with_glasses(photo, face, (20, 20, 20), 5)
    assert np.array_equal(glanced(worn, face, 1), worn)


def test_another_seed_blinks_at_other_moments():
    photo, face = seen(PORTRAIT, 480)
    assert moments(blinked(photo, face, seed=1), photo) != moments(blinked(photo, face, seed=2), photo)


def with_glasses(photo, face, colour, thick):
    photo = photo.copy()
    unit = face.height
    right, left = (face.points[[a, b]].mean(0) for a, b in ((33, 133), (362, 263)))
    for eye in (right, left):
        cv2.ellipse(photo, np.rint(eye).astype(int), (round(0.17 * unit), round(0.13 * unit)), 0, 0, 360, colour, thick)
    ends = [np.rint(eye + [side * 0.17 * unit, 0]).astype(int) for eye, side in ((right, 1), (left, -1))]
    cv2.line(photo, *ends, colour, thick)
    return photo


@pytest.mark.parametrize("colour", [(20, 20, 20), (60, 90, 120)])
@pytest.mark.parametrize("thick", [1, 3])
def test_eyes_behind_glasses_stay_as_they_are(colour, thick):
    photo, face = seen(PORTRAIT, 720)
    worn = with_glasses(photo, face, colour, thick)
    assert not moments(blinked(worn, face), worn)


def test_small_eyes_and_half_closed_ones_do_not_blink():
    small, face = seen(PORTRAIT, 240)
    assert not moments(blinked(small, face), small)
    photo, face = seen(PORTRAIT, 720)
    points = face.points.copy()
    for up, low in zip(UPPER_LIDS, LOWER_LIDS, strict=True):
        points[list(up)] += 0.6 * (points[list(low)] - points[list(up)])
    assert not moments(blinked(photo, replace(face, points=points)), photo)


def test_closed_eyes_and_blurred_ones_do_not_blink():
    """The landmarks do not show that eyes are closed, so the face of the open ones is as good."""
    photo, face = seen(PORTRAIT, 480)
    closed = max(blinked(photo, face), key=lambda frame: int(cv2.absdiff(frame, photo).sum()))
    blurred = cv2.GaussianBlur(photo, (0, 0), 0.035 * face.height)
    soft = cv2.GaussianBlur(photo, (0, 0), 0.008 * face.height)
    assert moments(blinked(photo, face), photo)
    assert moments(blinked(soft, face), soft)
    assert not moments(blinked(closed, face), closed)
    assert not moments(blinked(blurred, face), blurred)


@pytest.mark.parametrize("light", [0.2, 0.8])
def test_an_eye_in_deep_shadow_does_not_blink(light):
    """A lid would be brighter than the shadow. Light from one side is no reason."""
    photo, face = seen(PORTRAIT, 720)
    middle = round(float(face.points[168, 0]))
    shaded = photo.copy()
    shaded[:, :middle] = photo[:, :middle] * light
    assert bool(moments(blinked(shaded, face), shaded)) == (light > 0.5)


@pytest.mark.parametrize("point", [33, 133, 362])
def test_eyes_at_the_edge_of_the_photo_do_not_blink(point):
    photo, face = seen(PORTRAIT, 480)
    cut = round(float(face.points[point, 0])) + 2
    rest, moved = photo[:, cut:], replace(face, points=face.points - np.float32([cut, 0]))
    assert not moments(blinked(rest, moved), rest)


def test_without_a_seed_the_files_content_determines_it(clips, tmp_path):
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(PORTRAIT.read_bytes())
    given = RenderInput(audio=clips["left"], image=PORTRAIT)
    assert given.own_seed() == replace(given, image=copy).own_seed()
    others = [
        replace(given, audio=clips["right"]),
        replace(given, image=DUET),
        replace(given, right_audio=clips["right"]),
    ]
    assert len({one.own_seed() for one in (given, *others)}) == 4
    assert replace(given, seed=0).own_seed() == 0


def test_people_in_one_photo_blink_at_different_moments():
    starts = []
    for number in (0, 1):
        photo, face = seen(DUET, 480, number)
        starts.append(moments(blinked(photo, face, seed=2 * 7 + number), photo))
    assert starts[0] != starts[1]


def test_a_job_without_a_seed_leaves_it_to_the_preview(tmp_path):
    spec = spec_named("lipsync-image")
    media = {"image": PORTRAIT, "audio": MEDIA / "speech_left.mp3"}
    urls = {name: f"https://media.test/{name}" for name in media}
    orders = [order_for(spec, spec.form(**urls, seed=seed), media, tmp_path) for seed in (None, 0, -1)]
    assert [order["values"].get("seed") for order in orders] == [None, 0, 2**32 - 1]


def test_the_same_files_without_a_seed_give_the_same_bytes(clips, tmp_path):
    audio = save_wav(tmp_path / "short.wav", read_speech(clips["left"])[: RATE * 3 // 2])
    outs = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    for out in outs:
        render(RenderInput(audio=audio, image=PORTRAIT), out)
    assert outs[0].read_bytes() == outs[1].read_bytes()
