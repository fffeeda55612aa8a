"""How pictures, films and sounds of the material are made of others. Each takes the folder, the target, and words."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from lipsync_nodes.sandbox import MEDIA

_RATE = 48000
_MATRICES = {  # of the track header: rows of a, b, u, c, d, v, x, y, w; size of the picture inserted for 'w' and 'h'
    "hflip": (-1, 0, 0, 1, "w", 0),
    "vflip": (1, 0, 0, -1, 0, "h"),
    "transpose": (0, 1, 1, 0, 0, 0),
}


def turned(folder: Path, target: Path, file: str, degrees: str) -> None:
    """Turn a picture clockwise; the corners are filled with its border."""
    cv2.imwrite(str(target), _turned(_picture(folder / file), int(degrees)))


def scaled(folder: Path, target: Path, file: str, share: str) -> None:
    """Make a picture smaller."""
    scale = float(share)
    small = cv2.resize(_picture(folder / file), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(target), small)


def saved(folder: Path, target: Path, file: str) -> None:
    """Save a picture in the format of the target's name."""
    from PIL import Image

    if target.suffix == ".heic":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    with Image.open(folder / file) as picture:
        picture.save(target)


def still(folder: Path, target: Path, film: str, seconds: str) -> None:
    """Take one frame of a film."""
    cv2.imwrite(str(target), next(frame for time, frame in _frames(folder / film) if time >= float(seconds)))


def part(folder: Path, target: Path, film: str, first: str, last: str) -> None:
    """Take a part of a film."""
    _write(target, (frame for time, frame in _frames(folder / film) if float(first) <= time < float(last)))


def hole(folder: Path, target: Path, film: str, first: str, last: str) -> None:
    """Take the face away for a while."""
    frames = _seconds(folder / film, 6)
    _write(target, (np.full_like(f, (160, 90, 40)) if float(first) <= t < float(last) else f for t, f in frames))


def covered(folder: Path, target: Path, film: str) -> None:
    """Lay another person's fist over the mouth from 1.5 to 3 s; it comes from below and goes there again."""
    hand = next(frame for time, frame in _frames(folder / "film-hand.mp4") if time >= 3.4)[255:360, 335:455]
    shape = np.zeros(hand.shape[:2], np.float32)
    cv2.ellipse(shape, (60, 56), (52, 44), 0, 0, 360, 1, -1, cv2.LINE_AA)
    shape = cv2.GaussianBlur(shape, (0, 0), 3)[..., None]

    def draw() -> Iterable[np.ndarray]:
        for time, frame in _seconds(folder / film, 5):
            up = np.clip(min((time - 1.2) / 0.3, (3.3 - time) / 0.3), 0, 1)
            if up:
                top, left = int(300 - 132 * up), 142
                place = frame[top : top + 105, left : left + 120]
                inside = shape[: len(place)]
                place[:] = inside * hand[: len(place)] + (1 - inside) * place
            yield frame

    _write(target, draw())


def grown(folder: Path, target: Path, file: str) -> None:
    """Come near: the face of a picture grows from a tenth of its size to all of it."""
    picture = _picture(folder / file)
    height, width = picture.shape[:2]

    def draw() -> Iterable[np.ndarray]:
        for scale in np.geomspace(0.12, 1.2, 125):
            place = np.array([[scale, 0, width * (1 - scale) / 2], [0, scale, height * (1 - scale) / 2]])
            yield cv2.warpAffine(picture, place, (width, height), flags=cv2.INTER_AREA, borderValue=(120, 110, 100))

    _write(target, draw())


def turned_film(folder: Path, target: Path, film: str) -> None:
    """Lay a film on its side."""
    _write(target, (_turned(frame, 90) for _, frame in _seconds(folder / film, 5)))


def flipped(folder: Path, target: Path, film: str, how: str) -> None:
    """Store a film flipped, with the display matrix that shows it as it was."""
    change = {"hflip": lambda f: f[:, ::-1], "vflip": lambda f: f[::-1], "transpose": lambda f: f.transpose(1, 0, 2)}
    _write(target, (np.ascontiguousarray(change[how](frame)) for _, frame in _seconds(folder / film, 5)))
    data = bytearray(target.read_bytes())
    start = data.index(b"tkhd") + 4
    assert data[start] == 0, "a track header of version 0 is expected"
    width, height = (value >> 16 for value in struct.unpack_from(">2I", data, start + 76))
    a, b, c, d, x, y = ({"w": width, "h": height}.get(v, v) for v in _MATRICES[how])
    struct.pack_into(">9i", data, start + 40, *(v << 16 for v in (a, b, 0, c, d, 0, x, y)), 1 << 30)
    target.write_bytes(bytes(data))


def with_sound(folder: Path, target: Path, film: str, picture: str, sound: str) -> None:
    """Give a film a sound track of a length of its own."""
    frames = [frame for time, frame in _seconds(folder / film, float(picture))]
    _write(target, frames, sound=float(sound))


def slides(folder: Path, target: Path, seconds: str, *files: str) -> None:
    """Show pictures as long as that: a frame each."""
    pictures = [cv2.resize(_picture(folder / file), (480, 640)) for file in files]
    with av.open(str(target), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 480, 640, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        packets = []
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(number * float(seconds) * 25), Fraction(1, 25)
            packets += stream.encode(frame)
        for packet in [*packets, *stream.encode(None)]:
            packet.duration = round(float(seconds) / packet.time_base)
            out.mux(packet)


def cancelled(folder: Path, target: Path) -> None:
    """Speech whose channels cancel each other."""
    speech = _speech()
    _save(target, np.stack([speech, -speech], 1))


def beside(folder: Path, target: Path) -> None:
    """Speech on the left, nothing on the right."""
    speech = _speech()
    _save(target, np.stack([speech, np.zeros_like(speech)], 1))


def _speech() -> np.ndarray:
    with av.open(str(MEDIA / "speech_left.mp3")) as file:
        into = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
        return np.concatenate([part.to_ndarray()[0] for frame in file.decode(audio=0) for part in into.resample(frame)])


def _save(target: Path, samples: np.ndarray) -> None:
    with wave.open(str(target), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def _picture(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    if picture is None:
        raise OSError(f"{path.name} is no picture, or it is missing.")
    return picture


def _turned(picture: np.ndarray, degrees: int) -> np.ndarray:
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(picture, -degrees // 90))
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    return cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _frames(path: Path) -> Iterable[tuple[float, np.ndarray]]:
    with av.open(str(path)) as file:
        for frame in file.decode(video=0):
            yield float(frame.time or 0), frame.to_ndarray(format="bgr24")


def _seconds(path: Path, seconds: float) -> Iterable[tuple[float, np.ndarray]]:
    for time, frame in _frames(path):
        if time >= seconds:
            return
        yield time, frame


def _write(target: Path, frames: Iterable[np.ndarray], sound: float = 0) -> None:
    """Write a film at 25 frames/s, with a tone beside it where that is wanted."""
    with av.open(str(target), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "16"})
        tone = file.add_stream("aac", rate=_RATE, layout="mono") if sound else None
        for number, frame in enumerate(frames):
            if not number:
                stream.height, stream.width = (side // 2 * 2 for side in frame.shape[:2])
                stream.pix_fmt = "yuv420p"
            even = np.ascontiguousarray(frame[: stream.height, : stream.width])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="bgr24")))
        file.mux(stream.encode(None))
        for block in range(round(sound * _RATE / 1024)) if tone else ():
            samples = 0.1 * np.sin(2 * np.pi * 440 / _RATE * (1024 * block + np.arange(1024, dtype=np.float32)))
            heard = av.AudioFrame.from_ndarray(np.float32(samples)[None], format="fltp", layout="mono")
            heard.rate, heard.pts = _RATE, 1024 * block
            file.mux(tone.encode(heard))
        if tone:
            file.mux(tone.encode(None))
