"""Sounds that no mouth makes, and noise to put over those that it does; mono samples at 16 kHz."""

from __future__ import annotations

import numpy as np

RATE = 16_000


def silence(seconds: float, seed: int = 0) -> np.ndarray:
    """Give nothing."""
    return np.zeros(int(seconds * RATE), np.float32)


def noise(seconds: float, seed: int) -> np.ndarray:
    """Give noise of some colour, that swells and fades a little."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=int(seconds * RATE)))
    spectrum *= np.arange(1, len(spectrum) + 1.0) ** -rng.uniform(0, 1)
    swell = 1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * rng.uniform(0.2, 2) * _times(seconds))
    return _loud(np.fft.irfft(spectrum, int(seconds * RATE)) * swell, rng)


def hum(seconds: float, seed: int) -> np.ndarray:
    """Give a tone with some overtones or none, as mains and engines hum."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(50, 600)
    tones = [
        np.sin(2 * np.pi * base * n * _times(seconds)) * rng.uniform(0, 1) / n for n in range(1, rng.integers(2, 9))
    ]
    return _loud(np.sum(tones, 0) + rng.normal(size=len(tones[0])) * rng.choice([0, 1e-4, 1e-2]), rng)


def music(seconds: float, seed: int) -> np.ndarray:
    """Give chords that are struck and die away, with drums under them half the time."""
    rng = np.random.default_rng(seed)
    times, total, at = _times(seconds), np.zeros(int(seconds * RATE)), 0.0
    while at < seconds:
        since = times - at
        root = 110 * 2 ** (rng.integers(0, 24) / 12)
        fall = np.where(since >= 0, np.exp(-np.maximum(since, 0) * rng.uniform(1, 6)), 0)
        for step in (0, rng.choice([3, 4]), 7, 12):
            pitch = root * 2 ** (step / 12)
            for n in range(1, 6):
                total += fall * np.sin(2 * np.pi * pitch * n * times + rng.uniform(0, 6)) / n ** rng.uniform(1, 2)
        at += rng.uniform(0.2, 1.0)
    total /= np.abs(total).max()
    return _loud(total + (0.5 * drums(seconds, seed) if seed % 2 else 0), rng)


def drums(seconds: float, seed: int) -> np.ndarray:
    """Give a beat of thumps and hisses."""
    rng = np.random.default_rng(seed)
    times, beat = _times(seconds), rng.uniform(0.2, 0.5)
    thump = np.sin(2 * np.pi * 60 * times) * np.exp(-(times % (2 * beat)) * 12)
    hiss = rng.normal(size=len(times)) * np.exp(-((times + beat) % (2 * beat)) * 25)
    return _loud(thump + 0.4 * hiss, rng)


def with_noise(samples: np.ndarray, decibels: float, rng: np.random.Generator) -> np.ndarray:
    """Put white noise under a sound, that many decibels below it."""
    level = np.sqrt(np.mean(samples**2)) * 10 ** (-decibels / 20)
    return (samples + rng.normal(size=len(samples)) * level).astype(np.float32)


def _times(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * RATE)) / RATE


def _loud(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (samples / np.abs(samples).max() * rng.uniform(0.05, 0.8)).astype(np.float32)
