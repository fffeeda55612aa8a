"""What a check says of files: their format, whether they are whole, how their pictures are stored, and masks."""

import subprocess
import sys

import pytest

from lipsync_nodes import Asset, ImageForm, VideoForm
from lipsync_nodes.checks import Check
from lipsync_nodes.media import PreparedForm
from lipsync_nodes.media import _prepared as prepared_module
from tests.checks.made import FACE, SPEECH, codes, film, named, picture, sound

pytestmark = pytest.mark.usefixtures("blind")
FILM = film(3)


def verdict_of(form):
    return Check(form).verdict


def of_image(image, **more):
    return verdict_of(ImageForm(image=image, audio=SPEECH, **more))


def test_good_files_raise_nothing():
    assert codes(of_image(FACE)) == ["length.rounded_up"]
    assert codes(verdict_of(VideoForm(video=film(6), audio=sound(6)))) == []


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (b"nothing that is media", "media.not_media"),
        (b"", "media.empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "media.format"),
        (SPEECH, "media.wrong_kind"),
        (FILM, "media.wrong_kind"),
        (Asset(picture(), "image/jpeg"), "media.wrong_type"),
        (picture()[:-20], "media.not_media"),
        (FACE.with_name("missing.png"), "media.unreadable"),
    ],
)
def test_what_a_submission_would_refuse_is_a_certain_error(image, code):
    check = Check(ImageForm(image=image, audio=SPEECH))
    found = named(check.verdict, code)
    assert (found.severity, found.field, found.certain) == ("error", "image", True)
    assert [error.code for error in check.errors] == [code]
    assert "image" in check.verdict.refused_by("warn")[0].line()
    assert check.verdict.credits is None


def test_all_files_are_checked_and_not_only_the_first_bad_one():
    check = Check(ImageForm(image=b"bad", audio=b"bad too"))
    assert codes(check.verdict, "error") == ["media.not_media"] * 2
    assert [one.field for one in check.verdict.findings] == ["image", "audio"]


CUTS = {
    "jpg": FACE.read_bytes(),
    "film": FILM,
    "wav": sound(3),
    "jpg with a thumbnail's end": picture(64, 64, "jpg", orientation=1),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_file_that_ends_too_early_is_a_warning(name):
    whole = CUTS[name]
    field = "audio" if name == "wav" else "video" if name == "film" else "image"
    others = {"audio": SPEECH, **({} if field == "video" else {"image": FACE})}
    form = VideoForm if field == "video" else ImageForm

    def found(content):
        return codes(verdict_of(form(**{**others, field: content})))

    assert "file.cut_short" not in found(whole)
    assert "file.cut_short" not in found(whole + b"appended by somebody" if field == "image" else whole)
    assert "file.cut_short" in found(whole[: len(whole) * 9 // 10])


def test_a_sound_whose_length_was_not_known_when_it_was_written_is_whole():
    streamed = bytearray(sound(3))
    streamed[40:44] = b"\xff\xff\xff\xff"
    assert "file.cut_short" not in codes(verdict_of(ImageForm(image=FACE, audio=bytes(streamed))))


@pytest.mark.parametrize(("orientation", "degrees"), [(1, None), (3, 180), (6, 90), (8, 90)])
def test_a_picture_that_is_stored_turned(orientation, degrees):
    verdict = of_image(picture(60, 40, "jpg", orientation=orientation))
    assert [one.facts["degrees"] for one in verdict.findings if one.code == "file.rotated"] == [degrees][
        : bool(degrees)
    ]


def test_frames_that_last_for_different_times():
    assert "file.variable_rate" in codes(verdict_of(VideoForm(video=film(6, varying=True), audio=sound(6))))
    for fps in (24, 25, 30):
        assert "file.variable_rate" not in codes(verdict_of(VideoForm(video=film(1, fps), audio=sound(1))))


def test_a_format_that_the_service_does_not_document(tmp_path):
    bmp = b"BM" + (54 + 12).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    bmp += (40).to_bytes(4, "little") + (2).to_bytes(4, "little") * 2 + b"\x01\0\x18\0" + bytes(24) + bytes(16)
    found = named(of_image(bmp), "file.undocumented_format")
    assert (found.severity, found.basis, found.facts) == ("info", "documented", {"format": "BMP", "known": "PNG, JPG"})


def test_a_large_file_is_only_said(monkeypatch):
    monkeypatch.setattr("lipsync_nodes.checks._files.LARGE", 10_000)
    verdict = of_image(FACE)
    assert [one.severity for one in verdict.findings if one.code == "file.large"] == ["info", "info"]


@pytest.mark.parametrize(
    ("size", "code"), [((512, 512), None), ((256, 256), "mask.other_size"), ((512, 300), "mask.other_shape")]
)
def test_a_mask_of_another_size(size, code):
    found = [one for one in codes(of_image(FACE, mask_image=picture(*size))) if one.startswith("mask.")]
    assert found == [code][: bool(code)]


def test_a_mask_fits_a_picture_that_is_turned_by_its_header():
    turned = picture(60, 40, "jpg", orientation=6)
    assert "mask.other_shape" not in codes(of_image(turned, mask_image=picture(40, 60)))
    assert "mask.other_shape" in codes(of_image(turned, mask_image=picture(60, 40)))


def test_no_file_is_probed_twice(monkeypatch):
    probed = []
    look = prepared_module.check

    def counted(spec, name, asset):
        probed.append(name)
        return look(spec, name, asset)

    monkeypatch.setattr(prepared_module, "check", counted)
    form = PreparedForm(ImageForm(image=FACE, audio=SPEECH))
    Check(form)
    Check(form)
    assert probed == ["image", "audio"]


def test_without_av_the_rest_is_checked():
    code = """
import sys
sys.modules["av"] = None
from lipsync_nodes import ImageForm
from lipsync_nodes.checks import Check
old = "https://x.example/a.mp3?X-Amz-Signature=1&X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"
verdict = Check(ImageForm(image=b"a picture", audio=old)).verdict
print(*(f"{one.code} {one.field} {one.severity}" for one in verdict.findings), sep=";")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "check.not_looked image info" in done.stdout
    assert "url.expired audio error" in done.stdout
