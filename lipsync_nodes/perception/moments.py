"""Reads parts of a video with the exact time of each frame, whatever its frame rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipsync_nodes.perception.formats import Turn, turn_of
from lipsync_nodes.perception.pictures import film_stream, upright
from lipsync_nodes.perception.speech.sound import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import av

    from lipsync_nodes.perception.arrays import Image

Span = tuple[float, float]
"""A part of a video: from and to, in seconds."""

_FASTEST = 31.0  # frames a second to look at: more of them show no more of the mouth
_SHORT_SIDE = 720  # pixels; larger frames are scaled down
_MISSING_RATE = 25.0


@dataclass(frozen=True, slots=True)
class Reel:
    """The facts of a video that are needed to read parts of it. Times are on the clock of the file, in seconds."""

    path: Path
    start: float
    seconds: float
    fps: float
    stretch: float


def reel_of(path: Path) -> Reel:
    """Open a video; raise MediaError if the file has no moving picture."""
    with opened(path, "video") as container:
        stream = film_stream(container)
        rate = stream.average_rate or stream.guessed_rate
        scale = stream.time_base or 0
        start = float((stream.start_time or 0) * scale)
        own = float((stream.duration or 0) * scale)
        whole = (container.duration or 0) / 1e6
        return Reel(path, start, own or whole, float(rate or _MISSING_RATE), float(stream.sample_aspect_ratio or 1))


def moments(reel: Reel, spans: Sequence[Span]) -> Iterator[tuple[float, Image]]:
    """Yield the frames of some spans, in order, each with the time of its middle: at most about 30 a second."""
    with opened(reel.path, "video") as container:
        stream = film_stream(container)
        turn: Turn | None = None
        for begin, end in spans:
            if begin > reel.start:
                container.seek(int(begin * 1e6), backward=True)
            last = -1.0
            for time, frame in _timed(container.decode(stream), reel):
                if time >= end:
                    break
                if time >= begin and time - last > 1 / _FASTEST:
                    last = time
                    turn = turn or turn_of(frame)
                    yield time, _small(frame, reel, turn)


def _timed(frames: Iterator[av.VideoFrame], reel: Reel) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield the frames with the times of their middles. Without time stamps, they are counted."""
    for number, frame in enumerate(frames):
        time = reel.start + number / reel.fps if frame.pts is None else frame.time
        yield time + 0.5 / reel.fps, frame


def _small(frame: av.VideoFrame, reel: Reel, turn: Turn) -> Image:
    short = round(min(frame.width * reel.stretch, frame.height))
    return upright(frame, reel.stretch, turn, min(short, _SHORT_SIDE))
