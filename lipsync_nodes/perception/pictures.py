"""Reads images, masks and films, scaled to the output's size; films get a constant frame rate."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from itertools import islice, repeat
from typing import TYPE_CHECKING, Protocol

import av
import cv2
import numpy as np

from lipsync_nodes.perception import LONGEST, MediaError
from lipsync_nodes.perception.arrays import Floats, Image, floats, levels
from lipsync_nodes.perception.formats import Turn, by_ffmpeg, turn_of, turned
from lipsync_nodes.perception.speech.sound import check_file, is_still, opened, too_long

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from av.video.stream import VideoStream

_SLOWEST, _FASTEST = 10, 60  # frame rates between these are kept
_USUAL = Fraction(25)
_OPAQUE = 255
_FLAT, _DIM = 90, 40  # levels: with a smaller range, or a middle tone nearer to black or white, it is hard to see
_EARLY = 1e-3  # seconds: a frame that is early by less is due
_LONGEST_SIDE = 4096  # pixels of the output
LONG_SIDE = 2048
"""The longest side of a reduced picture, in pixels."""
_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # the markers of a JPEG that are followed by its size


class _Ratio(Protocol):
    """A ratio of PyAV: a Fraction up to version 18, a class of its own from 19 on."""

    @property
    def numerator(self) -> int: ...
    @property
    def denominator(self) -> int: ...


def read_image(path: Path, short_side: int) -> Image:
    """Read an image as BGR at the output's size, turned upright by its EXIF tag, with white for transparency."""
    data = _bytes(path, "image")
    image = _decoded(data, cv2.IMREAD_COLOR, "image")
    alpha = _alpha(data, image)
    image = resized(image, short_side)
    return image if alpha is None else _on_white(image, resized(alpha, short_side))


def read_reduced(path: Path, short_side: int) -> tuple[Image, int]:
    """Read an image as `read_image` does, and its own short side. A large JPEG is reduced while it is decoded.

    Another image is scaled after it was decoded. The long side may have up to LONG_SIDE pixels, then the short one has
    less than ``short_side``.
    """
    data = _bytes(path, "image")
    size = _jpeg_size(data)
    reduced = next((by for by in _REDUCED if size and min(size) // by >= short_side), 1)
    image = _decoded(data, _REDUCED.get(reduced, cv2.IMREAD_COLOR), "image")
    alpha = _alpha(data, image)
    short = min(size or image.shape[:2])
    side = max(2, min(short_side, LONG_SIDE * min(image.shape[:2]) // max(image.shape[:2])))
    image = resized(image, side)
    return (image if alpha is None else _on_white(image, resized(alpha, side))), short


def read_mask(path: Path, width: int, height: int) -> Floats:
    """Read a mask as weights (height, width, 1) from 0 to 1: its opacity, or its brightness if it is all opaque."""
    data = _bytes(path, "mask image")
    image = _decoded(data, cv2.IMREAD_COLOR, "mask image")
    alpha = _alpha(data, image)
    weights = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if alpha is None else alpha
    scaled = cv2.resize(weights, (width, height), interpolation=cv2.INTER_AREA)
    return floats(scaled)[..., None] / np.float32(_OPAQUE)


def resized(image: Image, short_side: int) -> Image:
    """Scale the short side to ``short_side`` pixels. Both sides are even, as H.264 requires."""
    height, width = image.shape[:2]
    size = _scaled(width, height, short_side)
    if size == (width, height):
        return image
    way = cv2.INTER_AREA if short_side < min(height, width) else cv2.INTER_CUBIC
    return levels(cv2.resize(image, size, interpolation=way))


def _scaled(width: float, height: float, short_side: int) -> tuple[int, int]:
    """Return the even sides of a picture whose short side is scaled to ``short_side``."""
    scale = short_side / min(height, width)
    size = (max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2)))
    if max(size) > _LONGEST_SIDE and round(min(height, width)) != short_side:
        raise MediaError(code="preview.narrow_picture", pixels=max(size), most=_LONGEST_SIDE)
    return size


class Film:
    """A video file as a stream of frames at a constant rate."""

    def __init__(self, path: Path, short_side: int) -> None:
        """Open the file; raise MediaError if it has no video."""
        self._path, self.short_side = path, short_side
        self._turn: Turn | None = None
        with opened(path, "video") as container:
            stream = film_stream(container)
            self._stretch = float(stream.sample_aspect_ratio or 1)  # for anamorphic films, whose pixels are not square
            self.fps = _frame_rate(stream.average_rate or (stream.guessed_rate if stream.frames != 1 else None))
            self.seconds = _picture_seconds(container, stream)
        if self.seconds > LONGEST:
            raise too_long("video")

    def frames(self) -> Iterator[Image]:
        """Decode the film once. Frames are repeated or dropped to make a variable frame rate constant."""
        with opened(self._path, "video") as container:
            shown: Image | None = None
            start: float | None = None
            count, last = 0, 0.0
            for frame, end in _with_end(container):
                time = last if frame.pts is None else frame.time  # without time stamps, one follows the other
                start = time if start is None else start
                last = max(end, time + 1 / float(self.fps))
                due = round((time - start) * self.fps)
                if shown is not None:
                    yield from repeat(shown, due - count)
                count, shown = max(count, due), self._picture(frame)
            if shown is None or start is None:
                raise MediaError(code="preview.no_frames")
            yield from repeat(shown, max(1, round((last - start) * self.fps) - count))

    def play(self, count: int) -> Iterator[Image]:
        """Yield ``count`` frames. A film that is too short is played backwards and forwards again."""
        shown = 0
        if self.seconds * self.fps >= count:  # long enough by its header, which may be wrong
            for image in islice(self.frames(), count):
                shown += 1
                yield image
        if shown < count:
            yield from islice(self._endless(), shown, count)

    def _endless(self) -> Iterator[Image]:
        """Play the film forwards, backwards, and so on. The frames are kept in a temporary file."""
        with tempfile.TemporaryFile() as file:
            places: list[tuple[int, int]] = []
            last: Image | None = None
            for frame in self.frames():
                again = frame is last  # as in a film of slides
                places.append(places[-1] if again else (file.tell(), file.write(_jpeg(frame))))
                last = frame
                yield frame
            for number in _there_and_back(len(places)):
                start, size = places[number]
                file.seek(start)
                yield _from_jpeg(file.read(size))

    def _picture(self, frame: av.VideoFrame) -> Image:
        """Return a decoded frame at the output's size."""
        self._turn = self._turn or turn_of(frame)
        return upright(frame, self._stretch, self._turn, self.short_side)


def _with_end(container: InputContainer) -> Iterator[tuple[av.VideoFrame, float]]:
    """Decode a film; yields each frame, and when what was read so far ends, in seconds.

    One thread is enough: it holds fewer frames, and leaves a core to another render.
    """
    stream = film_stream(container)
    if getattr(stream, "codec_context", None):  # there is none if the codec is unknown
        stream.codec_context.thread_count = 1
    end, base = 0.0, float(stream.time_base or 0)
    for packet in container.demux(stream):
        if packet.pts is not None:
            end = max(end, packet.pts * base + min((packet.duration or 0) * base, LONGEST))
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                yield frame, end


def sampled(path: Path, seconds: float, short_side: int) -> Iterator[tuple[float, Image]]:
    """Decode a film and yield one frame for each span of so many seconds, with its time, upright and reduced."""
    with opened(path, "video") as container:
        stream = film_stream(container)
        stretch = float(stream.sample_aspect_ratio or 1)
        turn: Turn | None = None
        due = start = None
        for frame in container.decode(stream):
            time = frame.time or 0.0
            turn = turn or turn_of(frame)
            start = time if start is None else start
            if due is None or time + _EARLY >= due:
                due = max(time, due or time) + seconds
                yield time - start, _reduced(frame, stretch, turn, short_side)


def film_size(path: Path) -> tuple[int, int]:
    """Return width and height of a film's frames as they are stored."""
    with opened(path, "video") as container:
        stream = film_stream(container)
        return stream.width, stream.height


def _reduced(frame: av.VideoFrame, stretch: float, turn: Turn, short_side: int) -> Image:
    width, height = frame.width * stretch, frame.height
    scale = min(1.0, short_side / min(width, height), LONG_SIDE / max(width, height))
    return _shrunk(frame, (max(2, round(width * scale)), max(2, round(height * scale))), turn)


def _there_and_back(count: int) -> Iterator[int]:
    """Yield the order of the frames after the first run: backwards first, with each turning point once."""
    swing = [*range(count - 2, -1, -1), *range(1, count)] or [0]
    while True:
        yield from swing


def upright(frame: av.VideoFrame, stretch: float, turn: Turn, short_side: int) -> Image:
    """Return a decoded frame as BGR, upright, with square pixels, and with even sides of this size.

    A larger frame is reduced in the same step, which takes a quarter of the time of two.
    """
    size = _scaled(frame.width * stretch, frame.height, short_side)
    if size[0] <= frame.width * stretch and size[1] <= frame.height:
        return _shrunk(frame, size, turn)
    image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    return turned(levels(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)), turn)


def _shrunk(frame: av.VideoFrame, size: tuple[int, int], turn: Turn) -> Image:
    """Return a frame as BGR, reduced to a width and height, then turned."""
    return turned(np.asarray(frame.reformat(*size, "bgr24", interpolation="AREA").to_ndarray(), np.uint8), turn)


def film_stream(container: InputContainer) -> VideoStream:
    """Return the video stream of a file. A song's cover and an image do not count."""
    covers = {int(s.index) for s in container.streams.video if "attached_pic" in str(s.disposition)}
    films = [s for s in container.streams.video if s.index not in covers]
    if not films or is_still(container):
        raise MediaError(code="preview.no_moving_picture")
    films[0].thread_type = "AUTO"
    return films[0]


def _picture_seconds(container: InputContainer, stream: VideoStream) -> float:
    """Return how long the picture of a film is, by its header. The sound of some files is longer."""
    own = float((stream.duration or 0) * (stream.time_base or 0))
    return own or (container.duration or 0) / 1e6


def _frame_rate(rate: _Ratio | None) -> Fraction:
    """Limit a frame rate to what players support. It is 25 for slides, and without one in the file."""
    found = Fraction(rate.numerator, rate.denominator) if rate and rate.denominator else _USUAL
    return _USUAL if found < _SLOWEST else min(found, Fraction(_FASTEST)).limit_denominator(1001)


def _bytes(path: Path, what: str) -> Image:
    """Read a file for OpenCV, which cannot open every path."""
    check_file(path, what)
    return np.fromfile(path, np.uint8)


def _decoded(data: Image, flags: int, what: str) -> Image:
    """Decode an image file. OpenCV refuses too large an image by its header."""
    try:
        image = cv2.imdecode(data, flags)
    except cv2.error:
        image = None
    return by_ffmpeg(data, what) if image is None else np.asarray(image)


def _alpha(data: Image, image: Image) -> Image | None:
    """Return the opacity of an image file, or None if all of it is opaque."""
    if _is_opaque(data):
        return None
    whole = _decoded(data, cv2.IMREAD_UNCHANGED, "image")
    if whole.shape != (*image.shape[:2], 4):
        return None
    alpha = levels(whole[..., 3].astype(np.float32) * (_OPAQUE / np.iinfo(whole.dtype).max))
    return alpha if alpha.min() < _OPAQUE else None


def _is_opaque(data: Image) -> bool:
    """Return whether it is a JPEG, or a PNG of the colour type RGB without a clear colour."""
    kind = data[:26].tobytes()
    return kind[:2] == b"\xff\xd8" or (kind[:4] == b"\x89PNG" and kind[25:] == b"\2" and b"tRNS" not in data.tobytes())


def lit(image: Image) -> Image | None:
    """Return a picture that is very dark, very bright or flat with its full range of levels; None if it has that."""
    low, middle, high = np.percentile(image, (1, 50, 99))
    if high - low > _FLAT and _DIM < middle < _OPAQUE - _DIM:
        return None
    stretched = np.clip((image.astype(np.float32) - low) / max(1.0, high - low), 0, 1)
    return levels(stretched ** (0.6 if middle < _OPAQUE / 2 else 1.4) * _OPAQUE)


def _on_white(image: Image, alpha: Image) -> Image:
    """Lay an image with transparent parts on white."""
    cover = alpha[..., None].astype(np.float32) / _OPAQUE
    return levels(image * cover + _OPAQUE * (1 - cover))


def _jpeg_size(data: Image) -> tuple[int, int] | None:
    """Return height and width of a JPEG file by its header; None if it is none."""
    place = 2
    while data[:2].tobytes() == b"\xff\xd8" and place + 9 < len(data) and data[place] == 0xFF:  # noqa: PLR2004
        marker, length = int(data[place + 1]), int.from_bytes(data[place + 2 : place + 4].tobytes())
        if marker in _SIZES:
            height, width = (int.from_bytes(data[at : at + 2].tobytes()) for at in (place + 5, place + 7))
            return (height, width) if height and width else None
        place += 2 + length
    return None


def _jpeg(image: Image) -> bytes:
    """Encode a frame as JPEG."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def _from_jpeg(jpeg: bytes) -> Image:
    """Decode a frame from JPEG."""
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
