"""The preview engine renders real files here, and the files are looked at as a viewer would."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.pictures import Film, read_image
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox.preview import RenderInput, media_seconds, render
from tests.sandbox.preview.films import (
    DUET,
    PORTRAIT,
    RATE,
    alike,
    bars_of,
    correlation,
    frames_of,
    intended,
    openings_of,
    save_film,
    save_wav,
)


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
    reported = talking[2]
    assert (reported[0], reported[-1]) == (0, 1)
    assert reported == sorted(reported)
    assert len(reported) > 50


def test_silence_keeps_the_mouth_closed(clips, talking, tmp_path):
    rendered = render(RenderInput(audio=clips["silence"], image=PORTRAIT), tmp_path / "out.mp4")
    seen = openings_of(tmp_path / "out.mp4")[0]
    assert seen.std() < 0.004
    assert seen.mean() < np.percentile(openings_of(talking[0])[0], 40)
    assert rendered.sync == 1


def test_720p_keeps_a_wide_images_shape_and_even_sides(clips, tmp_path):
    wide = tmp_path / "wide.png"
    cv2.imwrite(str(wide), read_image(PORTRAIT, 512)[:333])
    rendered = render(RenderInput(audio=clips["silence"], image=wide, short_side=720), tmp_path / "out.mp4")
    assert (rendered.height, rendered.width) == (720, 2 * round(512 * 720 / 333 / 2))
    assert frames_of(tmp_path / "out.mp4")[0].shape == (rendered.height, rendered.width, 3)


def test_two_people_each_move_with_their_own_audio(clips, tmp_path):
    given = RenderInput(audio=clips["left"], image=DUET, right_audio=clips["right"])
    rendered = render(given, tmp_path / "out.mp4")
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
    given = RenderInput(audio=clips["silence"], image=DUET, right_audio=clips["right"], order=order)
    rendered = render(given, tmp_path / "out.mp4")
    left, right = openings_of(tmp_path / "out.mp4", 2)
    quiet, spoken = np.split(right, [25]) if order == "left_right" else np.split(right, [50])[::-1]
    assert rendered.seconds == pytest.approx(3, abs=0.1)
    heard = read_speech(tmp_path / "out.mp4")[RATE if order == "left_right" else 0 :]
    assert alike(heard, read_speech(clips["right"])) > 0.9
    assert media_seconds(tmp_path / "out.mp4") == pytest.approx(3, abs=0.1)
    assert left.std() < 0.004  # the movement of the head is seen as a little of this
    assert quiet[2:-2].std() < 0.003
    assert spoken.std() > 0.005


def test_the_same_seed_gives_the_same_bytes(talking, clips, tmp_path):
    """The same seed gives the same bytes, and another seed another sway."""
    again, other = tmp_path / "again.mp4", tmp_path / "other.mp4"
    given = RenderInput(audio=clips["left"], image=PORTRAIT, seed=1)
    render(given, again)
    render(replace(given, seed=2), other)
    assert again.read_bytes() == talking[0].read_bytes()
    assert other.read_bytes() != talking[0].read_bytes()


def test_a_longer_film_is_trimmed_to_the_audio(clips, still_film, tmp_path):
    short = save_wav(tmp_path / "short.wav", read_speech(clips["left"])[: RATE // 2])
    rendered = render(RenderInput(audio=short, video=still_film), tmp_path / "out.mp4")
    assert (rendered.seconds, rendered.fps) == (pytest.approx(0.5, abs=0.1), 30)
    assert bars_of(tmp_path / "out.mp4") == list(range(15))


def test_a_shorter_film_goes_there_and_back(clips, still_film, tmp_path):
    rendered = render(RenderInput(audio=clips["left"], video=still_film), tmp_path / "out.mp4")
    there, back = list(range(30)), list(range(28, -1, -1))
    assert bars_of(tmp_path / "out.mp4") == (there + back + there[1:] + back)[:90]
    assert (rendered.seconds, rendered.sync > 0.5) == (pytest.approx(3, abs=0.1), True)
    assert media_seconds(tmp_path / "out.mp4") == pytest.approx(3, abs=0.1)


def test_a_film_without_sway_and_its_old_sound(clips, still_film, talking, tmp_path):
    """Far from the mouth a film stays as it is, and a film that has sound loses it."""
    render(RenderInput(audio=clips["silence"], video=talking[0]), tmp_path / "out.mp4")
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
    render(RenderInput(audio=clips["silence"], image=PORTRAIT, mask=tmp_path / "mask.png", seed=3), out)
    photo = read_image(PORTRAIT, 480).astype(int)
    change = np.abs(np.array(frames_of(out)[8:]).astype(int) - photo).mean((0, 3))
    assert change[:, :230].mean() < 3
    assert change[60:170, 245:290].mean() > 1.5 * change[60:170, 180:225].mean()


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
    render(RenderInput(audio=clips["left"], video=film), tmp_path / "out.mp4")
    mouth = np.s_[y - size // 8 : y + size // 5, x - size // 6 : x + size // 6]
    change = [np.abs(a[mouth].astype(int) - b[mouth]).mean()
              for a, b in zip(frames_of(tmp_path / "out.mp4"), images, strict=False)]  # fmt: skip
    assert max(change[:24]) > 8
    assert max(change[28:50]) < 10


@pytest.mark.parametrize(
    ("module", "unwanted"), [("preview", {"cv2", "av", "numpy"}), ("preview.rendering", {"pydantic", "httpx"})]
)
def test_importing_the_preview_loads_only_what_it_needs(module, unwanted):
    code = f"import sys, lipsync_nodes.sandbox.{module}; print({unwanted} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
