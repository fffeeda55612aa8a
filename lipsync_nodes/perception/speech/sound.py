"""Reads sound files: their length, the speech for the mouth, and the blocks of the sound track."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import av
import numpy as np

from lipsync_nodes.perception import LONGEST, MediaError
from lipsync_nodes.perception.arrays import Floats, floats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from av.container import InputContainer

SPEECH_RATE = 16_000
"""Samples per second of the speech for the mouth. Frequencies above 8 kHz are not needed."""
SOUND_RATE = 48_000
"""Samples per second of the sound track."""
_GAP = 0.01  # seconds between two time stamps without sound
BLOCK = 1024
"""Samples in a block of the sound track: one AAC frame."""


def check_file(path: Path, what: str) -> None:
    """Raise MediaError if there is no such file, or nothing in it."""
    if not path.is_file():
        raise MediaError(code="preview.no_file", media=what)
    if not path.stat().st_size:
        raise MediaError(code="preview.empty_file", media=what)


@contextmanager
def opened(path: Path, what: str) -> Iterator[InputContainer]:
    """Open a media file. Every error of FFmpeg becomes a MediaError about ``what``."""
    check_file(path, what)
    try:
        with av.open(str(path)) as container:
            yield container
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise MediaError(code="preview.unreadable", media=what) from error


def media_seconds(path: Path, what: str = "file") -> float:
    """Return the duration of the sound track in seconds, or of the video track if there is no sound.

    The samples are counted. The header of many MP3 files only estimates the duration, and their first and last samples
    are padding.
    """
    with opened(path, what) as container:
        if container.streams.audio:
            seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        elif container.streams.video and not is_still(container):
            seconds = _played(container)
        else:
            raise MediaError(code="preview.no_track", media=what)
    if not seconds:
        raise MediaError(code="preview.no_length", media=what)
    return seconds


def sound_starts(path: Path, what: str = "audio") -> float:
    """Return when the sound track begins on the clock of the file, in seconds."""
    with opened(path, what) as container:
        if not container.streams.audio:
            raise MediaError(code="preview.no_sound", media=what)
        first = next(container.decode(audio=0), None)
        return (first.time or 0.0) if first else 0.0


def is_still(container: InputContainer) -> bool:
    """Return whether the file is an image, which FFmpeg opens as a film of one frame."""
    return container.format.name.endswith(("_pipe", "image2"))


def _played(container: InputContainer) -> float:
    """Return the duration of the video track in seconds, from the time stamps of its packets."""
    spans = [
        (p.pts * p.time_base, (p.pts + (p.duration or 0)) * p.time_base)
        for p in container.demux(video=0)
        if p.pts is not None and p.time_base
    ]
    return float(max(end for _, end in spans) - min(start for start, _ in spans)) if spans else 0.0


def read_speech(path: Path, what: str = "audio") -> Floats:
    """Read the whole sound track as mono samples in [-1, 1] at SPEECH_RATE. Channels may cancel each other."""
    blocks = [floats(block.mean(0)) for block in speech_blocks(path, what)]
    if not blocks:
        raise MediaError(code="preview.no_length", media=what)
    return np.concatenate(blocks)


def speech_blocks(path: Path, what: str = "audio", *, gaps: bool = False) -> Iterator[Floats]:
    """Stream the sound track as blocks (1 or 2 channels, BLOCK) at SPEECH_RATE. More channels are mixed to two.

    With ``gaps``, there is silence where the time stamps have a gap, as in a player.
    """
    return _blocks(path, what, SPEECH_RATE, None, gaps=gaps)


def sound_blocks(path: Path, what: str = "audio") -> Iterator[Floats]:
    """Stream the sound track as stereo blocks (2, BLOCK) at SOUND_RATE; the last one may be shorter."""
    return _blocks(path, what, SOUND_RATE, "stereo")


def one_after_the_other(*tracks: Iterable[Floats]) -> Iterator[Floats]:
    """Play the tracks in turn, in blocks of any length."""
    return chain(*tracks)


def mixed(left: Iterable[Floats], right: Iterable[Floats]) -> Iterator[Floats]:
    """Play both tracks at once, until the longer one ends."""
    nothing = np.zeros((2, 0), np.float32)
    for one, other in zip_longest(left, right, fillvalue=nothing):
        total = np.zeros((2, max(one.shape[1], other.shape[1])), np.float32)
        total[:, : one.shape[1]] += one
        total[:, : other.shape[1]] += other
        yield floats(np.clip(total, -1, 1))


def _blocks(path: Path, what: str, rate: int, layout: str | None, *, gaps: bool = False) -> Iterator[Floats]:
    """Decode, resample and cut into blocks; raise MediaError beyond LONGEST. Without a layout, mono stays mono."""
    with opened(path, what) as container:
        if not container.streams.audio:
            raise MediaError(code="preview.no_sound", media=what)
        layout = layout or ("mono" if container.streams.audio[0].channels == 1 else "stereo")
        resampler = av.AudioResampler("fltp", layout, rate, frame_size=BLOCK)
        for count, frame in enumerate(_resampled(_frames(container, gaps=gaps), resampler)):
            if count * BLOCK > LONGEST * rate:
                raise too_long(what)
            yield floats(np.clip(np.nan_to_num(frame.to_ndarray()), -1, 1))  # a file of floats can hold any number


def _resampled(frames: Iterable[av.AudioFrame], resampler: av.AudioResampler) -> Iterator[av.AudioFrame]:
    """Resample a sound track."""
    for frame in frames:
        frame.pts = None  # otherwise the resampler would fill gaps by itself, and so would not count the samples
        yield from resampler.resample(frame)
    yield from resampler.resample(None)


def _frames(container: InputContainer, *, gaps: bool) -> Iterator[av.AudioFrame]:
    """Decode the first sound track."""
    due = None
    for frame in container.decode(audio=0):
        now = None if frame.pts is None else frame.time
        if gaps and now is not None and due is not None and _GAP < now - due < LONGEST:
            yield _silence(frame, round((now - due) * frame.sample_rate))
        due = None if now is None else now + frame.samples / frame.sample_rate
        yield frame


def _silence(like: av.AudioFrame, samples: int) -> av.AudioFrame:
    frame = av.AudioFrame(like.format.name, like.layout.name, samples)
    frame.sample_rate = like.sample_rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def too_long(what: str) -> MediaError:
    """Return the error for media beyond LONGEST."""
    return MediaError(code="preview.too_long", media=what, most=LONGEST)
