"""Changes the levels of a clip as microphones, lines, rooms and what plays beside it do. That takes hardly any time."""

from __future__ import annotations

import numpy as np

from lipsync_nodes.perception.speech.features import BANDS

_LOWEST, _HIGHEST = (0, 4), (18, 22)  # between these bands a telephone's begin, at 300 Hz, and end, at 3400 Hz


def worn(level: np.ndarray, others: list[np.ndarray], rng: np.random.Generator, quietest: float) -> np.ndarray:
    """Change the levels (frames, 27) in one or two ways. What plays beside it is so many decibels lower, or more."""
    ways = [_coloured, _telephone, _telephone, _hissing, _echoing]
    for number in rng.choice(len(ways) + 2, rng.integers(1, 3), replace=False):
        level = ways[number](level, rng) if number < len(ways) else _beside(level, others, rng, quietest)
    return level + np.float32(rng.uniform(-20, 5))


def _powers(level):
    return 10 ** (level / 10)


def _levels(power):
    return (10 * np.log10(power + 1e-14)).astype(np.float32)


def _filtered(level, decibels):
    """Change how loud each band is, and the total by as much as their sum."""
    bands = level[:, :BANDS] + decibels
    change = _levels(_powers(bands).sum(1)) - _levels(_powers(level[:, :BANDS]).sum(1))
    return np.concatenate([bands, (level[:, BANDS] + change)[:, None]], 1).astype(np.float32)


def _coloured(level, rng):
    corners = rng.normal(0, 6, 5)
    return _filtered(level, np.interp(np.linspace(0, 4, BANDS), np.arange(5), corners))


def _telephone(level, rng):
    cut = np.full(BANDS, -rng.uniform(30, 60))
    cut[rng.integers(*_LOWEST) : rng.integers(*_HIGHEST)] = 0
    return _filtered(level, cut)


def _hissing(level, rng):
    """Add noise of some colour, as even as it is in a quarter of the bins of a band."""
    shape = np.append(np.interp(np.linspace(0, 2, BANDS), np.arange(3), rng.normal(0, 6, 3)), 12)
    flicker = rng.normal(0, 2.5, level.shape) * np.append(np.ones(BANDS), 0.2)
    loud = np.percentile(level[:, BANDS], 95) - rng.uniform(8, 35)
    return _levels(_powers(level) + _powers(loud - 12 + shape + flicker))


def _echoing(level, rng):
    """Let every sound die away slowly."""
    power, fall = _powers(level), 10 ** (-6 / (rng.uniform(0.2, 0.8) * 100))
    share, held = rng.uniform(0.05, 0.4), np.zeros(level.shape[1])
    echo = np.empty_like(power)
    for number, now in enumerate(power):
        held = held * fall + now * (1 - fall)
        echo[number] = held
    return _levels(power + 3 * share * echo)


def _beside(level, others, rng, quietest):
    other = others[rng.integers(len(others))]
    start = rng.integers(len(other))
    rows = np.take(other, np.arange(start, start + len(level)), 0, mode="wrap")
    loud, own = (np.percentile(one[:, BANDS], 90) for one in (rows, level))
    return _levels(_powers(level) + _powers(rows + (own - loud - rng.uniform(quietest, quietest + 18))))
