"""Who speaks: the face that a mask marks, the largest, the most central; and the warning that says so."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from lipsync_nodes import checks, words
from lipsync_nodes.checks import Reason
from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.sandbox.preview import RenderInput, render
from lipsync_nodes.sandbox.preview.film import Driven
from lipsync_nodes.sandbox.preview.warning import Judged, warning_of
from tests.sandbox.preview.films import DUET, PORTRAIT, frames_of, save_film


@pytest.fixture(scope="module")
def head():
    """The portrait's head and shoulders, 200 pixels wide."""
    photo = read_image(PORTRAIT, 400)
    return np.ascontiguousarray(photo[:200, 80:280])


def row(head, *scales):
    """Several heads beside each other, with these sizes."""
    tiles = []
    for scale in scales:
        small = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        edge = 200 - small.shape[0]
        tiles.append(cv2.copyMakeBorder(small, edge, 0, edge // 2, edge - edge // 2, cv2.BORDER_REPLICATE))
    return np.hstack(tiles)


def saved(path, image):
    cv2.imwrite(str(path), image)
    return path


def marking(path, image, tile, count):
    """A mask that is white over one tile of several."""
    mask = np.zeros(image.shape[:2], np.uint8)
    width = image.shape[1] // count
    mask[:, tile * width : (tile + 1) * width] = 255
    return saved(path, mask)


def sentences(casting):
    warning = warning_of(RenderInput(PORTRAIT), PORTRAIT, Judged(True, 0.9, casting))
    return [words.message(Reason(code=warning["code"], **warning["facts"]), language) for language in ("en", "zh")]


@pytest.mark.parametrize(
    ("scales", "english", "chinese"),
    [
        ((1, 1), None, None),
        ((0.7, 1), "There are 2 faces. The one on the right speaks", "共有 2 张人脸，由右边那张说话"),
        ((1, 1, 1), "There are 3 faces. The one in the middle speaks", "由中间那张说话"),
        ((1, 0.7, 0.7), "There are 3 faces. The one on the left speaks", "由左边那张说话"),
        ((0.7, 0.7, 0.7, 1), "There are 4 faces. Number 4 from the left speaks", "由从左数第 4 张说话"),
    ],
)
def test_the_largest_and_most_central_face_speaks(head, scales, english, chinese):
    casting = Casting(FaceFinder())
    (face,) = casting.choose(row(head, *scales))
    assert len(casting.people) == len(scales)
    assert face.height == pytest.approx(max(one.height for one in casting.people), rel=0.1)
    if english:
        for sentence, start in zip(sentences(casting), (english, chinese), strict=True):
            assert start in sentence
            assert "`mask_image`" in sentence


def test_a_mask_says_who_speaks_in_a_photo_and_in_a_film(head, clips, tmp_path):
    image = row(head, 1, 1, 1)
    mask = marking(tmp_path / "mask.png", image, 2, 3)
    film = save_film(tmp_path / "film.mp4", [image] * 10, 25)
    for given in ({"image": saved(tmp_path / "row.png", image)}, {"video": film}):
        out = tmp_path / "out.mp4"
        rendered = render(RenderInput(clips["left"], **given, mask=mask, short_side=200), out)
        change = np.stack(frames_of(out)[:50]).astype(int)[:, 100:].std(0).mean(2)
        left, middle, right = (np.percentile(part, 99) for part in np.split(change, 3, axis=1))
        assert right > 2 * max(left, middle)  # the jaw of a film is still
        assert rendered.warning is None
        assert rendered.sync > 0.8


def test_who_comes_later_is_told_with_the_time(head):
    casting = Casting(FaceFinder())
    both = row(head, 1, 0.6)
    alone = both.copy()
    alone[:, 200:] = np.median(both[:, 200:], (0, 1))
    shots = [*tracked([alone] * 60 + [both] * 20, casting)]
    assert not any(shot.cut for shot in shots)
    english, chinese = sentences(casting)
    assert english.startswith("There are 2 faces from 3.0 s on. The one on the left speaks.")
    assert chinese.startswith("从 3.0 秒起共有 2 张人脸")


def test_a_face_that_was_lost_speaks_again_and_not_another(head):
    casting = Casting(FaceFinder())
    (last,) = casting.choose(row(head, 0.8, 1))
    later = row(head, 1, 0.8)
    assert last.centre[0] > 200
    assert casting.choose(later)[0].centre[0] < 200
    assert casting.choose(later, last=last)[0].centre[0] > 200


def test_after_a_cut_another_person_speaks_at_once(head):
    duet = read_image(DUET, 240)
    one, other = duet[:, : duet.shape[1] // 2], duet[:, duet.shape[1] // 2 :]
    width = min(one.shape[1], other.shape[1])
    shots = [*tracked([one[:, :width]] * 4 + [other[:, :width]] * 4, Casting(FaceFinder()))]
    assert [shot.cut for shot in shots] == [False] * 4 + [True] + [False] * 3
    assert [shot.seen for shot in shots] == [1] * 8


def test_what_is_hardly_a_face_does_not_speak(head):
    class Unsure(FaceFinder):
        def find(self, *where, **how):
            return [replace(face, presence=6.0) for face in super().find(*where, **how)]

    assert Casting(FaceFinder()).choose(head)
    assert Casting(Unsure()).choose(head) == []


def test_a_video_that_follows_too_little_or_not_always_is_warned_of(talking, clips):
    casting = Casting(FaceFinder())
    given = RenderInput(clips["left"], image=PORTRAIT)
    (face,) = casting.choose(read_image(PORTRAIT, 240))
    half, nearly = Driven(50), Driven(50)
    for number in range(48):
        half.note(number, face, float(not 10 <= number < 25))
        nearly.note(number, face, 1.0)
    found = warning_of(given, talking[0], Judged(True, 0.797, casting, driven=half))["facts"]["warnings"]
    assert [one["code"] for one in found] == ["preview.hardly_follows", "preview.partly_shown"]
    assert found[0]["correlation"] == 0.79
    assert (found[1]["percent"], found[1]["ranges"]) == (66, ["0.4-1.0", "1.9-2.0"])
    assert warning_of(given, talking[0], Judged(True, 0.85, casting, driven=nearly)) is None


@pytest.mark.parametrize(
    ("seen", "told"),
    [("verify.other_sound", "preview.hardly_follows"), ("verify.not_moving", "verify.not_moving")],
)
def test_another_sound_is_no_cause_in_a_preview(monkeypatch, seen, told):
    """There is one sound only: that of the preview."""
    found = SimpleNamespace(verdict="out_of_sync", cause=Reason(code=seen, correlation=0.3))
    monkeypatch.setattr(checks, "verify", lambda *_, **__: found)
    judged = Judged(True, 0.4, Casting(FaceFinder()))
    assert warning_of(RenderInput(PORTRAIT), PORTRAIT, judged)["code"] == told


def test_two_of_three_speak_and_are_named(head):
    casting = Casting(FaceFinder(), 2)
    assert len(casting.choose(row(head, 1, 0.7, 1))) == 2
    assert (
        sentences(casting)[0]
        == "There are 3 faces. Numbers 1, 3 from the left speak. To choose, mark a face in `mask_image`."
    )


def test_a_duet_has_nobody_else():
    casting = Casting(FaceFinder(), 2)
    assert len(casting.choose(read_image(DUET, 480))) == len(casting.people) == 2
    assert warning_of(RenderInput(PORTRAIT), PORTRAIT, Judged(True, 0.9, casting)) is None


def test_beside_a_large_face_small_ones_are_not_searched(head, monkeypatch, tmp_path):
    """They cannot be taken for the speaker. With a mask, or after a face was lost, any of them may be."""
    sides = []
    detect = FaceFinder._detect

    def noted(self, image, side):
        sides.append(side)
        return detect(self, image, side)

    monkeypatch.setattr(FaceFinder, "_detect", noted)
    image = cv2.resize(head, (480, 480), interpolation=cv2.INTER_CUBIC)
    mask = saved(tmp_path / "mask.png", np.full((480, 480), 255, np.uint8))
    plain, masked = Casting(FaceFinder()), Casting(FaceFinder(), mask=mask)
    (large,) = plain.choose(image, thorough=False)
    assert sides == [480]
    plain.choose(image, thorough=False, last=large)
    (same,) = masked.choose(image, thorough=False)
    assert sides == [480, 480, 240, 480, 240]
    np.testing.assert_array_equal(same.points, large.points)


@pytest.mark.parametrize("shape", [(480, 1148), (480, 1700), (1148, 480)])
def test_in_a_long_picture_the_second_face_is_found(shape):
    """Its largest squares are too large for a face of half the height of the other."""
    photo = read_image(PORTRAIT, 480)
    (face,) = FaceFinder().find(photo)
    image = np.full((*shape, 3), 128, np.uint8)
    for height, middle in (250, (240, 240)), (140, (shape[1] - 120, shape[0] - 150)):
        scale = height / face.height
        move = np.float32([[scale, 0, middle[0]], [0, scale, middle[1]]])
        move[:, 2] -= scale * face.centre
        seen = cv2.warpAffine(np.full_like(photo, 255), move, shape[::-1]) > 0
        near = np.hypot(*(np.indices(shape) - np.reshape(middle[::-1], (2, 1, 1)))) < 0.9 * height
        here = seen & near[..., None]
        image[here] = cv2.warpAffine(photo, move, shape[::-1])[here]
    casting = Casting(FaceFinder())
    casting.choose(image)
    assert len(casting.people) == 2


@pytest.mark.parametrize("shape", [(4, 1600), (2, 1000), (1, 1)])
def test_in_a_picture_of_a_few_rows_there_is_nobody(shape):
    assert FaceFinder().find(np.zeros((*shape, 3), np.uint8), 12) == []


def test_each_frame_without_a_mouth_is_counted():
    face = SimpleNamespace(height=100.0)
    driven = Driven(400)
    for number in range(400):
        driven.note(number, face, float(number % 10 not in {4, 5}))
    assert driven.share == pytest.approx(0.8)
    assert driven.gaps == [(number, number + 2) for number in range(4, 400, 10)]
