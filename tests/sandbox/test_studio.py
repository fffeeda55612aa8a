"""The preview engine renders real files here, and the files are looked at as a viewer would."""

from __future__ import annotations

import subprocess
import sys
import wave
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

import lipsync_nodes.sandbox
from lipsync_nodes.sandbox.studio import MediaError, Take, media_seconds, render
from lipsync_nodes.sandbox.studio.faces.finder import FaceFinder
from lipsync_nodes.sandbox.studio.mouth.eyes import Blinks
from lipsync_nodes.sandbox.studio.mouth.paint import Palette
from lipsync_nodes.sandbox.studio.mouth.puppet import Puppet
from lipsync_nodes.sandbox.studio.speech.curve import mouth_curve, opening, sampled
from lipsync_nodes.sandbox.studio.speech.sound import read_speech
from lipsync_nodes.sandbox.studio.video.picture import Film, _frame_rate, read_image

MEDIA = Path(lipsync_nodes.sandbox.__file__).parent / "media"
PORTRAIT, DUET = MEDIA / "portrait.jpg", MEDIA / "duet.jpg"
RATE = 16_000


def save_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def save_film(path, images, fps):
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "ultrafast"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for image in images:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        file.mux(stream.encode(None))
    return path


def frames_of(path):
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]


def openings_of(path, count=1):
    """Lip gap by face height as (faces, frames), seen by the landmark model."""
    finder = FaceFinder()
    images = frames_of(path)
    faces = finder.find(images[0], count)
    assert len(faces) == count
    return np.array([[finder.follow(image, face).opening for image in images] for face in faces])


def intended(audio, frames):
    times = ((np.arange(frames) + 0.5) / 25).astype(np.float32)
    return opening(sampled(mouth_curve(read_speech(audio)), times, 1 / 25))


def correlation(one, other):
    return float(np.corrcoef(one, other)[0, 1])


def alike(one, other):
    """Correlation of two sounds over the shorter one's length."""
    length = min(len(one), len(other))
    return correlation(one[:length], other[:length])


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    left, right = (read_speech(MEDIA / f"speech_{side}.mp3") for side in ("left", "right"))
    return {
        "left": save_wav(folder / "left.wav", left[: 3 * RATE]),
        "right": save_wav(folder / "right.wav", right[RATE : 3 * RATE]),
        "silence": save_wav(folder / "silence.wav", np.zeros(RATE)),
    }


@pytest.fixture(scope="session")
def talking(clips, tmp_path_factory):
    out = tmp_path_factory.mktemp("talking") / "out.mp4"
    told = []
    rendered = render(Take(audio=clips["left"], image=PORTRAIT, seed=1), out, told.append)
    return out, rendered, told


@pytest.fixture(scope="session")
def still_film(tmp_path_factory):
    """One second of the portrait at 30 frames a second; each frame carries its number as a bar's width."""
    images = [read_image(PORTRAIT, 480) for _ in range(30)]
    for number, image in enumerate(images):
        image[460:, :] = 0
        image[460:, : 8 * (number + 1)] = 255
    return save_film(tmp_path_factory.mktemp("film") / "film.mp4", images, 30)


def bars_of(path):
    """The numbers that `still_film` wrote into its frames."""
    return [round(float((image[464:476, :, 1] > 128).mean()) * 60) - 1 for image in frames_of(path)]


def test_a_talking_photo_is_an_ordinary_mp4(talking, clips):
    out, rendered, _ = talking
    with av.open(str(out)) as file:
        video, sound = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.pix_fmt, video.average_rate) == ("h264", "yuv420p", 25)
        assert (video.width, video.height) == (480, 480) == (rendered.width, rendered.height)
        assert (sound.codec_context.name, sound.rate) == ("aac", 48_000)
        assert float(video.duration * video.time_base) == pytest.approx(3, abs=0.1)
        assert "sandbox" in file.metadata["comment"]
        assert "preview" in file.metadata["comment"]
    assert media_seconds(out) == pytest.approx(media_seconds(clips["left"]), abs=0.1)
    assert (rendered.seconds, rendered.fps) == (pytest.approx(3, abs=0.1), 25)


def test_the_file_plays_before_it_is_fully_downloaded(talking):
    content = talking[0].read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_the_sound_is_the_given_speech(talking, clips):
    assert alike(read_speech(talking[0]), read_speech(clips["left"])) > 0.9


def test_the_mouth_moves_with_the_speech(talking, clips):
    out, rendered, _ = talking
    seen = openings_of(out)[0]
    assert rendered.sync > 0.5
    assert correlation(seen, intended(clips["left"], len(seen))) > 0.5
    assert np.ptp(seen) > 0.02


def test_the_sync_figure_tells_the_wrong_speech(talking, clips):
    """The figure comes from the file: it is low if the mouth follows another clip."""
    seen = openings_of(talking[0])[0]
    other = intended(clips["right"], 50)
    assert correlation(seen[:50], other) < 0.4


def test_progress_grows_from_0_to_1(talking):
    told = talking[2]
    assert (told[0], told[-1]) == (0, 1)
    assert told == sorted(told)
    assert len(told) > 50


def test_silence_keeps_the_mouth_closed(clips, talking, tmp_path):
    rendered = render(Take(audio=clips["silence"], image=PORTRAIT), tmp_path / "out.mp4")
    seen = openings_of(tmp_path / "out.mp4")[0]
    assert seen.std() < 0.004
    assert seen.mean() < np.percentile(openings_of(talking[0])[0], 40)
    assert rendered.sync == 1


def test_720p_keeps_a_wide_images_shape_and_even_sides(clips, tmp_path):
    wide = tmp_path / "wide.png"
    cv2.imwrite(str(wide), read_image(PORTRAIT, 512)[:333])
    rendered = render(Take(audio=clips["silence"], image=wide, short_side=720), tmp_path / "out.mp4")
    assert (rendered.height, rendered.width) == (720, 2 * round(512 * 720 / 333 / 2))
    assert frames_of(tmp_path / "out.mp4")[0].shape == (rendered.height, rendered.width, 3)


def test_two_people_each_move_with_their_own_audio(clips, tmp_path):
    take = Take(audio=clips["left"], image=DUET, right_audio=clips["right"])
    rendered = render(take, tmp_path / "out.mp4")
    both = read_speech(clips["left"])
    both[: 2 * RATE] += read_speech(clips["right"])[: 2 * RATE]
    assert alike(read_speech(tmp_path / "out.mp4"), both) > 0.9
    left, right = openings_of(tmp_path / "out.mp4", 2)
    want_left, want_right = intended(clips["left"], len(left)), intended(clips["right"], len(right))
    assert rendered.seconds == pytest.approx(3, abs=0.1)
    assert rendered.sync > 0.5
    assert correlation(left, want_left) > 0.5
    assert correlation(left, want_right) < 0.3
    assert correlation(right, want_right) > 0.5
    assert correlation(right, want_left) < 0.3


@pytest.mark.parametrize("order", ["left_right", "right_left"])
def test_two_people_one_after_the_other(clips, tmp_path, order):
    take = Take(audio=clips["silence"], image=DUET, right_audio=clips["right"], order=order)
    rendered = render(take, tmp_path / "out.mp4")
    left, right = openings_of(tmp_path / "out.mp4", 2)
    quiet, spoken = np.split(right, [25]) if order == "left_right" else np.split(right, [50])[::-1]
    assert rendered.seconds == pytest.approx(3, abs=0.1)
    heard = read_speech(tmp_path / "out.mp4")[RATE if order == "left_right" else 0 :]
    assert alike(heard, read_speech(clips["right"])) > 0.9
    assert media_seconds(tmp_path / "out.mp4") == pytest.approx(3, abs=0.1)
    assert left.std() < 0.003
    assert quiet[2:-2].std() < 0.003
    assert spoken.std() > 0.005


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_sway(talking, clips, tmp_path):
    again, other = tmp_path / "again.mp4", tmp_path / "other.mp4"
    take = Take(audio=clips["left"], image=PORTRAIT, seed=1)
    render(take, again)
    render(replace(take, seed=2), other)
    assert again.read_bytes() == talking[0].read_bytes()
    assert other.read_bytes() != talking[0].read_bytes()


def test_a_longer_film_is_trimmed_to_the_audio(clips, still_film, tmp_path):
    short = save_wav(tmp_path / "short.wav", read_speech(clips["left"])[: RATE // 2])
    rendered = render(Take(audio=short, video=still_film), tmp_path / "out.mp4")
    assert (rendered.seconds, rendered.fps) == (pytest.approx(0.5, abs=0.1), 30)
    assert bars_of(tmp_path / "out.mp4") == list(range(15))


def test_a_shorter_film_goes_there_and_back(clips, still_film, tmp_path):
    rendered = render(Take(audio=clips["left"], video=still_film), tmp_path / "out.mp4")
    there, back = list(range(30)), list(range(28, -1, -1))
    assert bars_of(tmp_path / "out.mp4") == (there + back + there[1:] + back)[:90]
    assert (rendered.seconds, rendered.sync > 0.5) == (pytest.approx(3, abs=0.1), True)
    assert media_seconds(tmp_path / "out.mp4") == pytest.approx(3, abs=0.1)


def test_a_film_without_sway_and_its_old_sound(clips, still_film, talking, tmp_path):
    """Far from the mouth a film stays as it is, and a film that has sound loses it."""
    render(Take(audio=clips["silence"], video=talking[0]), tmp_path / "out.mp4")
    assert np.abs(read_speech(tmp_path / "out.mp4")).max() < 0.01
    before, after = frames_of(talking[0])[10], frames_of(tmp_path / "out.mp4")[10]
    assert np.abs(before[:, :120].astype(int) - after[:, :120]).mean() < 2


def test_a_variable_frame_rate_is_evened_out(tmp_path):
    path = tmp_path / "variable.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number, time in enumerate([0, 1, 2, 6, 7, 12]):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 40 * number, np.uint8), format="bgr24")
            frame.pts = time
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    film = Film(path, 64)
    film.fps = film.fps.__class__(25)
    shown = [round(float(image.mean()) / 40) for image in film.frames()]
    assert shown == [0, 1, 2, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5]


def test_a_mask_keeps_everything_else_still(clips, tmp_path):
    mask = np.zeros((100, 100), np.uint8)
    mask[:, 50:] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    out = tmp_path / "out.mp4"
    render(Take(audio=clips["silence"], image=PORTRAIT, mask=tmp_path / "mask.png", seed=3), out)
    photo = read_image(PORTRAIT, 480).astype(int)
    change = np.abs(np.array(frames_of(out)[8:]).astype(int) - photo).mean((0, 3))
    assert change[:, :230].mean() < 3
    assert change[60:170, 245:290].mean() > 1.5 * change[60:170, 180:225].mean()


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


@pytest.mark.parametrize("degrees", [0, 30, 90, -60])
@pytest.mark.parametrize("size", [512, 160])
def test_faces_are_found_small_and_tilted(degrees, size):
    photo = read_image(PORTRAIT, size)
    turn = cv2.getRotationMatrix2D((size * 0.44, size * 0.25), degrees, 1)
    frame = cv2.warpAffine(photo, turn, (size, size))
    (face,) = FaceFinder().find(frame)
    assert np.linalg.norm(face.centre - np.array([0.44, 0.24]) * size) < 0.06 * size


@pytest.fixture(scope="session")
def bad(clips, still_film, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty").touch()
    (folder / "text").write_text("This is no media file. " * 50)
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    cv2.imwrite(str(folder / "noise.png"), noise)
    tiny = np.full((480, 480, 3), 180, np.uint8)
    tiny[150:270, 150:270] = cv2.resize(read_image(PORTRAIT, 480), (120, 120), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "tiny.png"), tiny)
    save_film(folder / "noise.mp4", [noise] * 5, 25)
    save_wav(folder / "long.wav", np.zeros(601 * RATE, np.float32))
    return {
        "empty": folder / "empty",
        "text": folder / "text",
        "noise": folder / "noise.png",
        "tiny": folder / "tiny.png",
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
        ({"image": "noise"}, "No face was found in the image."),
        (
            {"image": "tiny"},
            "The face in the image is too small: it is 25 pixels high at 480p, and at least 32 are needed.",
        ),
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
    ],
)
def test_each_fault_of_the_media_has_its_sentence(bad, tmp_path, media, sentence):
    take = Take(**{"audio": bad["silence"], **{name: bad[which] for name, which in media.items()}})
    with pytest.raises(MediaError) as caught:
        render(take, tmp_path / "out.mp4")
    assert str(caught.value) == sentence
    assert not (tmp_path / "out.mp4").exists()


def test_of_three_faces_the_two_largest_speak_in_their_order(clips, tmp_path):
    duet = read_image(DUET, 480)
    small = cv2.resize(duet[:, : duet.shape[1] // 2], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    three = np.hstack([duet, cv2.copyMakeBorder(small, 0, 480 - small.shape[0], 0, 0, cv2.BORDER_REPLICATE)])
    cv2.imwrite(str(tmp_path / "three.png"), three)
    largest = FaceFinder().find(three, 2)
    assert [face.centre[0] < duet.shape[1] for face in largest] == [True, True]
    take = Take(audio=clips["silence"], image=tmp_path / "three.png", right_audio=clips["silence"])
    assert render(take, tmp_path / "out.mp4").sync == 1


def test_durations(clips, still_film, bad):
    assert media_seconds(clips["left"]) == pytest.approx(3, abs=0.001)
    assert media_seconds(MEDIA / "speech_left.mp3") == pytest.approx(5.3, abs=0.05)
    assert media_seconds(still_film) == pytest.approx(1, abs=0.05)
    for which in ("empty", "text", "noise"):
        with pytest.raises(MediaError):
            media_seconds(bad[which])


def test_the_mouth_stays_closed_for_noise_and_hum_and_follows_no_gain():
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
    Puppet(face, photo).draw(photo, frame, np.array(values, np.float32), Palette.of(photo, face, moving=False))
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
    Puppet(face, photo).draw(photo, frame, mouth, Palette.of(photo, face, moving=False))
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


def test_a_photo_blinks_and_opens_its_eyes_again():
    photo = read_image(PORTRAIT, 720)
    (face,) = FaceFinder().find(photo)
    blinks = Blinks(face, photo, 1, 25)
    changed = []
    for number in range(250):
        frame = photo.copy()
        blinks.draw(frame, number)
        changed.append(float(np.abs(frame.astype(int) - photo).max()))
    assert 2 <= sum(now > 0 and before == 0 for before, now in pairwise(changed)) <= 5
    assert changed.count(0) > 200


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


def test_a_hand_before_the_mouth_is_left_as_it_is(clips, tmp_path):
    photo = read_image(PORTRAIT, 480)
    (face,) = FaceFinder().find(photo)
    (x, y), size = face.points[13].astype(int), round(face.height)
    images = [photo.copy() for _ in range(50)]
    for image in images[25:]:
        for finger in (-1, 0, 1, 2):
            across = x + round((finger - 0.5) * 0.15 * size)
            cv2.line(image, (across, y - size // 8), (across, y + size // 2), (118, 148, 200), round(0.15 * size))
    film = save_film(tmp_path / "film.mp4", images, 25)
    render(Take(audio=clips["left"], video=film), tmp_path / "out.mp4")
    mouth = np.s_[y - size // 8 : y + size // 5, x - size // 6 : x + size // 6]
    change = [np.abs(a[mouth].astype(int) - b[mouth]).mean()
              for a, b in zip(frames_of(tmp_path / "out.mp4"), images, strict=False)]  # fmt: skip
    assert max(change[:24]) > 8
    assert max(change[28:50]) < 10


def test_the_import_loads_no_imaging_library():
    code = "import sys, lipsync_nodes.sandbox.studio; print({'cv2', 'av', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("told", "kept"),
    [((25, 1), 25), ((30000, 1001), Fraction(30000, 1001)), ((1, 1), 10), ((90000, 1), 60), ((0, 1), 10), ((0, 0), 25)],
)
def test_a_frame_rate_is_read_whatever_class_of_ratio_it_is(told, kept):
    class Ratio:  # as PyAV's own, from version 19 on: no Fraction
        numerator, denominator = told

    assert _frame_rate(Ratio()) == kept
    assert _frame_rate(None) == 25
