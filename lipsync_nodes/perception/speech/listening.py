"""Listens to a whole file, in blocks: how loud it is in each band, and how its samples are spread up to full scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import av
import numpy as np

from lipsync_nodes.perception import LONGEST, MediaError
from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.speech.features import RATE, by_energy, levels
from lipsync_nodes.perception.speech.sound import BLOCK, SPEECH_RATE, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from av.container import InputContainer
    from numpy.typing import NDArray

_STEPS = 256  # of the histogram, up to full scale
_FULL = 0.9  # samples from here on count as cut off: a coder moves those that were at full scale
_LOUD = 0.05  # samples below this are pauses or faint, and cannot be clipped


@dataclass
class _Meter:
    """Counts the samples of a file by their size, and keeps the largest."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(2 * _STEPS, np.int64))
    peak: float = 0.0

    def add(self, samples: Floats) -> None:
        sizes = np.nan_to_num(np.abs(samples)).ravel()
        steps = np.minimum(sizes * _STEPS, len(self.counts) - 1).astype(np.int64)
        self.counts += np.bincount(steps, minlength=len(self.counts))
        self.peak = max(self.peak, float(sizes.max(initial=0)))

    @property
    def clipped(self) -> float:
        """The share of the louder samples that are cut off: at full scale, or at a lower level."""
        louder = int(self.counts[int(_LOUD * _STEPS) :].sum())
        return max(int(self.counts[int(_FULL * _STEPS) :].sum()), self._cut_off()) / max(louder, 1)

    def _cut_off(self) -> int:
        """Return how many samples have the largest value, if these are many more than those little below it."""
        top = min(int(self.peak * _STEPS), len(self.counts) - 1)
        if top < 2 * _LOUD * _STEPS:
            return 0
        highest, below = int(self.counts[top - 1 : top + 1].sum()), int(self.counts[top - 5 : top - 1].max())
        return highest if highest > 6 * max(below, 1) else 0


@dataclass(frozen=True)
class Heard:
    """What was heard of a file, up to LONGEST.

    Attributes:
        rate: the sample rate of the file in hertz.
        level: the loudness of the bands and the total in decibels, (rows, frames, 27), as `levels` returns it.
        peak: the largest sample in decibels of full scale.
        clipped: the share of the louder samples that are cut off.

    """

    rate: int
    level: Floats = field(repr=False)
    peak: float
    clipped: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(len(self.mixed) - 1, 0) / RATE

    @cached_property
    def mixed(self) -> Floats:
        """The levels of both channels, mixed by energy."""
        return floats(by_energy(self.level))

    @property
    def loudness(self) -> float:
        """The loudness of its loudest parts in decibels of full scale."""
        return float(np.percentile(self.mixed[:, -1], 99)) if len(self.mixed) else -100.0


def listen(path: Path, what: str = "audio", tick: Callable[[], object] | None = None) -> Heard:
    """Listen to the first sound track of a file. *tick* is called now and then; an error of it ends this.

    Raises:
        MediaError: it has no sound track, or cannot be read.

    """
    with opened(path, what) as container:
        if not container.streams.audio:
            raise MediaError(code="preview.no_sound", media=what)
        meter = _Meter()
        level = levels(_blocks(container, meter, tick or (lambda: None)))
        peak = 20 * math.log10(max(meter.peak, 1e-5))
        return Heard(container.streams.audio[0].rate, level, peak, meter.clipped)


def _blocks(container: InputContainer, meter: _Meter, tick: Callable[[], object]) -> Iterator[Floats]:
    """Decode up to LONGEST, count the samples by their size, and yield blocks at SPEECH_RATE."""
    stream = container.streams.audio[0]
    layout = "mono" if stream.channels == 1 else "stereo"
    plain = av.AudioResampler("fltp", layout, stream.rate)
    slower = av.AudioResampler("fltp", layout, SPEECH_RATE, frame_size=BLOCK)
    left = int(LONGEST * SPEECH_RATE)
    for frame in _plain(container, plain, meter):
        for block in slower.resample(frame):
            if left <= 0:
                return
            left -= block.samples
            tick()
            yield floats(np.nan_to_num(block.to_ndarray()))


def _plain(container: InputContainer, plain: av.AudioResampler, meter: _Meter) -> Iterator[av.AudioFrame | None]:
    for decoded in container.decode(audio=0):
        decoded.pts = None  # otherwise gaps in the time stamps would be filled with silence
        for frame in plain.resample(decoded):
            meter.add(floats(frame.to_ndarray()))
            yield frame
    yield None
