"""Sounds for the checks: the shipped voices, changed in many ways, and what is no voice."""

from __future__ import annotations

import functools
import wave

import av
import numpy as np

from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox import MEDIA

RATE = 16_000


@functools.cache
def voice(side="left"):
    """Return a reader's sentence of about five seconds."""
    return read_speech(MEDIA / f"speech_{side}.mp3")


def long_voice(seconds=10.0):
    """Return both readers' sentences, over and over."""
    both = np.concatenate([voice("left"), silence(0.3), voice("right"), silence(0.3)])
    return np.tile(both, int(seconds * RATE / len(both)) + 1)[: int(seconds * RATE)]


def silence(seconds, level=0.0, seed=0):
    return np.random.default_rng(seed).normal(0, level, int(seconds * RATE)).astype(np.float32)


def times(seconds=6.0):
    return np.arange(int(seconds * RATE)) / RATE


def loud(samples, peak=0.5):
    return (samples / np.abs(samples).max() * peak).astype(np.float32)


def band(samples, low, high):
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum * ((hertz > low) & (hertz < high)), len(samples)).astype(np.float32)


def noise(slope=0.0, seconds=6.0, seed=1):
    """Return white (0), pink (0.5) or brown (1) noise."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=int(seconds * RATE)))
    return loud(np.fft.irfft(spectrum * np.arange(1, len(spectrum) + 1.0) ** -slope, int(seconds * RATE)))


def rain(seed=2):
    rng, fall = np.random.default_rng(seed), 0.3 * band(noise(0.2, seed=seed), 400, 7900)
    return loud(fall + hits(rng.uniform(0, 5.9, 600), lambda n: rng.normal(size=n) * rng.uniform(0.1, 1), 90))


def hits(starts, sound, fall, seconds=6.0, length=0.25):
    """Play a short sound that dies away at each of these times."""
    total, count = np.zeros(int((seconds + length) * RATE)), int(length * RATE)
    for start in starts:
        place = int(start * RATE)
        total[place : place + count] += sound(count) * np.exp(-np.arange(count) / RATE * fall)
    return total[: int(seconds * RATE)]


def wind(seed=3):
    return loud(band(noise(0.9, seed=seed), 40, 1500) * (1 + 0.8 * np.sin(2 * np.pi * 0.4 * times())))


def hum(base=50, seed=4):
    rng = np.random.default_rng(seed)
    return loud(sum(np.sin(2 * np.pi * base * n * times()) * rng.uniform(0.2, 1) / n for n in range(1, 10)))


def tone(hertz=440.0):
    return loud(np.sin(2 * np.pi * hertz * times()))


def sweep(low=100, high=6000):
    return loud(np.sin(2 * np.pi * np.cumsum(low * (high / low) ** (times() % 2 / 2)) / RATE))


def siren():
    return loud(np.sin(2 * np.pi * np.cumsum(800 + 300 * np.sin(2 * np.pi * 0.6 * times())) / RATE))


def clicks(step=0.5, seed=5):
    rng = np.random.default_rng(seed)
    return loud(hits(np.arange(0, 5.9, step), lambda n: rng.normal(size=n), 900))


def typing(seed=6):
    rng = np.random.default_rng(seed)
    return loud(hits(np.cumsum(rng.exponential(0.15, 38) + 0.03) % 5.9, lambda n: rng.normal(size=n), 300))


def applause(seed=7):
    rng = np.random.default_rng(seed)
    clap = lambda n: band(rng.normal(size=n), rng.uniform(500, 900), rng.uniform(2000, 5000)) * rng.uniform(0.2, 1)  # noqa: E731
    return loud(hits(rng.uniform(0, 5.9, 900), clap, 90))


def drums(beat=0.25, seed=8):
    rng = np.random.default_rng(seed)
    beats = np.arange(0, 5.9, beat)
    thump = hits(beats[::4], lambda n: np.sin(2 * np.pi * 55 * np.arange(n) / RATE), 12)
    snare = hits(beats[2::4], lambda n: rng.normal(size=n) + np.sin(2 * np.pi * 190 * np.arange(n) / RATE), 18)
    hat = hits(beats, lambda n: np.diff(rng.normal(size=n + 1)), 50)
    return loud(thump + 0.5 * snare + 0.2 * hat)


def birds(seed=9):
    rng, total = np.random.default_rng(seed), np.zeros(int(6.4 * RATE))
    for start in rng.uniform(0, 5.9, 25):
        since = np.arange(int(rng.uniform(0.05, 0.3) * RATE)) / RATE
        pitch = rng.uniform(2200, 5000) + rng.uniform(100, 900) * np.sin(2 * np.pi * rng.uniform(4, 25) * since)
        place = int(start * RATE)
        total[place : place + len(since)] += np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.hanning(len(since))
    return loud(total[: 6 * RATE] + 0.01 * np.random.default_rng(seed).normal(size=6 * RATE))


def music(step=0.4, fall=3.0, seed=10):
    """Return chords that are struck, or held where they fall slowly."""
    rng, total = np.random.default_rng(seed), np.zeros(6 * RATE)
    for start in np.arange(0, 6, step):
        since = times() - start
        shape = np.where(since >= 0, np.exp(-np.maximum(since, 0) * fall), 0) * np.clip(since * 100, 0, 1)
        root = 110 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 12, 14]) / 12)
        for note in (0, 4, 7):
            for n in range(1, 6):
                total += shape * np.sin(2 * np.pi * root * 2 ** (note / 12) * n * times()) / n**1.5
    return loud(total)


def melody(fall=2.0, seed=11):
    """Return one note after the other, with the overtones of a string."""
    rng = np.random.default_rng(seed)
    notes = np.repeat(220 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 24) / 12), RATE // 4)
    phase = np.cumsum(notes) / RATE
    return loud(sum(np.sin(2 * np.pi * phase * n) / n for n in range(1, 12)) * np.exp(-(times() % 0.25) * fall))


def organ(seed=12):
    return music(step=2.0, fall=0.2, seed=seed)


def ringing():
    both = np.sin(2 * np.pi * 440 * times()) + np.sin(2 * np.pi * 480 * times())
    return loud(both * (times() % 3 < 1))


def morse(seed=13):
    keyed = np.repeat(np.random.default_rng(seed).integers(0, 2, 75), RATE * 8 // 100)
    return loud(np.sin(2 * np.pi * 700 * times()) * keyed[: 6 * RATE])


def swelling_noise(rate=4.0):
    """Return noise that swells as often as syllables do."""
    return loud(noise() * (1 + np.sin(2 * np.pi * rate * times())))


def engine(seed=14):
    pitch = np.cumsum(60 * (1 + 0.3 * np.sin(2 * np.pi * 0.2 * times()))) / RATE
    rng = np.random.default_rng(seed)
    return loud(sum(np.sin(2 * np.pi * pitch * n) * rng.uniform(0.2, 1) / n for n in range(1, 25)) + 0.3 * noise(0.5))


def mixed(samples, other, decibels):
    """Put another sound under a voice, that much quieter."""
    under = np.resize(other, len(samples))
    level = np.sqrt((samples**2).mean() / (under**2).mean()) * 10 ** (-decibels / 20)
    return (samples + level * under).astype(np.float32)


def pitched(samples, factor):
    """Play a voice faster, as if by a shorter throat."""
    count = int(len(samples) / factor)
    return np.interp(np.arange(count) * factor, np.arange(len(samples)), samples).astype(np.float32)


def in_room(samples, seed=15):
    rng = np.random.default_rng(seed)
    echo = np.exp(-np.arange(5000) / 1200) * rng.normal(size=5000) * 0.05
    echo[0] = 1
    return np.convolve(samples, echo)[: len(samples)].astype(np.float32)


def resounded(samples, source):
    """Say the same with another source than the vocal cords: noise for a whisper, a note for a song."""
    size, hop = 400, 100
    window, total = np.hanning(size), np.zeros(len(samples) + size)
    for place in range(0, len(samples) - size, hop):
        heard = np.abs(np.fft.rfft(samples[place : place + size] * window))
        cepstrum = np.fft.irfft(np.log(heard + 1e-5))
        cepstrum[30:-29] = 0
        shape = np.exp(np.fft.rfft(cepstrum).real)
        given = np.fft.rfft(source[place : place + size] * window)
        total[place : place + size] += np.fft.irfft(given * shape, size) * window
    return loud(total[: len(samples)])


def whisper(samples):
    return resounded(samples, np.random.default_rng(16).normal(size=len(samples)))


def song(samples):
    """Sing it: each note is held, with a vibrato."""
    since = np.arange(len(samples)) / RATE
    notes = np.array([0, 2, 4, 7, 5, 4, 2, 0, -3, 0])[(since / 0.45).astype(int) % 10]
    pitch = 196 * 2 ** (notes / 12) * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * since))
    return resounded(samples, np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0) + 1e-3)


def save(path, samples, rate=RATE, bits=16):
    """Write a WAV file of one channel, or of a list of channels."""
    channels = samples if isinstance(samples, list) else [samples]
    length = min(map(len, channels))
    values = np.stack([np.clip(one[:length], -1, 1) for one in channels], 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        if bits == 8:
            file.writeframes((values * 127 + 128).astype("u1").tobytes())
        else:
            file.writeframes((values * 32767).astype("<i2").tobytes())
    return path


def encode(path, samples, codec, rate=RATE, bit_rate=64_000, layout="mono"):
    """Write a compressed file; the codec's container is that of the name."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.clip(samples, -1, 1)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format, layout, rate, frame_size=stream.codec_context.frame_size or 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path
