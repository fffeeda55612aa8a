"""Listens to a whole file, in blocks: how loud it is in each band, and how its samples are spread up to full scale."""

from __future__ import annotations

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
    from collections.abc import Iterator
    from pathlib import Path

    from av.container import InputContainer
    from numpy.typing import NDArray

_STEPS = 256  # of the histogram, up to full scale
_FULL = 0.9  # samples from here on count as cut off: a coder moves those that were at full scale
_LOUD = 0.05  # samples below this are pauses or faint, and cannot be clipped


@dataclass(frozen=True)
class Heard:
    """What was heard of a file, up to LONGEST.

    Attributes:
        rate: the sample rate of the file in hertz.
        level: the loudness of the bands and the total in decibels, (rows, frames, 27), as `levels` returns it.
        spread: how many samples are how large, in steps of full scale.

    """

    rate: int
    level: Floats
    spread: NDArray[np.int64] = field(repr=False)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(self.level.shape[1] - 1, 0) / RATE

    @cached_property
    def mixed(self) -> Floats:
        """The levels of both channels, mixed by energy."""
        return by_energy(self.level)

    @property
    def peak(self) -> float:
        """The largest sample in decibels of full scale."""
        (found,) = np.nonzero(self.spread)
        return float(20 * np.log10((found[-1] + 0.5) / _STEPS)) if len(found) and found[-1] else -100.0

    @property
    def loudness(self) -> float:
        """The loudness of its loud parts in decibels of full scale."""
        return float(np.percentile(self.mixed[:, -1], 95)) if len(self.mixed) else -100.0

    @property
    def clipped(self) -> float:
        """The share of its louder samples that are at full scale, or cut off at a lower level."""
        louder = self.spread[int(_LOUD * _STEPS) :]
        return float(max(self.spread[int(_FULL * _STEPS) :].sum(), self._cut_off()) / max(louder.sum(), 1))

    def _cut_off(self) -> int:
        """Return how many samples are at the largest value, if there are many more than little below it."""
        (found,) = np.nonzero(self.spread)
        top = int(found[-1]) if len(found) else 0
        if top < 2 * _LOUD * _STEPS:
            return 0
        at_top = int(self.spread[top - 1 : top + 1].sum())
        return at_top if at_top > 6 * max(int(self.spread[top - 5 : top - 1].max()), 1) else 0


def listen(path: Path, what: str = "audio") -> Heard:
    """Listen to the first sound track of a file.

    Raises:
        MediaError: it has no sound track, or cannot be read.

    """
    with opened(path, what) as container:
        if not container.streams.audio:
            raise MediaError(code="preview.no_sound", media=what)
        spread = np.zeros(2 * _STEPS, np.int64)
        level = levels(_blocks(container, spread))
        return Heard(container.streams.audio[0].rate, level, spread)


def _blocks(container: InputContainer, spread: NDArray[np.int64]) -> Iterator[Floats]:
    """Decode up to LONGEST, count the samples by their size, and yield blocks at SPEECH_RATE."""
    stream = container.streams.audio[0]
    layout = "mono" if stream.channels == 1 else "stereo"
    plain = av.AudioResampler("fltp", layout, stream.rate)
    slower = av.AudioResampler("fltp", layout, SPEECH_RATE, frame_size=BLOCK)
    left = int(LONGEST * SPEECH_RATE)
    for frame in _plain(container, plain, spread):
        for block in slower.resample(frame):
            if left <= 0:
                return
            left -= block.samples
            yield floats(np.nan_to_num(block.to_ndarray()))


def _plain(
    container: InputContainer, plain: av.AudioResampler, spread: NDArray[np.int64]
) -> Iterator[av.AudioFrame | None]:
    for decoded in container.decode(audio=0):
        decoded.pts = None  # otherwise gaps in the time stamps would be filled with silence
        for frame in plain.resample(decoded):
            sizes = np.nan_to_num(np.abs(frame.to_ndarray())).ravel()
            steps = np.minimum(sizes * _STEPS, len(spread) - 1).astype(np.int64)
            spread += np.bincount(steps, minlength=len(spread))
            yield frame
    yield None
