"""Recordings of people to train by, from Debian's packages: a Russian reader, and readers of English."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lipsync_nodes.perception.speech.sound import read_speech
from tests.quality.voices import RATE

FESTVOX = Path("/usr/share/festival/voices/russian/msu_ru_nsh_clunits/wav")
SPHINX = Path("/usr/share/pocketsphinx/test/data")
_WORD = 0.18  # seconds with sound, at least
_PAUSE = 0.12  # seconds between words
_LOUD_DB = 30.0


def russian(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Give sentences of festvox-ru, six seconds of each."""
    files = sorted(FESTVOX.glob("*.wav"))
    for number in rng.choice(len(files), count, replace=False):
        yield read_speech(files[number])[: 6 * RATE]


def english() -> Iterator[np.ndarray]:
    """Give the sentences of pocketsphinx-testdata: a reader of LibriVox and some of Carnegie Mellon."""
    for file in sorted(SPHINX.glob("*/*.wav")):
        yield read_speech(file)[: 8 * RATE]


def words_of(samples: np.ndarray) -> list[np.ndarray]:
    """Cut a sentence where the speaker pauses."""
    step = RATE // 100
    power = (samples[: len(samples) // step * step].reshape(-1, step) ** 2).mean(1)
    level = 10 * np.log10(power + 1e-10)
    loud = level > np.percentile(level, 95) - _LOUD_DB
    width = int(100 * _PAUSE)
    near = np.convolve(loud, np.ones(width), "same") > 0
    edges = np.flatnonzero(np.diff(near.astype(int), prepend=0, append=0)).reshape(-1, 2)
    return [samples[first * step : last * step] for first, last in edges if last - first > 100 * _WORD + width]
