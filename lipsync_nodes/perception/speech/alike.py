"""Whether two sounds are the same one, at another level or by another coder."""

from __future__ import annotations

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats

_SHIFT = 30  # frames: coders add up to a tenth of a second at the start
_LENGTHS = 60  # frames that the lengths may differ by
_ALIKE = 0.9  # two readings of a text by the same voice have less than 0.7
_RANGE_DB = 40.0
_FEW = 20  # frames: shorter sounds are not compared


def same_sound(one: Floats, other: Floats) -> bool:
    """Return whether the levels of two clips, (frames, 27), are those of one sound."""
    if min(len(one), len(other)) < _FEW or abs(len(one) - len(other)) > _LENGTHS:
        return False
    first, second = _shape(one), _shape(other)
    return max(_correlation(first, second, shift) for shift in range(-_SHIFT, _SHIFT + 1)) > _ALIKE


def _shape(level: Floats) -> Floats:
    """Return how the bands rise and fall: what level and microphone do not change."""
    loud = float(np.percentile(level[:, -1], 95))
    bands = np.maximum(level[:, :-1], loud - _RANGE_DB) - loud
    return floats(bands - bands.mean(0))


def _correlation(one: Floats, other: Floats, shift: int) -> float:
    if shift < 0:
        one, other, shift = other, one, -shift
    length = min(len(one) - shift, len(other))
    left, right = one[shift : shift + length], other[:length]
    size = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum()) / size if size and length > len(one) // 2 else 0.0
