"""Noise to train by: sounds that no mouth makes, each drawn by a generator of random numbers; mono at 16 kHz."""

from __future__ import annotations

import numpy as np

from tests.check.sounds import band

RATE = 16_000
_ROUND = 2 * np.pi


def times(seconds):
    return np.arange(int(seconds * RATE)) / RATE


def made(make, seconds, rng):
    """Make a sound of a kind, more or less loud."""
    samples = make(seconds, rng)
    return (samples / np.abs(samples).max() * rng.uniform(0.08, 0.8)).astype(np.float32)


def coloured(seconds, rng, slope):
    """Make noise whose spectrum falls: white (0), pink (0.5), brown (1)."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum *= np.arange(1, len(spectrum) + 1.0) ** -slope
    return np.fft.irfft(spectrum, count)


def tone_of(hertz):
    """Make a tone whose pitch may change from sample to sample."""
    return np.sin(_ROUND * np.cumsum(hertz) / RATE)


def laid(seconds, sounds):
    """Lay sounds at their times, (start, samples), over each other."""
    total = np.zeros(int(seconds * RATE))
    for start, samples in sounds:
        place = int(start * RATE)
        room = total[place : place + len(samples)]
        room += samples[: len(room)]
    return total


def struck(rng, count, fall):
    """Make noise that dies away."""
    return rng.normal(size=count) * np.exp(-np.arange(count) / fall)


def white(seconds, rng):
    return coloured(seconds, rng, 0)


def pink(seconds, rng):
    return coloured(seconds, rng, 0.5)


def brown(seconds, rng):
    return coloured(seconds, rng, 1.0)


def rain(seconds, rng):
    fall = band(coloured(seconds, rng, 0.2), 400, 7900) * 0.3
    counts = rng.integers(40, 400, int(seconds * rng.integers(20, 200)))
    drops = [(rng.uniform(0, seconds), struck(rng, n, n / 5) * rng.uniform(0.2, 2)) for n in counts]
    return fall + laid(seconds, drops)


def wind(seconds, rng):
    gusts = 1 + 0.8 * np.sin(_ROUND * rng.uniform(0.1, 0.6) * times(seconds) + rng.uniform(0, 6))
    return band(coloured(seconds, rng, 0.9), 40, 1500) * gusts


def sea(seconds, rng):
    swell = 0.1 + np.abs(np.sin(np.pi * rng.uniform(0.1, 0.3) * times(seconds))) ** 2
    return band(coloured(seconds, rng, 0.5), 60, 6000) * swell


def hum(seconds, rng):
    base, since = rng.choice([50, 60, 100, 120]), times(seconds)
    tones = [np.sin(_ROUND * base * n * since + rng.uniform(0, 6)) * rng.uniform(0, 1) / n for n in range(1, 12)]
    return sum(tones) + rng.normal(size=len(since)) * rng.choice([0, 0.01, 0.05])


def engine(seconds, rng):
    pitch = rng.uniform(30, 120) * (1 + 0.3 * np.sin(_ROUND * rng.uniform(0.05, 0.5) * times(seconds)))
    tones = [tone_of(n * pitch) * rng.uniform(0.2, 1) / n for n in range(1, 30)]
    return sum(tones) + 0.09 * coloured(seconds, rng, 0.5)


def tone(seconds, rng):
    return np.sin(_ROUND * rng.uniform(80, 4000) * times(seconds))


def tones(seconds, rng):
    return sum(tone(seconds, rng) for _ in range(4))


def sweep(seconds, rng):
    first, last = rng.uniform(50, 7000, 2)
    period = rng.choice([seconds, seconds / 2, 1, 0.5])
    return tone_of(first * (last / first) ** ((times(seconds) % period) / period))


def siren(seconds, rng):
    wail = rng.uniform(100, 400) * np.sin(_ROUND * rng.uniform(0.3, 4) * times(seconds))
    return tone_of(rng.uniform(500, 900) + wail)


def clicks(seconds, rng):
    starts = np.arange(0, seconds, rng.uniform(0.1, 1))
    counts = rng.integers(10, 200, len(starts))
    heard = laid(seconds, [(start, struck(rng, n, n / 4)) for start, n in zip(starts, counts, strict=True)])
    return heard + rng.normal(size=len(heard)) * rng.choice([0, 1e-3])


def typing(seconds, rng):
    starts = np.cumsum(rng.exponential(0.15, int(5.5 * seconds)) + 0.03)
    counts = rng.integers(100, 700, len(starts))
    keys = [(at, struck(rng, n, n / 5) * rng.uniform(0.3, 1)) for at, n in zip(starts, counts, strict=True)]
    return laid(seconds, [key for key in keys if key[0] < seconds]) + 0.003 * white(seconds, rng)


def applause(seconds, rng):
    def clap():
        count = rng.integers(200, 900)
        struck_hands = band(rng.normal(size=count), rng.uniform(500, 900), rng.uniform(2000, 5000))
        return struck_hands * np.exp(-np.arange(count) / (count / 5)) * rng.uniform(0.2, 1)

    return laid(seconds, [(rng.uniform(0, seconds), clap()) for _ in range(int(seconds * rng.integers(30, 400)))])


def drums(seconds, rng):
    since = times(0.25)
    thumps, snares = rng.integers(0, 2, 16), rng.integers(0, 2, 16)
    sounds = []
    for number, start in enumerate(np.arange(0, seconds, 60 / rng.uniform(70, 170) / rng.choice([2, 4]))):
        if thumps[number % 16]:
            sounds.append((start, np.sin(_ROUND * rng.uniform(45, 70) * since) * np.exp(-since * 12)))
        if snares[number % 16] and number % 2:
            snare = rng.normal(size=len(since)) + np.sin(_ROUND * 190 * since)
            sounds.append((start, 0.6 * snare * np.exp(-since * 18)))
        hat = np.diff(rng.normal(size=len(since) + 1))
        sounds.append((start, 0.25 * hat * np.exp(-since * rng.choice([15, 60]))))
    return laid(seconds, sounds)


def birds(seconds, rng):
    songs, start = [], 0.0
    while start < seconds:
        base, length = rng.uniform(1800, 5500), rng.uniform(0.04, 0.3)
        since = times(length)
        for _ in range(rng.integers(1, 6)):
            trill = rng.uniform(-900, 900) * np.sin(_ROUND * rng.uniform(3, 30) * since)
            note = tone_of(base + trill + rng.uniform(-2000, 2000) * since)
            songs.append((start, note * np.hanning(len(since)) * rng.uniform(0.3, 1)))
            start += length + rng.uniform(0.01, 0.1)
        start += rng.exponential(0.5)
    return laid(seconds, [song for song in songs if song[0] < seconds]) + 0.01 * white(seconds, rng)


def calls(seconds, rng):
    """Make the calls of a beast: one throat, that opens once for each call and forms no sounds."""
    base, length = np.exp(rng.uniform(np.log(70), np.log(1500))), rng.uniform(0.08, 1.2)
    formants, gap = rng.uniform(400, 3500, rng.integers(1, 4)), rng.uniform(0.05, 1.5)
    rough, rise = rng.choice([0, 0.1, 0.5]), rng.uniform(-0.5, 0.5)
    sounds, start = [], rng.uniform(0, 0.3)
    while start < seconds:
        count = int(length * rng.uniform(0.7, 1.3) * RATE)
        way = np.linspace(0, 1, count)
        bend = 1 + rise * way + rng.uniform(-0.3, 0.3) * np.sin(np.pi * way)
        throat = np.diff(np.floor(np.cumsum(base * rng.uniform(0.9, 1.1) * bend) / RATE), prepend=0)
        throat = throat * (1 + rough * rng.normal(size=count)) + 0.1 * rough * rng.normal(size=count)
        sounds.append((start, _through(throat, formants * rng.uniform(0.95, 1.05), rng) * np.sin(np.pi * way) ** 0.5))
        start += count / RATE + gap * rng.uniform(0.5, 1.5)
    return laid(seconds, sounds) + 1e-3 * white(seconds, rng)


def _through(samples, formants, rng):
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    shape = sum(1 / (1 + ((hertz - one) / rng.uniform(60, 400)) ** 2) for one in formants) + 0.01
    return np.fft.irfft(np.fft.rfft(samples) * shape, len(samples))


def swelling_noise(seconds, rng):
    return white(seconds, rng) * (1 + np.sin(_ROUND * rng.uniform(2, 8) * times(seconds)))


def swelling_tone(seconds, rng):
    base, swell = rng.uniform(100, 300), 1 + np.sin(_ROUND * rng.uniform(2, 8) * times(seconds))
    return sum(np.sin(_ROUND * base * n * times(seconds)) / n for n in range(1, 8)) * swell


def morse(seconds, rng):
    keyed = np.repeat(rng.integers(0, 2, int(seconds / 0.08) + 1), int(0.08 * RATE))[: int(seconds * RATE)]
    return np.sin(_ROUND * rng.uniform(400, 1000) * times(seconds)) * keyed


def ringing(seconds, rng):
    bell = np.sin(_ROUND * 440 * times(seconds)) + np.sin(_ROUND * 480 * times(seconds))
    return bell * ((times(seconds) % rng.uniform(2, 6)) < rng.uniform(0.4, 2))


def footsteps(seconds, rng):
    pace = rng.uniform(0.35, 0.7)
    starts = np.arange(0.1, seconds, pace) + rng.uniform(-0.05, 0.05) * pace
    sounds = [(start, band(struck(rng, 1920, 400), 60, 1200)) for start in starts]
    return laid(seconds, sounds) + 0.004 * white(seconds, rng)


def fan(seconds, rng):
    blades = sum(np.sin(_ROUND * hertz * times(seconds)) for hertz in rng.uniform(80, 600, 3))
    return 3 * coloured(seconds, rng, 0.7) + 0.02 * blades


def held_chords(seconds, rng):
    """Make the chords of a synthesizer, each of two seconds, that swell and fade."""
    total = np.zeros(int(seconds * RATE))
    for start in np.arange(0, seconds, 2):
        since = times(seconds) - start
        shape = np.clip(since * 2, 0, 1) * np.clip(2.2 - since, 0, 1)
        root = 110 * 2 ** (rng.integers(0, 12) / 12)
        for note in (0, 4, 7, 11):
            pitch = root * 2 ** (note / 12)
            total += shape * sum(
                np.sin(_ROUND * pitch * n * (1 + detuned) * times(seconds)) / n
                for n in range(1, 6)
                for detuned in (0, 0.003)
            )
    return total


def plucked_saw(seconds, rng):
    notes = 110 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12], int(seconds / 0.25) + 1) / 12) * rng.choice([1, 2, 4])
    phase = np.cumsum(np.repeat(notes, int(0.25 * RATE))[: int(seconds * RATE)]) / RATE
    return (2 * (phase % 1) - 1) * np.exp(-(times(seconds) % 0.25) * rng.uniform(0, 8))


def crickets(seconds, rng):
    chirp = ((times(seconds) * rng.uniform(15, 40)) % 1 < 0.5) & ((times(seconds) % rng.uniform(0.5, 1.2)) < 0.4)
    return np.sin(_ROUND * rng.uniform(3500, 5000) * times(seconds)) * chirp + 0.02 * white(seconds, rng)


KINDS = (
    white, pink, brown, rain, wind, sea, hum, engine, tone, tones, sweep, siren, clicks, typing, applause, drums, birds,
    calls, calls, calls, swelling_noise, swelling_tone, morse, ringing, footsteps, fan, held_chords, plucked_saw,
    crickets,
)  # fmt: skip
