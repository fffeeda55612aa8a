"""Gestures: nods, raised brows and looks aside, at the stresses and the ends of phrases in the speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats

if TYPE_CHECKING:
    from collections.abc import Iterable

_BELL = floats([1, 2, 3, 2, 1]) / 9  # frames: what smooths the opening of the mouth
# Seconds: a stress is the most open mouth within the first, and opener than usual in the second by so much.
_NEAR, _WIDE, _STRESSED = 0.25, 1.0, 0.12
# The mouth is closed below this opening, and after so many seconds of it a phrase has ended.
_SILENT, _PAUSE = 0.06, 0.28
_NODS, _RAISES = 0.9, 1.7  # seconds between two nods, and between two raises of the brows, at least
_KEPT = 0.75  # the share of the stresses that are shown
_DOWN, _UP = (0.16, 0.45), (0.14, 0.50)  # seconds: a nod goes down and comes back; the brows rise and fall
_GLANCES, _HELD = 2.8, (0.5, 1.8)  # seconds between two looks aside, at least, and how long they are held
_ASIDE = (-1.0, -0.7, 0.7, 1.0)  # how far aside
_EARLY = 0.08  # seconds: the brows are up a little before the stress


@dataclass(frozen=True, slots=True)
class Gestures:
    """How far the head is bent and the brows are up in each frame, from 0 to 1; where the eyes look, from -1 to 1."""

    nods: Floats
    brows: Floats
    gaze: Floats

    @classmethod
    def of(cls, opening: Floats, fps: float, seed: int, *, brows: bool = True) -> Gestures:
        """Choose gestures for the opening of the mouth in each frame. The seed chooses among what suits the speech.

        With ``brows`` off, the brows stay where they are.
        """
        rng = np.random.default_rng([seed % 2**63, 2])
        stresses = _stresses(opening, fps)
        kept = [(frame, size) for frame, size in stresses if rng.uniform() < _KEPT]
        ends = [(frame, 1.2) for frame in _ends(opening, fps)]
        nods = [(frame, 0.5 * size) for frame, size in kept]
        raises = [(frame - _EARLY * fps, size) for frame, size in kept if brows]
        return cls(
            _pulses(_spaced([*ends, *nods], _NODS * fps), len(opening), fps, _DOWN, rng),
            _pulses(_spaced(raises, _RAISES * fps), len(opening), fps, _UP, rng),
            _glances(_spaced([*ends, *kept], _GLANCES * fps), len(opening), fps, seed),
        )


def _stresses(opening: Floats, fps: float) -> list[tuple[float, float]]:
    """Return the frames of stressed syllables, and how strong each is, from 0 to 1."""
    calm = np.convolve(opening, _BELL, "same")[: len(opening)]
    near, wide = round(_NEAR * fps), round(_WIDE * fps)
    found = []
    for frame in range(len(calm)):
        around = calm[max(0, frame - wide) : frame + wide + 1]
        more = float(calm[frame] - around.mean())
        if more > _STRESSED and calm[frame] >= calm[max(0, frame - near) : frame + near + 1].max():
            found.append((float(frame), min(1.0, 0.4 + 1.5 * (more - _STRESSED))))
    return found


def _ends(opening: Floats, fps: float) -> list[float]:
    """Return the frames in which phrases end: the last ones before a pause, or before the end."""
    spoken = np.flatnonzero(opening > _SILENT)
    pauses = np.diff(np.append(spoken, len(opening) + round(_PAUSE * fps)))
    return [float(frame) for frame in spoken[pauses > _PAUSE * fps]]


def _spaced(moments: Iterable[tuple[float, float]], least: float) -> list[tuple[float, float]]:
    """Return the strongest moments that are this many frames apart."""
    chosen: list[tuple[float, float]] = []
    for frame, size in sorted(moments, key=lambda moment: (-moment[1], moment[0])):
        if all(abs(frame - other) >= least for other, _ in chosen):
            chosen.append((frame, size))
    return sorted(chosen)


def _glances(moments: list[tuple[float, float]], frames: int, fps: float, seed: int) -> Floats:
    """Return where the eyes look: aside from some moments on, and straight again. They need one frame for the way."""
    rng = np.random.default_rng([seed % 2**63, 3])
    curve = np.zeros(frames)
    for frame, _ in moments:
        start, held = round(frame), round(rng.uniform(*_HELD) * fps)
        aside = float(rng.choice(_ASIDE))
        curve[start : start + held] = aside
        curve[[min(start, frames - 1), min(start + held, frames - 1)]] = aside / 2
    return floats(curve)


def _pulses(
    moments: list[tuple[float, float]], frames: int, fps: float, times: tuple[float, float], rng: np.random.Generator
) -> Floats:
    """Return a curve that rises to each moment and falls after it, within the times in seconds."""
    curve = np.zeros(frames)
    for frame, size in moments:
        after = (np.arange(frames) - frame) / fps
        ramp = np.clip(np.where(after < 0, 1 + after / times[0], 1 - after / times[1]), 0, 1)
        curve = np.maximum(curve, min(1.0, size * rng.uniform(0.7, 1.0)) * ramp * ramp * (3 - 2 * ramp))
    return floats(curve)
