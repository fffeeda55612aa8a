"""What the preview engine reads: pictures, films and faces, or a sentence that says why not."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import _frame_rate, read_image
from lipsync_nodes.sandbox.preview import MediaError, RenderInput, media_seconds, render
from tests.sandbox.preview.films import DUET, MEDIA, PORTRAIT, RATE, save_film, save_wav

TOO_SMALL = (
    "The face in the image is too small: it is 25 pixels high at 480p, and at least 32 are needed. "
    "At 720p it would be large enough."
)
NO_MOUTH = (
    "The mouth in the {} seems to be hidden, for example by a mask, or it is too blurred. Use one that shows the mouth."
)
COVERED = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 425, 4, 205, 93)
"""What a mask covers: the chin, the cheeks and the tip of the nose."""


def with_a_mask(photo):
    """Lay a pale mask with two folds over the face."""
    (face,) = FaceFinder().find(photo)
    points = np.rint(face.points).astype(np.int32)
    photo = cv2.fillPoly(photo.copy(), [points[list(COVERED)]], (190, 200, 215))
    for left, right in ((132, 361), (172, 397)):
        cv2.line(photo, points[left].tolist(), points[right].tolist(), (160, 170, 183), 2)
    return cv2.GaussianBlur(photo, (0, 0), 0.6)


def with_orientation(jpeg, orientation):
    """Put an EXIF block with nothing but an orientation into a JPEG."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0])
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + entry + b"\0\0\0\0"
    return jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]


def test_an_image_is_turned_upright_by_its_exif_tag(tmp_path):
    tall = read_image(PORTRAIT, 480)[:, 40:400]
    lying = cv2.imencode(".jpg", cv2.rotate(tall, cv2.ROTATE_90_COUNTERCLOCKWISE))[1].tobytes()
    path = tmp_path / "lying.jpg"
    path.write_bytes(with_orientation(lying, 6))
    upright = read_image(path, 360)
    assert upright.shape == (480, 360, 3)
    assert np.abs(upright.astype(int) - tall).mean() < 5


def test_transparent_and_grey_images_have_colours(tmp_path):
    photo = read_image(PORTRAIT, 480)
    alpha = np.full((480, 480, 1), 255, np.uint8)
    alpha[300:] = 0
    cv2.imwrite(str(tmp_path / "alpha.png"), np.concatenate([photo, alpha], 2))
    cv2.imwrite(str(tmp_path / "grey.png"), cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY))
    assert (read_image(tmp_path / "alpha.png", 480)[300:] == 255).all()
    assert len(FaceFinder().find(read_image(tmp_path / "alpha.png", 480))) == 1
    assert len(FaceFinder().find(read_image(tmp_path / "grey.png", 480))) == 1


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135, 180, -60, -135])
@pytest.mark.parametrize("size", [512, 160])
def test_faces_are_found_small_and_tilted(degrees, size):
    photo = read_image(PORTRAIT, size)
    turn = cv2.getRotationMatrix2D((size * 0.44, size * 0.25), degrees, 1)
    frame = cv2.warpAffine(photo, turn, (size, size))
    (face,) = FaceFinder().find(frame)
    assert np.linalg.norm(face.centre - np.array([0.44, 0.24]) * size) < 0.06 * size
    assert abs((np.degrees(face.roll) + degrees + 180) % 360 - 180) < 12


@pytest.fixture(scope="session")
def bad(clips, still_film, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty").touch()
    (folder / "text").write_text("This is no media file. " * 50)
    (folder / "tiles.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500))
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    cv2.imwrite(str(folder / "noise.png"), noise)
    tiny = np.full((480, 480, 3), 180, np.uint8)
    tiny[150:270, 150:270] = cv2.resize(read_image(PORTRAIT, 480), (120, 120), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "tiny.png"), tiny)
    cv2.imwrite(str(folder / "beside.png"), np.concatenate([read_image(PORTRAIT, 480), tiny], 1))
    masked = with_a_mask(read_image(PORTRAIT, 480))
    cv2.imwrite(str(folder / "masked.png"), masked)
    save_film(folder / "masked.mp4", [masked] * 5, 25)
    save_film(folder / "noise.mp4", [noise] * 5, 25)
    save_wav(folder / "long.wav", np.zeros(601 * RATE, np.float32))
    return {
        "empty": folder / "empty",
        "missing": folder / "missing",
        "text": folder / "text",
        "heic": folder / "tiles.heic",
        "noise": folder / "noise.png",
        "tiny": folder / "tiny.png",
        "beside": folder / "beside.png",
        "masked": folder / "masked.png",
        "masked_film": folder / "masked.mp4",
        "noise_film": folder / "noise.mp4",
        "long": folder / "long.wav",
        "film": still_film,
        "portrait": PORTRAIT,
        **clips,
    }


@pytest.mark.parametrize(
    ("media", "sentence"),
    [
        (
            {"image": "text"},
            "The image cannot be read: it is damaged, not an image, or of more than 100 million pixels.",
        ),
        (
            {"image": "silence"},
            "The image cannot be read: it is damaged, not an image, or of more than 100 million pixels.",
        ),
        ({"image": "empty"}, "The image is empty (0 bytes)."),
        (
            {"image": "heic"},
            "The image is a HEIC picture, and this one cannot be read here. Save it as JPEG or PNG.",
        ),
        ({"image": "noise"}, "No face was found in the image."),
        (
            {"image": "tiny"},
            TOO_SMALL,
        ),
        (
            {"image": "beside", "right_audio": "silence"},
            TOO_SMALL,
        ),
        ({"image": "masked"}, NO_MOUTH.format("image")),
        ({"video": "masked_film"}, NO_MOUTH.format("video")),
        ({"image": "noise", "right_audio": "silence"}, "No face was found in the image."),
        (
            {"image": "portrait", "right_audio": "silence"},
            "Only one face was found in the image, but two people are to speak.",
        ),
        ({"image": "portrait", "audio": "empty"}, "The audio is empty (0 bytes)."),
        ({"image": "portrait", "audio": "film"}, "The audio has no sound track."),
        (
            {"image": "portrait", "audio": "text"},
            "The audio cannot be read: it is damaged or of an unknown format.",
        ),
        ({"image": "portrait", "audio": "long"}, "The audio is too long: at most 600 seconds are accepted."),
        ({"image": "portrait", "right_audio": "empty"}, "The right audio is empty (0 bytes)."),
        (
            {"image": "portrait", "mask": "text"},
            "The mask image cannot be read: it is damaged, not an image, or of more than 100 million pixels.",
        ),
        ({"video": "text"}, "The video cannot be read: it is damaged or of an unknown format."),
        ({"video": "empty"}, "The video is empty (0 bytes)."),
        ({"video": "silence"}, "The video holds no moving picture."),
        ({"video": "portrait"}, "The video holds no moving picture."),
        ({"video": "noise_film"}, "No face was found in the video."),
        ({}, "There is neither an image nor a video."),
        ({"image": "portrait", "audio": "missing"}, "The audio was not found: there is no such file."),
        ({"image": "missing"}, "The image was not found: there is no such file."),
        (
            {"video": "film", "right_audio": "silence"},
            "A video has one speaker, but there are two sounds. Two people can speak in an image.",
        ),
    ],
)
def test_each_fault_of_the_media_has_its_sentence(bad, tmp_path, media, sentence):
    given = RenderInput(**{"audio": bad["silence"], **{name: bad[which] for name, which in media.items()}})
    with pytest.raises(MediaError) as caught:
        render(given, tmp_path / "out.mp4")
    assert str(caught.value) == sentence
    assert not (tmp_path / "out.mp4").exists()


def test_of_three_faces_the_two_largest_speak_in_their_order(clips, tmp_path):
    duet = read_image(DUET, 480)
    small = cv2.resize(duet[:, : duet.shape[1] // 2], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    three = np.hstack([duet, cv2.copyMakeBorder(small, 0, 480 - small.shape[0], 0, 0, cv2.BORDER_REPLICATE)])
    cv2.imwrite(str(tmp_path / "three.png"), three)
    largest = FaceFinder().find(three, 2)
    assert [face.centre[0] < duet.shape[1] for face in largest] == [True, True]
    given = RenderInput(audio=clips["silence"], image=tmp_path / "three.png", right_audio=clips["silence"])
    assert render(given, tmp_path / "out.mp4").sync == 1


def test_durations(clips, still_film, bad):
    assert media_seconds(clips["left"]) == pytest.approx(3, abs=0.001)
    assert media_seconds(MEDIA / "speech_left.mp3") == pytest.approx(5.3, abs=0.05)
    assert media_seconds(still_film) == pytest.approx(1, abs=0.05)
    for which in ("empty", "text", "noise"):
        with pytest.raises(MediaError):
            media_seconds(bad[which])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_is_found_however_it_is_turned(turns):
    photo = read_image(PORTRAIT, 480)
    (upright,) = FaceFinder().find(photo)
    (face,) = FaceFinder().find(np.ascontiguousarray(np.rot90(photo, turns)))
    x, y = upright.centre
    place = {1: (y, 479 - x), 2: (479 - x, 479 - y), 3: (479 - y, x)}[turns]
    assert np.linalg.norm(face.centre - place) < 0.1 * upright.height
    eyes = face.points[263] - face.points[33]
    assert np.degrees(np.arctan2(-eyes[1], eyes[0])) % 360 == pytest.approx((90 * turns - 2) % 360, abs=12)


@pytest.mark.parametrize(
    ("stated", "kept"),
    [((25, 1), 25), ((30000, 1001), Fraction(30000, 1001)), ((1, 1), 25), ((90000, 1), 60), ((0, 1), 25), ((0, 0), 25)],
)
def test_a_frame_rate_is_read_whatever_class_of_ratio_it_is(stated, kept):
    class Ratio:  # as PyAV's own, from version 19 on: no Fraction
        numerator, denominator = stated

    assert _frame_rate(Ratio()) == kept
    assert _frame_rate(None) == 25
