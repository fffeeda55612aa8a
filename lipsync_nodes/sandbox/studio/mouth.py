"""Speech → mouth: how far the mouth is open at each moment. One function, to be replaced by a learned one."""

from __future__ import annotations

import numpy as np

from lipsync_nodes.sandbox.studio.arrays import Floats, floats
from lipsync_nodes.sandbox.studio.sound import SPEECH_RATE

CURVE_RATE = 100
"""Values per second of a mouth curve."""

_HOP = SPEECH_RATE // CURVE_RATE
_WINDOW = 400  # 25 ms
_FFT = 512
_CHUNK = 2000  # frames analysed at once, so that long clips need no more memory than short ones
_FREQUENCY = np.fft.rfftfreq(_FFT, 1 / SPEECH_RATE)
_VOWEL = np.interp(_FREQUENCY, [200, 400, 1000, 3000, 4000], [0, 1, 1, 0.3, 0])  # the first formants
_MURMUR = (_FREQUENCY > 60) & (_FREQUENCY < 300)  # noqa: PLR2004 - hertz; closed lips hum down here
_HISS = _FREQUENCY > 4000  # noqa: PLR2004 - hertz; s and sh are said with the teeth closed
_SPEECH = (_FREQUENCY > 300) & (_FREQUENCY < 3500)  # noqa: PLR2004 - hertz
_RANGE_DB = 30.0  # from a closed to an open mouth
_SILENCE_DB = -60.0  # there is no speech in a clip below this


def mouth_curve(audio: Floats) -> Floats:
    """Give the opening of the mouth, from 0 (closed) to 1, at the times ``i / CURVE_RATE``.

    ``audio`` is mono at SPEECH_RATE. An open mouth lets the formants out: their energy, relative to the
    clip's own loudest vowels, is the opening. Humming, hissing and broadband noise count little. Independent
    of the clip's gain.
    """
    vowel, share, tonal = _features(audio)
    level = 10 * np.log10(vowel + 1e-12)
    loud, floor = np.percentile(level, 95), np.percentile(level, 10)
    if loud < _SILENCE_DB:
        return np.zeros(len(level), np.float32)
    bottom = max(loud - _RANGE_DB, min(floor + 6, loud - 6))
    raw = np.clip((level - bottom) / (loud - bottom), 0, 1) ** 1.3 * share**0.7 * tonal
    smooth = np.convolve(raw, _bell(9), mode="same")
    return floats(np.clip(smooth / max(0.3, np.percentile(smooth, 96)), 0, 1))


def opening_at(curve: Floats, times: Floats) -> Floats:
    """Sample a mouth curve at ``times`` in seconds; outside the clip the mouth is closed."""
    own = np.arange(len(curve)) / CURVE_RATE
    return floats(np.interp(times, own, curve, left=0, right=0))


def _features(audio: Floats) -> tuple[Floats, ...]:
    """Vowel energy, the share of vowels in all energy, and tonality (0 for noise, 1 for voice), per frame."""
    padded = np.pad(audio, (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][: len(audio) // _HOP + 1]
    parts = [_chunk(frames[i : i + _CHUNK]) for i in range(0, len(frames), _CHUNK)]
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _chunk(frames: Floats) -> tuple[Floats, ...]:
    """Compute the features of a few frames, each (frames,)."""
    window = np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames * window, _FFT)) ** 2 / np.sum(window) ** 2
    vowel = power @ _VOWEL
    rest = 0.5 * power[:, _MURMUR].sum(1) + power[:, _HISS].sum(1)
    band = power[:, _SPEECH] + 1e-14
    flatness = np.exp(np.log(band).mean(1)) / band.mean(1)
    tonal = np.clip((0.45 - flatness) / 0.25, 0, 1)
    return floats(vowel), floats(vowel / (vowel + rest + 1e-12)), floats(tonal)


def _bell(length: int) -> Floats:
    """Zero-phase smoothing kernel: lips take some 50 ms to get anywhere."""
    bell = np.hanning(length + 2)[1:-1]
    return floats(bell / bell.sum())
