"""Writes the MP4 file: H.264 and AAC, playable during the download, marked as a preview in its metadata."""

from __future__ import annotations

from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING, Self

import av

from lipsync_nodes.perception.speech.sound import SOUND_RATE
from lipsync_nodes.sandbox.preview.planes import is_bgr, planes_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from lipsync_nodes.perception.arrays import Floats, Image

COMMENT = "Made by the preview engine of the lipsync-nodes sandbox, not by lipsync.studio"
# Half the work of veryfast at crf 18, and no worse. Without macroblock trees, because these differ from run to run on
# processors with AVX-512 (x264 core 165). No frame refers to a B frame: files are as small, and `sync` skips twice as
# many frames.
_X264 = {"preset": "superfast", "crf": "17", "x264-params": "mbtree=0:b-pyramid=none"}
_THREADS = 2  # fixed, because the encoder's output depends on it
_BT601, _BT709, _LIMITED = 6, 1, 1  # H.273 code points; OpenCV converts to YUV by BT.601


class Mp4Writer:
    """Writes frames, and the sound up to each frame. A context manager."""

    def __init__(self, path: Path, size: tuple[int, int], fps: Fraction, sound: Iterator[Floats]) -> None:
        """Begin a file of ``size`` (width, height) pixels. ``sound`` yields blocks (2, n) at SOUND_RATE."""
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._file.metadata["comment"] = COMMENT
        self._picture = self._file.add_stream("libx264", rate=fps, options=_X264)
        self._picture.width, self._picture.height = size
        self._picture.pix_fmt = "yuv420p"
        self._picture.codec_context.thread_count = _THREADS
        self._picture.codec_context.time_base = 1 / fps
        self._tag_colours()
        self._track = self._file.add_stream("aac", rate=SOUND_RATE, layout="stereo", bit_rate=128_000)
        self._sound, self._fps = sound, fps
        self._frames = self._samples = 0

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file; after an error, only close it."""
        if kind is None:
            self._write_sound()
            self._file.mux(self._picture.encode(None))
            self._file.mux(self._track.encode(None))
        self._file.close()

    def show(self, image: Image) -> None:
        """Write a frame, BGR or I420, and the sound up to its end."""
        planes = planes_of(image) if is_bgr(image) else image
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = self._frames, 1 / self._fps
        frame.colorspace, frame.color_range = _BT601, _LIMITED
        self._file.mux(self._picture.encode(frame))
        self._frames += 1
        self._write_sound(round(self._frames * SOUND_RATE / self._fps))

    def _write_sound(self, until: float = inf) -> None:
        """Write the sound up to a sample, or all that is left."""
        while self._samples < until:
            block = next(self._sound, None)
            if block is None:
                return
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, self._samples, Fraction(1, SOUND_RATE)
            self._file.mux(self._track.encode(frame))
            self._samples += block.shape[1]

    def _tag_colours(self) -> None:
        """Declare the colour space; otherwise players guess it from the size."""
        codec = self._picture.codec_context
        codec.colorspace, codec.color_range = _BT601, _LIMITED
        codec.color_primaries = codec.color_trc = _BT709
