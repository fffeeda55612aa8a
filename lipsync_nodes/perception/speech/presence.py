"""Where there is speech in a sound, and where there is music, noise or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.speech.curve import curve_of, opening
from lipsync_nodes.perception.speech.features import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lipsync_nodes.perception.arrays import Floats


@dataclass(frozen=True)
class Speech:
    """Where there is speech: for each frame. Short pauses between words count as speech."""

    where: NDArray[np.bool_] = field(repr=False)

    @property
    def seconds(self) -> float:
        """How much speech there is."""
        return float(self.where.sum()) / RATE

    @property
    def first(self) -> float:
        """When it begins, in seconds."""
        return float(np.argmax(self.where)) / RATE

    @property
    def last(self) -> float:
        """When it ends, in seconds."""
        return float(len(self.where) - np.argmax(self.where[::-1])) / RATE


def speech_in(level: Floats) -> Speech:
    """Find the speech in the levels of a clip, (frames, 27)."""
    opened = opening(curve_of(level))
    near = np.convolve(opened > 0.2, np.ones(51), "same") > 0
    return Speech(near)
