"""Small pictures, films and sounds for the tests of checks."""

import io
import struct
import tempfile
import wave
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from lipsync_nodes.sandbox import MEDIA

FACE, DUET = MEDIA / "portrait.jpg", MEDIA / "duet.jpg"
SPEECH = MEDIA / "speech_left.mp3"


def picture(width=64, height=64, kind="png", *, value=90, orientation=None):
    """Return a plain picture, a JPEG with an orientation in its EXIF if one is given."""
    frame = av.VideoFrame.from_ndarray(
        np.ascontiguousarray(np.broadcast_to(np.uint8(value), (height, width, 3))), "rgb24"
    )
    codec, pixels = {"png": ("png", "rgb24"), "jpg": ("mjpeg", "yuvj420p")}[kind]
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pixels, Fraction(1, 25)
    data = b"".join(map(bytes, [*encoder.encode(frame.reformat(format=pixels)), *encoder.encode(None)]))
    if orientation is None:
        return data
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0) + bytes(4)
    exif = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]


def tiny_face():
    """Return a PNG in which the portrait is so small that its face is some 20 pixels high in a video of 480p."""
    picture_ = np.full((1024, 1024, 3), 200, np.uint8)
    picture_[412:612, 412:612] = cv2.resize(cv2.imread(str(FACE)), (200, 200), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", picture_)[1].tobytes()


def sound(seconds=6.0, rate=8000):
    """Return a WAV of a tone."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        times = np.arange(round(seconds * rate)) / rate
        file.writeframes((8000 * np.sin(2 * np.pi * 220 * times)).astype("<i2").tobytes())
    return out.getvalue()


def film(seconds=6.0, fps=10, *, width=64, height=64, varying=False):
    """Return an MP4 of plain frames with its index first; *varying* ones last for one or three ticks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", fps)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            at = 0
            while at < seconds * fps:
                frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), at % 200, np.uint8), "rgb24")
                frame.pts, frame.time_base = at, Fraction(1, fps)
                container.mux(stream.encode(frame))
                at += 3 if varying and at % 2 else 1
            container.mux(stream.encode(None))
        return path.read_bytes()


def codes(verdict, *severities):
    """Return the codes of a verdict's findings of these severities (default: all)."""
    return [one.code for one in verdict.findings if not severities or one.severity in severities]


def named(verdict, code):
    """Return the only finding with a code."""
    (found,) = (one for one in verdict.findings if one.code == code)
    return found
