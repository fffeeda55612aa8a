"""Sounds and films for the preview engine, and what can be seen in those that it made."""

from __future__ import annotations

import wave
from itertools import chain
from pathlib import Path

import av
import numpy as np

import lipsync_nodes.sandbox
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.speech.curve import mouth_curve, opening, sampled
from lipsync_nodes.perception.speech.sound import read_speech

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
    """Save frames, which may be made one by one."""
    frames = iter(images)
    first = next(frames)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "ultrafast"})
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 2  # the same file on machines with more or fewer cores
        for image in chain([first], frames):
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


def bars_of(path):
    """The numbers that `still_film` wrote into its frames."""
    return [round(float((image[464:476, :, 1] > 128).mean()) * 60) - 1 for image in frames_of(path)]
