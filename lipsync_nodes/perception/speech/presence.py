"""Where there is speech in a sound, and where there is music, noise or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.speech.curve import load_layers, poses_of, run
from lipsync_nodes.perception.speech.features import BANDS, RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = Path(__file__).parent / "weights" / "voice.npz"
"""Trained by tests/quality/train_voice.py, which also creates the training data."""

TRAITS = 155
"""How many values the network judges a window by."""

_WINDOW, _HOP = 150, 25  # frames: 1.5 s of sound are judged, four times a second
_MANY = 400  # windows that are judged at once, so that long clips need little memory
_RANGE_DB = 50.0  # within a window, what is quieter by more counts as silence
_FAINT_DB = -62.0  # a window whose loud parts are quieter is silent
_BUMPS = ((1, 3), (3, 6), (6, 12), (12, 24), (24, 75))  # how often the sound swells, in steps of 2/3 Hz
_PAIRS = np.triu_indices(5, 1)
_SHAPES = 8
_COSINES = np.cos(np.pi * np.outer(np.arange(BANDS) + 0.5, np.arange(1, _SHAPES + 1)) / BANDS).astype(np.float32)
_LAGS = (5, 10, 20, 40)  # frames: a syllable has changed after some of them, a note has not
_BEAT = (20, 75)  # frames between two beats of music
_QUIET_DB = (-12, -25)
_LIKELY = 0.5
_SURE, _SURE_OF_WORD = 0.8, 0.5  # there is speech if it is so likely somewhere; the second is for clips of a word
_WORD = 4  # windows of such a clip
_STEADY = 3  # windows beside each other: a note or a call can be like speech for a shorter time
_PAUSE = 30  # frames: a shorter pause between words is part of the speech
_QUIETER_DB = 30.0  # than the speech around it: a pause


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
    likely = likelihoods(level)
    if not len(likely) or not _is_sure(likely):
        return Speech(np.zeros(len(level), np.bool_))
    spoken = np.repeat(likely > _LIKELY, _HOP)[_HOP // 2 :][: len(level)]
    spoken = np.pad(spoken, (0, len(level) - len(spoken)), "edge")
    loud = level[:, -1] > np.percentile(level[spoken, -1], 95) - _QUIETER_DB if spoken.any() else spoken
    near = np.convolve(loud & spoken, np.ones(2 * _PAUSE + 1))[_PAUSE:][: len(level)] > 0
    return Speech(near & spoken)


def _is_sure(likely: Floats) -> bool:
    """Return whether speech is likely for some time."""
    clear = np.clip(likely, 1e-4, 1 - 1e-4)
    odds, few = np.log(clear / (1 - clear)), min(_STEADY, max(len(likely) // _WORD, 1))
    steady = 1 / (1 + np.exp(-np.convolve(odds, np.ones(few) / few, "valid").max()))
    return bool(steady > (_SURE if len(likely) > _WORD else _SURE_OF_WORD))


def likelihoods(level: Floats) -> Floats:
    """Return how likely there is speech around each quarter of a second, from 0 to 1."""
    with np.load(WEIGHTS) as file:
        layers = load_layers(file)
    seen, loud = traits(level)
    return floats(run(layers, seen)[:, 0] * (loud > _FAINT_DB))


def traits(level: Floats) -> tuple[Floats, Floats]:
    """Return what the network judges speech by, (windows, values), and the loudness of each window in decibels."""
    poses = poses_of(level)
    if len(level) < 2 or poses is None:  # noqa: PLR2004
        return np.zeros((0, TRAITS), np.float32), np.zeros(0, np.float32)
    sound, mouth = _windows(level), _windows(poses)
    parts = [_of_windows(sound[i : i + _MANY], mouth[i : i + _MANY]) for i in range(0, len(sound), _MANY)]
    return floats(np.concatenate([seen for seen, _ in parts])), floats(np.concatenate([loud for _, loud in parts]))


def _windows(values: Floats) -> Floats:
    """Return the frames around each quarter of a second, (windows, columns, frames). The clip's ends are mirrored."""
    padded = np.pad(values, ((_WINDOW // 2, _WINDOW // 2), (0, 0)), "symmetric")
    return np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, 0)[: len(values) : _HOP]


def _of_windows(sound: Floats, mouth: Floats) -> tuple[Floats, Floats]:
    loud = np.percentile(sound[:, BANDS], 95, axis=1)
    level = np.maximum(sound - loud[:, None, None], -_RANGE_DB)
    bands, total = level[:, :BANDS], level[:, BANDS]
    seen = [
        (bands.mean(2) - total.mean(1)[:, None]) / 10,
        bands.std(2) / 10,
        np.abs(np.diff(bands, axis=2)).mean(2) / 4,
        _of_total(total),
        *_of_groups(bands, total),
        _of_mouth(mouth),
        *_of_shapes(bands),
        _of_rhythm(total),
    ]
    return floats(np.concatenate(seen, 1)), floats(loud)


def _of_total(total: Floats) -> Floats:
    low, middle = np.percentile(total, (20, 50), axis=1)
    steps = np.abs(np.diff(total, axis=1)).mean(1)
    return floats(np.stack([total.mean(1), total.std(1), 3 * steps, low, middle], 1) / 10)


def _of_groups(bands: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Return how often the lower and higher bands swell, and how much they do so together."""
    edges = ((0, 6), (6, 12), (12, 18), (18, BANDS))
    groups = np.stack([total, *(bands[:, low:high].mean(1) for low, high in edges)], 1)
    groups -= groups.mean(2, keepdims=True)
    power = np.abs(np.fft.rfft(groups * np.hanning(_WINDOW), axis=2)) ** 2
    bumps = np.stack([power[..., low:high].sum(2) for low, high in _BUMPS], 2)
    bumps = np.log10(bumps / (power[..., 1:].sum(2, keepdims=True) + 1e-3) + 1e-3)
    even = groups / (groups.std(2, keepdims=True) + 0.5)
    alike = np.einsum("kit,kjt->kij", even, even) / _WINDOW
    return floats(bumps.reshape(len(bumps), -1)), floats(alike[:, _PAIRS[0], _PAIRS[1]])


def _of_shapes(bands: Floats) -> tuple[Floats, ...]:
    """Return how much and how fast the spectrum changes its shape, and how alike it is some time later."""
    shapes = np.einsum("wbt,bk->wkt", bands, _COSINES) / BANDS
    even = shapes - shapes.mean(2, keepdims=True)
    power = (even**2).sum((1, 2)) / _WINDOW + 0.01
    alike = [(even[..., lag:] * even[..., :-lag]).sum((1, 2)) / (_WINDOW - lag) / power for lag in _LAGS]
    steps = np.abs(np.diff(shapes, axis=2)).mean(2)
    return floats(shapes.std(2) / 2), floats(steps), floats(np.stack(alike, 1))


def _of_rhythm(total: Floats) -> Floats:
    """Return how regular the beat is, and how much of the time it is quieter."""
    starts = np.maximum(np.diff(total, axis=1), 0)
    starts -= starts.mean(1, keepdims=True)
    power = np.abs(np.fft.rfft(starts, 2 * _WINDOW)) ** 2
    again = np.fft.irfft(power)[:, : _BEAT[1]]
    beat = again[:, _BEAT[0] :].max(1) / (again[:, 0] + 1)
    quiet = [(total < below).mean(1) for below in _QUIET_DB]
    return floats(np.stack([beat, *quiet], 1))


def _of_mouth(poses: Floats) -> Floats:
    """Return what a mouth would do that spoke it."""
    opened = poses[:, 0] * (1 - poses[:, 3])
    steps = np.abs(np.diff(opened, axis=1)).mean(1)
    moves = np.stack([3 * opened.mean(1), 3 * opened.std(1), opened.max(1), 20 * steps], 1)
    return floats(np.concatenate([poses.mean(2), 2 * poses.std(2), moves], 1))
