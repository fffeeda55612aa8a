"""The speech that a video is compared with, and which parts of the video to look at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception import MediaError
from lipsync_nodes.perception.speech.curve import OPEN, curve_of
from lipsync_nodes.perception.speech.features import RATE, heard
from lipsync_nodes.perception.speech.sound import sound_starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lipsync_nodes.perception.arrays import Floats
    from lipsync_nodes.perception.moments import Reel, Span

_WHOLE = 26.0  # seconds: a shorter video is looked at from its start to its end
_PARTS, _PART = 4, 6.0  # of a longer one, so many parts of so many seconds


@dataclass(frozen=True, slots=True)
class Voice:
    """A speech: how the mouth moves, and when it begins on the clock of the video, in seconds."""

    curve: Floats
    start: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.curve) / RATE

    def moved(self, by: float) -> Voice:
        """Return the same speech, later by some seconds."""
        return dataclasses.replace(self, start=self.start + by)


def own_voice(video: Path) -> Voice | None:
    """Return the speech of a video's own sound track; None if it has none."""
    try:
        start = sound_starts(video, "video")
        return Voice(curve_of(heard(video, "video", gaps=True)), start)
    except MediaError as error:
        if error.code in {"preview.no_sound", "preview.no_length"}:
            return None
        raise


def voice_of(audio: Path, start: float, what: str = "audio") -> Voice:
    """Return the speech of a sound file."""
    return Voice(curve_of(heard(audio, what)), start)


def pair_of_voices(left_audio: Path, right_audio: Path, order: str, start: float) -> list[Voice]:
    """Return the speech of two people, in the order in which they speak."""
    left, right = voice_of(left_audio, start, "left audio"), voice_of(right_audio, start, "right audio")
    if order == "left_right":
        right = right.moved(left.seconds)
    elif order == "right_left":
        left = left.moved(right.seconds)
    return [left, right]


def spans_of(reel: Reel, voices: Sequence[Voice]) -> list[Span]:
    """Return the parts of a video to look at: all of a short one, else the parts with the most speech.

    They are spread over the video, and each has no gap, because an offset is found in moments that follow each other.
    """
    if reel.seconds <= _WHOLE:
        return [(reel.start, reel.start + reel.seconds + 1)]
    spoken = np.zeros(int(reel.seconds * RATE) + 1)
    for voice in voices:
        first = max(0, round((voice.start - reel.start) * RATE))
        part = voice.curve[: max(0, len(spoken) - first), OPEN]
        spoken[first : first + len(part)] += part
    sums = np.concatenate([[0.0], np.cumsum(spoken)])
    width, share = round(_PART * RATE), len(spoken) // _PARTS
    begins = [part * share + _fullest(sums[part * share : (part + 1) * share], width) for part in range(_PARTS)]
    return [(reel.start + begin / RATE, reel.start + begin / RATE + _PART) for begin in begins]


def _fullest(sums: Floats, width: int) -> int:
    """Return where the window with the most speech begins."""
    return int(np.argmax(sums[width:] - sums[:-width])) if len(sums) > width else 0
