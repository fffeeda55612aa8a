"""Videos to verify: rendered by the sandbox's preview, and then changed."""

from __future__ import annotations

from fractions import Fraction
from itertools import repeat

import av
import cv2
import numpy as np

from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.sound import read_speech
from tests.sandbox.preview.films import DUET, MEDIA, PORTRAIT, RATE, frames_of, save_film, save_wav

__all__ = ["DUET", "MEDIA", "PORTRAIT", "RATE", "frames_of", "save_film", "save_wav"]

LEFT, RIGHT = MEDIA / "speech_left.mp3", MEDIA / "speech_right.mp3"


def said(source, seconds, voice=1.0, start=0.0):
    """Return some seconds of speech; a *voice* of 1.2 is higher and faster."""
    samples = read_speech(source)[round(start * RATE) :]
    places = np.arange(0, min(len(samples) - 1, seconds * RATE * voice), voice)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32)


def later(samples, seconds):
    """Return the same sound, later by some seconds, or earlier if that is negative."""
    shift = round(abs(seconds) * RATE)
    if seconds < 0:
        return np.concatenate([samples[shift:], np.zeros(shift, np.float32)])
    return np.concatenate([np.zeros(shift, np.float32), samples])[: len(samples)]


def with_sound(video, samples, out, lost=(0, 0)):
    """Copy a video's picture, with another sound. What is *lost* of it is a gap between the time stamps."""
    with av.open(str(video)) as given, av.open(str(out), "w") as file:
        picture = file.add_stream_from_template(given.streams.video[0])
        track = file.add_stream("aac", rate=RATE, layout="mono")
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                file.mux(packet)
        for start in range(0, len(samples), 1024):
            if lost[0] <= start < lost[1]:
                continue
            block = np.ascontiguousarray(samples[None, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    return out


def moving(fps, seconds, *, away=(0.0, 0.0), other=None):
    """Yield the frames of a film of the portrait by a hand-held camera; *away* is the time without a face.

    With *other* it shows the portrait's mirror image from that second on, a little larger.
    """
    photo = read_image(PORTRAIT, 360)
    for number in range(round(fps * seconds)):
        t = number / fps
        if away[0] <= t < away[1]:
            yield np.full_like(photo, 90)
            continue
        cut = other is not None and t >= other
        turn = cv2.getRotationMatrix2D((180, 120), 4 * np.sin(1.9 * t), 1.2 + 0.2 * cut + 0.05 * np.sin(1.1 * t))
        turn[:, 2] += (7 * np.sin(1.4 * t), 5 * np.sin(2.3 * t) + 30 * cut)
        yield cv2.warpAffine(
            photo[:, ::-1] if cut else photo, turn, photo.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
        )


def film(path, fps, seconds, **how):
    return save_film(path, moving(fps, seconds, **how), fps)


def still(path, seconds, image=PORTRAIT, short_side=360):
    """Film a photo that does not move at all."""
    return save_film(path, repeat(read_image(image, short_side), round(25 * seconds)), 25)


def scaled_down(video, out, height):
    """Return the same video in few pixels, on a grey ground of its old size."""
    images = []
    for frame in frames_of(video):
        small = cv2.resize(frame, (round(frame.shape[1] * height / frame.shape[0]) // 2 * 2, height))
        ground = np.full_like(frame, 90)
        ground[: small.shape[0], : small.shape[1]] = small
        images.append(ground)
    return save_film(out, images, 25)
