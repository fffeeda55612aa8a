"""Whether a mouth moves with a speech: their correlation, and by how much one is later than the other.

It compares two curves: what the eye saw and what the ear expects. It is no score of quality. In videos of real people
that are in sync, the correlation is about 0.3 to 0.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.speech.curve import OPEN, opening
from lipsync_nodes.perception.speech.features import RATE

if TYPE_CHECKING:
    from lipsync_nodes.perception.mouths import Mouth

LAGS: Final = np.arange(-500, 501, 10) / 1000
"""The offsets that are tried, in seconds. Positive: the picture is late."""

_SLOW = 2.0  # seconds: what changes more slowly than this is a turn of the head or a smile, not speech
_SPOKEN = 0.2  # of the jaw's opening, from which a moment counts as speech
_WORDS = 0.15  # seconds around such a moment that belong to it
# The correlation of a mouth with another's speech is below so many of its standard deviations in 99 of 100 comparisons.
_DEVIATIONS = 3.4
_LEAST, _MOST = 0.25, 0.75  # bounds of that threshold: the correlation in long and in short videos
_FASTEST = 30.0  # frames a second


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a mouth moves with a speech.

    Attributes:
        correlation: the highest one of all offsets, from -1 to 1.
        offset: at that correlation, by how many seconds the picture is later than the sound.
        threshold: a correlation below this can be by chance.
        movement: how much the opening of the mouth varies, as a standard deviation in face heights.
        spoken: for how many seconds there is speech while the face is visible.

    """

    correlation: float = 0.0
    offset: float = 0.0
    threshold: float = _MOST
    movement: float = 0.0
    spoken: float = 0.0

    @property
    def follows(self) -> bool:
        """Whether the mouth moves with this speech, at some offset."""
        return self.correlation >= self.threshold


def agreement(times: Floats, mouth: Mouth, curve: Floats, start: float, fps: float) -> Agreement:
    """Compare a mouth with a speech curve that begins at ``start`` on the clock of ``times``."""
    there = np.isfinite(mouth.openings)
    if there.sum() < 3:  # noqa: PLR2004  # too few to correlate
        return Agreement()
    takes = _takes(times[there], mouth.takes[there])
    seen = _quick(mouth.openings[there], takes, fps)
    wanted = _shown(opening(curve), fps)
    moments = times[there] - start
    tried = [_quick(_at(wanted, moments - lag), takes, fps) for lag in LAGS]
    fits = [_correlation(seen, one) for one in tried]
    best = int(np.argmax(fits))
    return Agreement(
        fits[best],
        float(LAGS[best]),
        float(np.clip(_DEVIATIONS * _deviation(seen, tried[best]), _LEAST, _MOST)),
        float(seen.std()),
        float((_at(_speech(curve), moments) > 0).sum() / min(fps, _FASTEST)),
    )


def spoken_seconds(curve: Floats) -> float:
    """Return for how many seconds a speech curve has speech."""
    return float((_speech(curve) > 0).sum() / RATE)


def _speech(curve: Floats) -> Floats:
    """Return 1 where there is speech and 0 elsewhere. The pauses within words are speech."""
    near = np.ones(round(2 * _WORDS * RATE) + 1)
    return floats(np.convolve(curve[:, OPEN] > _SPOKEN, near, "same") > 0)


def _shown(wanted: Floats, fps: float) -> Floats:
    """Average a curve over the time for which a frame is shown."""
    width = max(1, round(RATE / min(fps, _FASTEST)))
    return floats(np.convolve(wanted, np.ones(width) / width, "same"))


def _at(curve: Floats, times: Floats) -> Floats:
    """Return the values of a curve at some times; 0 outside it."""
    return floats(np.interp(times, np.arange(len(curve)) / RATE, curve, left=0, right=0))


def _takes(times: Floats, takes: Floats) -> list[slice]:
    """Return the pieces without a cut and without a gap."""
    cuts = np.flatnonzero((np.diff(takes) != 0) | (np.diff(times) > 1)) + 1
    edges = [0, *map(int, cuts), len(times)]
    return [slice(begin, end) for begin, end in pairwise(edges)]


def _quick(values: Floats, takes: list[slice], fps: float) -> Floats:
    """Subtract what changes slowly, within each take."""
    half = max(1, round(_SLOW * min(fps, _FASTEST) / 2))
    return np.concatenate([values[take] - _moving_mean(values[take], half) for take in takes])


def _moving_mean(values: Floats, half: int) -> Floats:
    """Return the mean of the values around each, as far as there are any."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    begin, end = np.maximum(places - half, 0), np.minimum(places + half + 1, len(values))
    return floats((sums[end] - sums[begin]) / (end - begin))


def _correlation(one: Floats, other: Floats) -> float:
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale > 0 else 0.0


def _deviation(one: Floats, other: Floats) -> float:
    """Return the standard deviation of the correlation of independent curves as smooth as these, by Bartlett."""
    both = _smoothness(one) * _smoothness(other)
    return float(np.sqrt(max(1e-4, (1 + 2 * both[1:].sum()) / len(one))))


def _smoothness(values: Floats) -> Floats:
    """Return the correlation of a curve with itself, later and later."""
    most = min(len(values), 60)
    whole = float(values @ values) or 1.0
    return floats([values[later:] @ values[: len(values) - later] / whole for later in range(most)])
