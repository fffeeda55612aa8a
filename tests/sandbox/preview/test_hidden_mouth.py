"""A mouth behind a hand: nothing is painted on the fingers, from the first frame on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_nodes import words
from lipsync_nodes.perception import MediaError
from lipsync_nodes.perception.faces import looks, occlusion
from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.looks import mouth_hidden
from lipsync_nodes.perception.faces.occlusion import Occlusion
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.sandbox.preview import RenderInput, render
from lipsync_nodes.sandbox.preview.mouth.half import HalfMouth
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from tests.check.photos import admiral, right_half
from tests.check.pictures import raised
from tests.sandbox.preview.films import PORTRAIT, save_film


def test_a_photo_of_a_hidden_mouth_is_refused(clips, tmp_path):
    cv2.imwrite(str(tmp_path / "hand.png"), raised(right_half))
    with pytest.raises(MediaError) as error:
        render(RenderInput(audio=clips["left"], image=tmp_path / "hand.png", short_side=240), tmp_path / "out.mp4")
    assert error.value.code == "preview.mouth_hidden"
    assert "image" in words.message(error.value, "en")


def small(image):
    return cv2.resize(image, (240, 240 * image.shape[0] // image.shape[1] // 2 * 2), interpolation=cv2.INTER_AREA)


def test_a_mouth_is_learnt_when_the_hand_goes():
    hand, photo = small(raised(admiral)), small(admiral())
    shots = list(tracked([hand] * 12 + [photo] * 14, Casting(FaceFinder())))
    assert all(shot.face and not shot.seen for shot in shots[:12])
    assert all(shot.seen == 1 for shot in shots[21:])


def test_a_film_behind_a_hand_is_refused(clips, tmp_path):
    film = save_film(tmp_path / "film.mp4", [small(raised(admiral))] * 12, 25)
    with pytest.raises(MediaError) as error:
        render(RenderInput(audio=clips["left"], video=film, short_side=240), tmp_path / "out.mp4")
    assert (error.value.code, error.value.facts["media"]) == ("preview.mouth_hidden", "video")


def test_a_mouth_that_was_learnt_in_other_light_is_learnt_again():
    photo = small(admiral())
    finder = FaceFinder()
    (face,) = finder.find(photo)
    lab = cv2.cvtColor(photo, cv2.COLOR_BGR2LAB)
    (left, top), (right, bottom) = face.points[[132, 1]].min(0).astype(int), face.points[[361, 152]].max(0).astype(int)
    lab[top:bottom, left:right, 1] += 30
    red = cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)
    occlusion = Occlusion(finder)
    seen = [occlusion.seen(image, face) for image in [red] * 8 + [photo] * 40]
    assert seen[:8] == [0] * 5 + [1] * 3  # the first look is in doubt, the second one is enough
    assert seen[8:25] == [0] * 17
    assert seen[-1] == 1


def with_lipstick(photo, face):
    lab = cv2.cvtColor(photo, cv2.COLOR_BGR2LAB)
    lips = cv2.fillPoly(np.zeros(photo.shape[:2], np.uint8), [np.rint(face.points[list(looks.LIPS)]).astype(int)], 15)
    lab[..., 1] += lips
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)


def test_a_hand_in_the_colour_of_the_face_hides_a_mouth():
    """What is around the mouth has that colour, too: only the red of the lips goes."""
    photo = read_image(PORTRAIT, 480)
    finder = FaceFinder()
    (face,) = finder.find(photo)
    photo = with_lipstick(photo, face)
    mouth, cheek = (np.rint(face.points[list(which)].mean(0)).astype(int).tolist() for which in ((13, 14), (50,)))
    size, colour = (round(0.2 * face.height), round(0.09 * face.height)), photo[cheek[1], cheek[0]].tolist()
    hand = cv2.GaussianBlur(cv2.ellipse(photo.copy(), mouth, size, 0, 0, 360, colour, -1), (0, 0), 1)
    occlusion = Occlusion(finder)
    assert [occlusion.seen(image, face) for image in [photo] * 3 + [hand] * 3 + [photo]] == [1, 1, 1, 0, 0, 0, 1]


def test_a_first_mouth_in_doubt_is_looked_at_again(monkeypatch):
    """A hand may just come before it. One that is plainly visible is not looked at again."""
    photo = read_image(PORTRAIT, 480)
    finder = FaceFinder()
    (face,) = finder.find(photo)
    for found, begins in ([-0.8, 3.0, -0.8, -0.8], 15), ([-0.8, -0.8], 5), ([3.0, -4.0, -4.0], 10), ([-4.0], 0):
        monkeypatch.setattr(occlusion, "mouth_hidden", lambda *_, found=found: found.pop(0))
        first = Occlusion(finder)
        assert [first.seen(photo, face) for _ in range(begins + 2)] == [0.0] * begins + [1.0, 1.0]


def without_red(photo, face):
    """The same lightness, all in the colour of the cheek."""
    lab = cv2.cvtColor(photo, cv2.COLOR_BGR2LAB)
    column, row = np.rint(face.points[50]).astype(int)
    lab[..., 1:] = lab[row, column, 1:]
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)


def test_lips_in_the_colour_of_the_cheeks_are_not_sure(monkeypatch):
    """The same lips, and then without their red: only together with an unsteady mesh that means a hand."""
    finder = FaceFinder()
    photo = np.ascontiguousarray(right_half())
    (face,) = finder.find(photo)
    plain = without_red(photo, face)
    half = np.where(np.arange(photo.shape[1])[:, None] < face.points[13, 0], plain, photo)
    assert mouth_hidden(plain, face, finder) < 0
    monkeypatch.setattr(looks, "_WIDE", 0.11)  # this mouth is open by just about the usual limit
    monkeypatch.setattr(looks, "_unsteadiness", lambda *_: (0.009, 0.005))
    assert mouth_hidden(photo, face, finder) <= 0
    assert mouth_hidden(plain, face, finder) > 0
    assert 0 < mouth_hidden(half, face, finder) <= 1
    monkeypatch.setattr(looks, "_unsteadiness", lambda *_: (0.009, 0.008))
    assert mouth_hidden(plain, face, finder) < 0  # the whole face is unsteady


def test_a_picture_without_colours_says_nothing_of_red_lips(monkeypatch):
    finder = FaceFinder()
    photo = np.ascontiguousarray(right_half())
    (face,) = finder.find(photo)
    grey = cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    monkeypatch.setattr(looks, "_unsteadiness", lambda *_: (0.009, 0.005))
    assert mouth_hidden(grey, face, finder) < 0


@pytest.mark.parametrize("side", ["right", "left"])
def test_nothing_is_painted_on_the_covered_half_of_a_mouth(side):
    photo = np.ascontiguousarray(right_half())
    (face,) = FaceFinder().find(photo)
    middle = round(float(face.points[13, 0]))
    under = np.s_[:, : middle - 4] if side == "right" else np.s_[:, middle + 4 :]
    half = photo.copy()
    half[under] = without_red(photo, face)[under]
    drawn = half.copy()
    Puppet(face, half).draw(half, drawn, np.float32([0.8, 0, 0, 0, 0]), Palette.of(half, face))
    assert cv2.absdiff(drawn, half)[under].max() > 40
    HalfMouth.of(half, face).keep(half, drawn)
    assert cv2.absdiff(drawn, half)[under].max() <= 2
    assert cv2.absdiff(drawn, half).max() > 40
    assert HalfMouth.of(photo, face) is None
