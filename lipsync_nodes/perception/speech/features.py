"""The input of the network: the loudness of 26 frequency bands and the total, relative to the speech in the clip."""

from __future__ import annotations

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.speech.sound import SPEECH_RATE

RATE = 100
"""Frames per second."""
BANDS = 26
AROUND = (-14, -9, -6, -3, -1, 0, 1, 3, 6, 9, 14)
"""The frames that the network sees beside each one: 140 ms in each direction, denser near it."""

_HOP = SPEECH_RATE // RATE
_WINDOW, _FFT = 400, 512  # 25 ms
_CHUNK = 2000  # frames analysed at once, so that long clips need little memory
_SILENCE_DB = -60.0  # a clip whose loudest parts are below this has no speech
_RANGE_DB = 60.0  # sound that is quieter than the loudest parts by more than this counts as silence
_ACTIVE_DB = 35.0  # sound within this distance of them counts as speech; its mean spectrum is subtracted


def features(audio: Floats) -> Floats | None:
    """Return (frames, 27) for mono samples at SPEECH_RATE; None if the whole clip is silent.

    The values are relative to the clip's loudest parts and to its mean spectrum, so that gain and microphone do not
    matter. That needs the whole clip.
    """
    level = _levels(audio)
    loud = float(np.percentile(level[:, -1], 95))
    if loud < _SILENCE_DB:
        return None
    level = floats(np.maximum(level, loud - _RANGE_DB) - loud)
    active = level[level[:, -1] > -_ACTIVE_DB]
    level[:, :BANDS] -= active[:, :BANDS].mean(0)
    return floats(level / 20)


def in_context(frames: Floats) -> Floats:
    """Return each frame with those around it, (frames, 27 * len(AROUND)). The clip's ends are repeated."""
    places = np.arange(len(frames))[:, None] + np.array(AROUND)
    return floats(frames[np.clip(places, 0, len(frames) - 1)].reshape(len(frames), -1))


def _levels(audio: Floats) -> Floats:
    """Return the loudness of the bands and the total, in decibels, (frames, 27)."""
    padded = np.pad(
        audio, (_WINDOW // 2, _WINDOW), "symmetric"
    )  # a clip that begins within a sound must not look like its start
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][: len(audio) // _HOP + 1]
    return np.concatenate([_chunk(frames[i : i + _CHUNK]) for i in range(0, len(frames), _CHUNK)])


def _chunk(frames: Floats) -> Floats:
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, _FFT)) ** 2 / float(window.sum()) ** 2
    bands = np.column_stack([power @ _MEL, power.sum(1)])
    return floats(10 * np.log10(bands + 1e-14))


def _mel() -> Floats:
    """Return triangular filters of equal width on the mel scale, from 60 Hz to 7.6 kHz, (257, 26)."""
    hertz = np.fft.rfftfreq(_FFT, 1 / SPEECH_RATE)
    low, high = (2595 * float(np.log10(1 + hertz / 700)) for hertz in (60, 7600))
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    rise = (hertz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - hertz[:, None]) / np.diff(edges)[1:]
    return floats(np.clip(np.minimum(rise, fall), 0, None))


_MEL = _mel()
