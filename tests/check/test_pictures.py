"""What a check sees in pictures: a table of bad ones, each with what must be found, and of good ones."""

from __future__ import annotations

import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from lipsync_nodes import ImageForm, ImageMultiForm
from lipsync_nodes.checks import _faces, _pictures
from lipsync_nodes.checks._inputs import Inputs
from lipsync_nodes.perception.faces.looks import Looks
from lipsync_nodes.service import spec_of
from tests.check import photos, pictures
from tests.sandbox.preview.films import DUET, PORTRAIT


def found(path, form=ImageForm, resolution="480p", **files):
    draft = form.model_construct(resolution=resolution)
    return list(_pictures.findings(Inputs(spec_of(draft), draft, {"image": path, **files})))


def codes(findings, *severities):
    return {one.code for one in findings if one.severity in (severities or ("error", "warning"))}


def saved(path, image):
    assert cv2.imwrite(str(path), image)
    return path


def mask(path, image, centre, radius):
    weights = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(weights, centre, radius, 255, -1)
    return saved(path, weights)


@pytest.mark.parametrize("name", pictures.BAD)
def test_what_is_wrong_is_found_and_nothing_else(name, tmp_path):
    make, code = pictures.BAD[name]
    findings = found(saved(tmp_path / "picture.png", make()))
    assert codes(findings) == {code}
    for one in findings:
        assert one.basis == "likely"
        assert one.field == "image"
        assert "?" not in one.message("en") + one.message("zh")


@pytest.mark.parametrize("name", pictures.GOOD)
def test_a_good_picture_has_no_warning(name, tmp_path):
    assert codes(found(saved(tmp_path / "picture.png", pictures.GOOD[name]()))) == set()


@pytest.mark.parametrize("pixels", [20, 26])
def test_a_tiny_face_is_an_error(tmp_path, pixels):
    findings = found(saved(tmp_path / "p.png", pictures.on_canvas(photos.astronaut, pixels, 1280, 720)))
    assert codes(findings) == {"face.tiny"}
    assert findings[0].severity == "error"
    assert findings[0].facts["pixels"] < 20
    assert "pixels" in findings[0].message("en")
    assert "像素" in findings[0].message("zh")


def test_a_small_face_may_be_large_enough_at_720p(tmp_path):
    path = saved(tmp_path / "p.png", pictures.on_canvas(photos.astronaut, 60, 1280, 720))
    (small,) = found(path)
    assert (small.code, small.facts["enough"]) == ("face.small", "720p")
    assert codes(found(path, resolution="720p")) == set()


def test_a_photo_that_lies_in_its_file_is_turned_by_its_header(tmp_path):
    """A header of EXIF with orientation 6, before a picture that is stored turned."""
    lying = cv2.imencode(".jpg", np.ascontiguousarray(np.rot90(photos.right_half())))[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    header = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path = tmp_path / "lying.jpg"
    path.write_bytes(lying[:2] + header + lying[2:])
    assert codes(found(path)) == set()


def test_two_people_are_wanted_and_there(tmp_path):
    assert codes(found(DUET, ImageMultiForm)) == set()


def test_two_people_are_wanted_and_one_is_there():
    findings = found(PORTRAIT, ImageMultiForm)
    assert codes(findings, "error") == {"face.one_of_two"}
    assert findings[0].facts == {"found": 1, "wanted": 2}


def test_two_people_are_wanted_and_three_are_there(tmp_path):
    image = pictures.in_a_row(photos.astronaut, photos.right_half, photos.admiral)
    assert codes(found(saved(tmp_path / "p.png", image), ImageMultiForm)) == {"face.more_than_two"}


def test_the_one_of_two_whose_mouth_is_hidden_is_named(tmp_path):
    image = np.hstack([photos.right_half(), pictures.face_mask(photos.right_half, pictures.BLUE)])
    (hidden,) = found(saved(tmp_path / "p.png", image), ImageMultiForm)
    assert (hidden.code, hidden.facts["person"]) == ("face.mouth_hidden", "right person")
    assert hidden.message("en").startswith("Right person: ")


def test_of_several_faces_the_largest_is_our_guess(tmp_path):
    image = np.hstack(
        [pictures.on_canvas(photos.admiral, 200, 600, 600), pictures.on_canvas(photos.admiral, 260, 600, 600)]
    )
    (several,) = found(saved(tmp_path / "p.png", image))
    assert several.code == "face.several"
    assert several.facts["found"] == 2
    assert several.facts["across"] > 60
    assert "our guess" in several.message("en")


def test_a_mask_says_who_speaks(tmp_path):
    face = photos.points_of(photos.astronaut)
    image = np.hstack([photos.astronaut(), photos.astronaut()])
    x, y = (int(v) for v in face.mean(0))
    path = saved(tmp_path / "p.png", image)
    assert codes(found(path)) == {"face.several"}
    assert codes(found(path, mask_image=mask(tmp_path / "m.png", image, (x, y), 90))) == set()


def test_a_mask_that_leaves_the_mouth_out(tmp_path):
    findings = found(PORTRAIT, mask_image=mask(tmp_path / "m.png", photos.astronaut(), (60, 450), 50))
    assert [(one.code, one.field, one.severity) for one in findings] == [("face.outside_mask", "mask_image", "warning")]


def test_a_large_photo_is_reduced_while_it_is_decoded(tmp_path):
    from lipsync_nodes.perception.pictures import read_reduced

    large = cv2.resize(photos.right_half(), (6000, 6900), interpolation=cv2.INTER_LINEAR)
    path = saved(tmp_path / "large.jpg", large)
    image, short = read_reduced(path, 480)
    assert (short, min(image.shape[:2])) == (6000, 480)
    start = time.process_time()
    read_reduced(path, 480)
    reduced = time.process_time() - start
    start = time.process_time()
    cv2.imread(str(path))
    assert reduced < 0.8 * (time.process_time() - start)


def test_importing_the_checks_loads_nothing_heavy():
    code = "import sys, lipsync_nodes.checks as c; c.Finding; print({'cv2', 'numpy', 'av'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
    code = code.replace("c.Finding", "import lipsync_nodes.checks._pictures, lipsync_nodes.checks._films")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr


def looks_like(**measured):
    plain = {"height": 200.0, "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "sharpness": 1.0, "light": 120.0}
    return Looks(**{**plain, "cut": 0.0, "mouth_cut": 0.0, "hidden": -3.0, **measured})


@pytest.mark.parametrize(
    ("measured", "fault"),
    [({"yaw": 42}, "turned"), ({"yaw": -42}, "turned"), ({"pitch": 45}, "bowed"), ({"pitch": -45}, "bowed")],
)
def test_the_angles_from_which_a_head_is_turned_too_far(measured, fault):
    """The tables have no photos of that, so this is of what is measured."""
    angle = next(iter(measured))
    assert _faces.faults(looks_like(**measured)) == (fault,)
    assert _faces.faults(looks_like(**{angle: 30})) == _faces.faults(looks_like(**{angle: -30})) == ()
    finding = _faces.FAULTS[fault].finding(_faces.Where("image"), looks_like(**measured))
    assert finding.facts["degrees"] == abs(measured[angle])
