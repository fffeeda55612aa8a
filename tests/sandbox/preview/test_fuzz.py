"""Damaged media: truncated, bit-flipped, renamed. Each renders or is refused with a sentence; nothing crashes or hangs.

A few in every run; all 200 with `pytest -m fuzz`.
"""

from __future__ import annotations

import io
import random
import re

import av
import cv2
import numpy as np
import pytest

from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox import MEDIA, Sandbox

SENTENCE = re.compile(r"[A-Za-z].* .*[.)]")
QUICK = 16


def encoded(extension, kind, frames, **options):
    out = io.BytesIO()
    with av.open(out, "w", format=extension) as file:
        stream = file.add_stream(kind, **options)
        for frame in frames(stream):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def spoken(_):
    samples = read_speech(MEDIA / "speech_left.mp3")[None, 16_000:24_000]
    for start in range(0, 8000, 1000):
        frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1000].copy(), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        frame.pts = start
        yield frame


def filmed(stream):
    image = read_image(MEDIA / "portrait.jpg", 240)
    stream.height, stream.width = image.shape[:2]
    stream.pix_fmt = "yuv420p"
    for number in range(8):
        yield av.VideoFrame.from_ndarray(np.roll(image, number, 1), format="bgr24")


@pytest.fixture(scope="module")
def whole():
    """Good files by name, small ones."""
    image = read_image(MEDIA / "portrait.jpg", 240)
    return {
        "face.jpg": cv2.imencode(".jpg", image)[1].tobytes(),
        "face.png": cv2.imencode(".png", image)[1].tobytes(),
        "face.webp": cv2.imencode(".webp", image)[1].tobytes(),
        "voice.wav": encoded("wav", "pcm_s16le", spoken, rate=16_000, layout="mono"),
        "voice.mp3": encoded("mp3", "libmp3lame", spoken, rate=16_000, layout="mono"),
        "voice.ogg": encoded("ogg", "libopus", spoken, rate=16_000, layout="mono"),
        "film.mp4": encoded("mp4", "libx264", filmed, rate=25),
        "film.mkv": encoded("matroska", "libx264", filmed, rate=25),
    }


def damaged(whole, number):
    """Give the number's case: field, file name and damaged content."""
    dice = random.Random(number)
    name = dice.choice(list(whole))
    content = bytearray(whole[name])
    way = dice.choice(["truncated", "flipped", "flipped", "renamed"])
    if way == "truncated":
        del content[dice.randrange(len(content)) :]
    elif way == "flipped":
        for _ in range(dice.choice([1, 10, 200])):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    field = {"face": "image", "voice": "audio", "film": "video"}[name.partition(".")[0]]
    if way == "renamed":
        name = dice.choice(["face.jpg", "voice.wav", "film.mp4", "noise.xyz"])
        field = dice.choice(["image", "audio", "video"])
    return field, name, bytes(content)


def submit_all(box, whole, numbers, connect):
    api = connect(box)
    good = {field: api.put(name, whole[name]) for field, name in
            {"image": "face.jpg", "audio": "voice.wav", "video": "film.mp4"}.items()}  # fmt: skip
    jobs = {}
    for number in numbers:
        field, name, content = damaged(whole, number)
        media = good | {field: api.put(name, content)}
        endpoint = "lipsync-video" if field == "video" else "lipsync-image"
        media.pop("image" if field == "video" else "video")
        jobs[number] = api.job_id(endpoint, **media)
    for number, job_id in jobs.items():
        job = api.ended(job_id, 120)
        if job["status"] == "failed":
            assert SENTENCE.fullmatch(job["error"]), (number, job["error"])
            assert "renderer failed" not in job["error"], (number, job["error"])
            assert "unexpectedly" not in job["error"], (number, job["error"])
            assert "said nothing" not in job["error"], (number, job["error"])
        else:
            assert api.http.get(job["output"]).content[4:8] == b"ftyp"
    assert api.ended(api.job_id(image=good["image"], audio=good["audio"]))["status"] == "completed"


@pytest.mark.parametrize(
    "numbers", [range(QUICK), pytest.param(range(QUICK, 200), marks=[pytest.mark.fuzz, pytest.mark.timeout(1200)])]
)
def test_damaged_media_render_or_are_refused_with_a_sentence(whole, connect, numbers):
    with Sandbox(concurrency=2) as box:
        submit_all(box, whole, numbers, connect)
