"""Films as people have them: slides, a sound that is longer than the picture, mirrored and turned pictures."""

from __future__ import annotations

import gc
import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.moments import moments, reel_of
from lipsync_nodes.perception.pictures import Film, read_image, sampled
from lipsync_nodes.sandbox.preview import MediaError, RenderInput, render
from tests.sandbox.preview.films import PORTRAIT, frames_of, save_film

SIDE = 64


def slide(level, shape=(SIDE, SIDE)):
    return np.full((*shape, 3), level, np.uint8)


def save(path, images, times, last, sound=0.0):
    """Save frames that are shown from these times on, the last one for so many seconds, and a silent sound."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"bf": "0", "crf": "10"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        track = file.add_stream("aac", rate=16_000, layout="mono") if sound else None
        packets = []
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(time * 25), Fraction(1, 25)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, time, end in zip(packets, times, [*times[1:], times[-1] + last], strict=True):
            packet.duration = round((end - time) / packet.time_base)
            file.mux(packet)
        for start in range(0, round(sound * 16_000), 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            file.mux(track.encode(frame))
        if track:
            file.mux(track.encode(None))
    return path


def levels_of(frames):
    return [round(float(image.mean()) / 40) for image in frames]


def test_slides_last_as_long_as_the_file_says(tmp_path):
    film = Film(save(tmp_path / "slides.mp4", [slide(40), slide(80)], [0, 1], 2), SIDE)
    assert film.fps == 25
    assert levels_of(film.frames()) == [1] * 25 + [2] * 50
    assert levels_of(film.play(160)) == [1] * 25 + [2] * 99 + [1] * 36
    one = Film(save(tmp_path / "one.mp4", [slide(40)], [0], 10), SIDE)
    assert levels_of(one.play(251)) == [1] * 251


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_picture_that_is_shorter_than_its_sound_goes_on(tmp_path, kind):
    images = [slide(40 * number) for number in range(1, 6)]
    film = Film(save(tmp_path / f"film.{kind}", images, [n / 25 for n in range(5)], 0.04, sound=10), SIDE)
    assert levels_of(film.play(12)) == [1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3, 4]
    assert (film.seconds < 1) == (kind == "mp4")  # the header of a Matroska file tells the longer one only


TURNS = {
    "hflip": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "vflip": ((1, 0, 0, -1), lambda image: image[::-1]),
    "half": ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]),
    "clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "anticlockwise": ((0, -1, 1, 0), np.rot90),
    "transpose": ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    "transverse": ((0, -1, -1, 0), lambda image: image[::-1, ::-1].swapaxes(0, 1)),
}


def with_matrix(path, out, matrix):
    """Put another display matrix into the header of an MP4 file."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (value << 16 for value in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    out.write_bytes(content)
    return out


@pytest.mark.parametrize("turn", TURNS)
def test_a_film_is_turned_and_mirrored_as_its_header_says(tmp_path, turn):
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32, :48], image[32:, :48], image[:32, 48:] = 80, 160, 240
    matrix, shown = TURNS[turn]
    plain = save(tmp_path / "plain.mp4", [image] * 3, [0, 0.04, 0.08], 0.04)
    turned = with_matrix(plain, tmp_path / "turned.mp4", matrix)
    seen = next(Film(turned, 64).frames()), next(sampled(turned, 1, 64))[1]
    reel = reel_of(turned)
    for one in (*seen, next(moments(reel, [(0, 1)]))[1]):
        assert one.shape == shown(image).shape
        assert np.abs(one.astype(int) - shown(image)).mean() < 6


def approaching(heights, side=360):
    """Yield frames with the portrait's face, whose height is that many pixels."""
    photo = read_image(PORTRAIT, 480)
    whole = FaceFinder().find(photo)[0].height
    for height in heights:
        small = cv2.resize(photo, None, fx=height / whole, fy=height / whole, interpolation=cv2.INTER_AREA)
        ground = np.full((side, side, 3), 150, np.uint8)
        top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
        ground[top : top + small.shape[0], left : left + small.shape[1]] = small
        yield ground


def test_a_face_that_comes_nearer_speaks_when_it_is_near(clips, tmp_path):
    film = save_film(tmp_path / "near.mp4", approaching(np.linspace(19, 70, 75)), 25)
    out = tmp_path / "out.mp4"
    render(RenderInput(audio=clips["left"], video=film, short_side=360), out)
    change = [np.abs(a.astype(int) - b).max() for a, b in zip(frames_of(out), frames_of(film), strict=True)]
    assert np.mean(change[50:]) > 2 * np.mean(change[:8])


def test_a_film_without_a_face_for_half_the_time_is_warned_of(clips, tmp_path):
    photo = read_image(PORTRAIT, 240)
    film = save_film(tmp_path / "hole.mp4", [photo] * 38 + [np.full_like(photo, 90)] * 37, 25)
    rendered = render(RenderInput(audio=clips["left"], video=film, short_side=240), tmp_path / "out.mp4")
    assert rendered.warning["code"] == "preview.partly_shown"
    assert 35 < rendered.warning["facts"]["percent"] < 55
    assert rendered.sync > 0.8


def test_a_film_whose_face_comes_too_late_is_refused(clips, tmp_path):
    photo = read_image(PORTRAIT, 240)
    film = save_film(tmp_path / "late.mp4", [np.full_like(photo, 90)] * 75 + [photo] * 5, 25)
    with pytest.raises(MediaError, match="No face was found in the video"):
        render(RenderInput(audio=clips["left"], video=film, short_side=240), tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("height", "short_side", "words"),
    [(25, 360, "At 720p it would be large enough."), (20, 480, "at least 32 are needed.")],
)
def test_a_face_that_stays_far_is_refused(clips, tmp_path, height, short_side, words):
    film = save_film(tmp_path / "far.mp4", approaching([height] * 5, short_side), 25)
    with pytest.raises(MediaError, match="too small") as caught:
        render(RenderInput(audio=clips["silence"], video=film, short_side=short_side), tmp_path / "out.mp4")
    assert str(caught.value).endswith(words)


def test_frames_that_were_shown_take_no_memory(still_film):
    gc.collect()
    gc.disable()
    try:
        for _ in Film(still_film, 120).frames():
            pass
        kept = sum(isinstance(one, av.VideoFrame) for one in gc.get_objects())
    finally:
        gc.enable()
    assert kept < 5
