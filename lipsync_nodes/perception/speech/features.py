"""The input of the network: the loudness of 26 frequency bands and the total, relative to the speech in the clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception import MediaError
from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.speech.sound import SPEECH_RATE, speech_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

RATE = 100
"""Frames per second."""
BANDS = 26
AROUND = (-14, -9, -6, -3, -1, 0, 1, 3, 6, 9, 14)
"""The frames that the network sees beside each one: 140 ms in each direction, denser near it."""

_HOP = SPEECH_RATE // RATE
_WINDOW, _FFT = 400, 512  # 25 ms
_CHUNK = 1000  # frames analysed at once, so that long clips need little memory
_SILENCE_DB = -60.0  # a clip whose loudest parts are below this has no speech
_RANGE_DB = 60.0  # sound that is quieter than the loudest parts by more than this counts as silence
_ACTIVE_DB = 35.0  # sound within this distance of them counts as speech; its mean spectrum is subtracted


def features(level: Floats) -> Floats | None:
    """Return the input of the network, (frames, 27), for the levels of a clip; None if the whole clip is silent.

    The values are relative to the clip's loudest parts and to its mean spectrum, so that gain and microphone do not
    matter. That needs the whole clip.
    """
    if is_silent(level):
        return None
    loud = float(np.percentile(level[:, -1], 95))
    level = floats(np.maximum(level, loud - _RANGE_DB) - loud)
    active = level[level[:, -1] > -_ACTIVE_DB]
    level[:, :BANDS] -= active[:, :BANDS].mean(0)
    return floats(level / 20)


def in_context(frames: Floats, first: int, last: int) -> Floats:
    """Return the frames from ``first`` to ``last`` with those around each, (frames, 27 * len(AROUND)).

    The clip's ends are repeated.
    """
    places = np.arange(first, min(last, len(frames)))[:, None] + np.array(AROUND)
    return floats(frames[np.clip(places, 0, len(frames) - 1)].reshape(len(places), -1))


def levels(blocks: Iterable[Floats]) -> Floats:
    """Return the loudness of the bands and the total in decibels, (rows, frames, 27), RATE times a second.

    ``blocks`` are samples (channels, n) at SPEECH_RATE. One channel gives one row. Two give three: left, right, and
    what is left of them in a mono mix.
    """
    parts = [_decibels(_powers(frames)) for frames in _windows(blocks)]
    return floats(np.concatenate(parts, 1)) if parts else np.zeros((1, 0, BANDS + 1), np.float32)


def heard(path: Path, what: str = "audio", *, gaps: bool = False) -> Floats:
    """Return the levels of a sound file, (frames, 27), its channels mixed by energy.

    With ``gaps``, there is silence where the time stamps have a gap, as in a player.
    """
    level = by_energy(levels(speech_blocks(path, what, gaps=gaps)))
    if not len(level):
        raise MediaError(code="preview.no_length", media=what)
    return level


def by_energy(level: Floats) -> Floats:
    """Mix the rows of ``levels`` by their energy, (frames, 27). Channels that cancel each other are heard.

    Of each band it takes the sum of the channels or their difference, the one with more energy: the sum alone loses
    what cancels, and the mean energy of the channels has more of their noise.
    """
    if len(level) == 1:
        return floats(level[0])
    left, right, mono = 10 ** (level / 10)
    return _decibels(floats(np.maximum(mono, (left + right) / 2 - mono)))


def is_silent(level: Floats) -> bool:
    """Return whether the loudest parts of a clip are too quiet for speech."""
    return bool(np.percentile(level[:, -1], 95) < _SILENCE_DB)


def _windows(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """Cut the samples into overlapping windows, (channels, frames, samples), some thousands at a time."""
    held: list[Floats] = []
    waiting, total, given = 0, 0, 0
    for block in blocks:
        # A clip that begins within a sound must not look like its start: its ends are mirrored.
        piece = block if total else np.pad(block, ((0, 0), (_WINDOW // 2, 0)), "symmetric")
        held.append(piece)
        waiting, total = waiting + piece.shape[1], total + block.shape[1]
        if waiting >= _WINDOW + _CHUNK * _HOP:
            samples = np.concatenate(held, 1)
            yield _cut(samples, _CHUNK)
            held, given = [samples[:, _CHUNK * _HOP :]], given + _CHUNK
            waiting = held[0].shape[1]
    if total:
        samples = np.pad(np.concatenate(held, 1), ((0, 0), (0, _WINDOW)), "symmetric")
        yield _cut(samples, total // _HOP + 1 - given)


def _cut(samples: Floats, count: int) -> Floats:
    return floats(np.lib.stride_tricks.sliding_window_view(samples, _WINDOW, 1)[:, ::_HOP][:, :count])


def _powers(frames: Floats) -> Floats:
    """Return the power of the bands and the total, (rows, frames, 27)."""
    window = np.hanning(_WINDOW).astype(np.float32)
    spectra = np.fft.rfft(frames * window, _FFT)
    if len(spectra) > 1:
        spectra = np.concatenate([spectra, spectra.mean(0, keepdims=True)])
    power = floats(np.abs(spectra) ** 2 / float(window.sum()) ** 2)
    return np.concatenate([power @ _MEL, power.sum(2, keepdims=True)], 2)


def _decibels(power: Floats) -> Floats:
    return floats(10 * np.log10(power + 1e-14))


def _mel() -> Floats:
    """Return triangular filters of equal width on the mel scale, from 60 Hz to 7.6 kHz, (257, 26)."""
    hertz = np.fft.rfftfreq(_FFT, 1 / SPEECH_RATE)
    low, high = (2595 * float(np.log10(1 + hertz / 700)) for hertz in (60, 7600))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    rise = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    return floats(np.clip(np.minimum(rise, fall), 0, None))


_MEL = _mel()
