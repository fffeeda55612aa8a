"""What a check sees in films: for how much of the time there is a face that can speak."""

from __future__ import annotations

import time

import av
import cv2
import numpy as np
import pytest

from lipsync_nodes import VideoForm
from lipsync_nodes.checks import _films
from lipsync_nodes.checks._inputs import Inputs
from lipsync_nodes.service import spec_of
from tests.check import films, pictures
from tests.check.films import film
from tests.check.photos import admiral, astronaut, right_half


def found(path, resolution="480p", **files):
    draft = VideoForm.model_construct(resolution=resolution)
    return list(_films.findings(Inputs(spec_of(draft), draft, {"video": path, **files})))


def severities(findings):
    return {one.code: one.severity for one in findings}


def bad_codes(findings):
    return {one.code for one in findings if one.severity != "info"}


BAD = {
    "no face": (lambda: films.made_of(pictures.scene(3)), 2, "face.none"),
    "no face for 2 of 8 s": (lambda: films.without(astronaut, (3, 5)), 8, "face.gone"),
    "no face at the end": (lambda: films.without(admiral, (4, 7)), 7, "face.gone"),
    "hand for 2 of 6 s": (lambda: films.hand(right_half, 2, 4), 6, "face.mouth_hidden"),
    "mask all the time": (lambda: films.made_of(pictures.face_mask(admiral, pictures.WHITE)), 3, "face.mouth_hidden"),
    "small": (lambda: films.of(astronaut, zoom=0.35), 3, "face.small"),
    "upside down": (lambda: films.turned(right_half, 180), 3, "face.rolled"),
    "out of focus": (lambda: films.made_of(pictures.blurred(right_half, 0.035)), 3, "face.blurred"),
    "a banner over the mouth": (lambda: films.made_of(pictures.banner(right_half)), 2, "face.mouth_hidden"),
    "two people": (lambda: films.both(astronaut, right_half), 3, "film.others"),
    "cut by the border": (lambda: films.of(lambda: pictures.below(admiral, 0.0)), 3, "face.cut"),
}
GOOD = {
    "astronaut": (lambda: films.of(astronaut), 3),
    "astronaut, closer": (lambda: films.of(right_half), 3),
    "admiral": (lambda: films.of(admiral), 3),
    "admiral, tall": (lambda: films.of(admiral, size=(480, 640)), 3),
    "grey": (lambda: films.of(lambda: cv2.cvtColor(pictures.grey(admiral), cv2.COLOR_GRAY2BGR)), 3),
    "a blink of a wall": (lambda: films.without(right_half, (2, 2.2)), 6),
    "a face that comes nearer": (lambda: films.growing(astronaut, 5), 5),
    "cuts": (lambda: films.cut_to(right_half, admiral, 2, 4), 6),
    "someone comes at the end": (lambda: films.both(astronaut, right_half, start=4.5), 6),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_found_and_nothing_else(name, tmp_path):
    look, seconds, code = BAD[name]
    findings = found(film(tmp_path / "film.mp4", seconds, look()))
    assert bad_codes(findings) == {code}
    for one in findings:
        assert (one.basis, one.field) == ("likely", "video")
        assert "?" not in one.message("en") + one.message("zh")


@pytest.mark.parametrize("name", GOOD)
def test_a_good_film_has_no_warning(name, tmp_path):
    look, seconds = GOOD[name]
    assert bad_codes(found(film(tmp_path / "film.mp4", seconds, look()))) == set()


def test_five_frames_of_630_without_a_face_are_an_info(tmp_path):
    findings = found(film(tmp_path / "film.mp4", 25.2, films.without(right_half, (9.0, 9.2))))
    assert severities(findings)["face.gone"] == "info"
    (gone,) = (one for one in findings if one.code == "face.gone")
    assert gone.facts["ranges"] == ["9.0-9.2"]


def test_the_ranges_without_a_face_are_told(tmp_path):
    findings = found(film(tmp_path / "film.mp4", 10, films.without(astronaut, (1, 2), (6, 8))))
    (gone,) = (one for one in findings if one.code == "face.gone")
    assert gone.severity == "warning"
    assert gone.facts["seconds"] == pytest.approx(3, abs=0.5)
    assert gone.facts["length"] == pytest.approx(10, abs=0.1)
    starts = [float(one.split("-")[0]) for one in gone.facts["ranges"]]
    assert starts == pytest.approx([1, 6], abs=0.25)
    assert "face" in gone.message("en")


def test_a_face_that_comes_nearer_is_an_info(tmp_path):
    findings = found(film(tmp_path / "film.mp4", 5, films.growing(astronaut, 5)))
    assert severities(findings).get("face.small", "info") == "info"


def test_cuts_are_told(tmp_path):
    findings = found(film(tmp_path / "film.mp4", 6, films.cut_to(right_half, admiral, 2, 4)))
    (cuts,) = (one for one in findings if one.code == "film.cuts")
    assert (cuts.severity, cuts.facts) == ("info", {"cuts": 2, "times": ["2.0", "4.0"]})


def test_a_mask_that_leaves_the_mouth_out(tmp_path):
    mask = np.zeros((480, 640), np.uint8)
    mask[400:, :200] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    findings = found(film(tmp_path / "film.mp4", 2, films.of(right_half)), mask_image=tmp_path / "m.png")
    assert [(one.code, one.field) for one in findings] == [("face.outside_mask", "mask_image")]


def test_a_check_takes_a_quarter_of_the_films_length(tmp_path):
    """In processor time of two cores, beside decoding the film alone, because other tests run at the same time."""
    path = film(tmp_path / "film.mp4", 8, films.of(right_half, size=(1280, 720)))
    start = time.process_time()
    found(path)
    spent = time.process_time() - start
    start = time.process_time()
    with av.open(str(path)) as file:
        for _ in file.decode(video=0):
            pass
    decoding = time.process_time() - start
    assert spent - decoding < 2 * 0.25 * 8
