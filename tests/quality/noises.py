"""Noise and music to train by: sounds that no mouth makes, each with its own dice; mono samples at 16 kHz."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from lipsync_nodes.perception.speech.sound import read_speech
from tests.check.sounds import band

R = 16_000
_FONT = "/usr/share/sounds/sf2/TimGM6mb.sf2"


def times(s):
    return np.arange(int(s * R)) / R


def made(make, seconds, rng):
    """Make a sound of a kind, more or less loud."""
    samples = make(seconds, rng)
    return (samples / np.abs(samples).max() * rng.uniform(0.08, 0.8)).astype(np.float32)


def colour(s, rng, a):
    n = int(s * R)
    f = np.fft.rfft(rng.normal(size=n))
    f *= np.arange(1, len(f) + 1.0) ** -a
    return np.fft.irfft(f, n)


def white(s, r):
    return r.normal(size=int(s * R))


def pink(s, r):
    return colour(s, r, 0.5)


def brown(s, r):
    return colour(s, r, 1.0)


def rain(s, r):
    x = band(colour(s, r, 0.2), 400, 7900) * 0.3
    for _ in range(int(s * r.integers(20, 200))):
        i = r.integers(0, len(x) - 800)
        n = r.integers(40, 400)
        x[i : i + n] += np.exp(-np.arange(n) / (n / 5)) * r.normal(size=n) * r.uniform(0.2, 2)
    return x


def wind(s, r):
    return band(colour(s, r, 0.9), 40, 1500) * (
        1 + 0.8 * np.sin(2 * np.pi * r.uniform(0.1, 0.6) * times(s) + r.uniform(0, 6))
    )


def waves(s, r):
    return band(colour(s, r, 0.5), 60, 6000) * (0.1 + np.abs(np.sin(np.pi * r.uniform(0.1, 0.3) * times(s))) ** 2)


def hum(s, r):
    b = r.choice([50, 60, 100, 120])
    return sum(
        np.sin(2 * np.pi * b * n * times(s) + r.uniform(0, 6)) * r.uniform(0, 1) / n for n in range(1, 12)
    ) + r.normal(size=int(s * R)) * r.choice([0, 0.01, 0.05])


def engine(s, r):
    f = r.uniform(30, 120) * (1 + 0.3 * np.sin(2 * np.pi * r.uniform(0.05, 0.5) * times(s)))
    p = np.cumsum(f) / R
    return (
        sum(np.sin(2 * np.pi * p * n) * r.uniform(0.2, 1) / n for n in range(1, 30))
        + 0.3 * colour(s, r, 0.5) / 0.01 * 0.003
    )


def tone(s, r):
    return np.sin(2 * np.pi * r.uniform(80, 4000) * times(s))


def tones(s, r):
    return sum(np.sin(2 * np.pi * r.uniform(80, 4000) * times(s)) for _ in range(4))


def sweep(s, r):
    a, b = sorted(r.uniform(50, 7000, 2))
    if r.random() < 0.5:
        a, b = b, a
    per = r.choice([s, s / 2, 1, 0.5])
    ph = (times(s) % per) / per
    return np.sin(2 * np.pi * np.cumsum(a * (b / a) ** ph) / R)


def siren(s, r):
    return np.sin(
        2
        * np.pi
        * np.cumsum(r.uniform(500, 900) + r.uniform(100, 400) * np.sin(2 * np.pi * r.uniform(0.3, 4) * times(s)))
        / R
    )


def clicks(s, r):
    x = np.zeros(int(s * R))
    step = r.uniform(0.1, 1)
    for k in np.arange(0, s - 0.05, step):
        i = int(k * R)
        n = r.integers(10, 200)
        x[i : i + n] += r.normal(size=n) * np.exp(-np.arange(n) / (n / 4))
    return x + r.normal(size=len(x)) * r.choice([0, 1e-3])


def typing(s, r):
    x = np.zeros(int(s * R))
    k = 0
    while k < s - 0.1:
        i = int(k * R)
        n = r.integers(100, 700)
        x[i : i + n] += r.normal(size=n) * np.exp(-np.arange(n) / (n / 5)) * r.uniform(0.3, 1)
        k += r.exponential(0.15) + 0.03
    return x + r.normal(size=len(x)) * 0.003


def applause(s, r):
    x = np.zeros(int(s * R) + 2000)
    for _ in range(int(s * r.integers(30, 400))):
        i = r.integers(0, int(s * R))
        n = r.integers(200, 900)
        c = band(r.normal(size=n), r.uniform(500, 900), r.uniform(2000, 5000)) * np.exp(-np.arange(n) / (n / 5))
        x[i : i + n] += c * r.uniform(0.2, 1)
    return x[: int(s * R)]


def drums(s, r):
    x = np.zeros(int(s * R) + R)
    bpm = r.uniform(70, 170)
    st = 60 / bpm / r.choice([2, 4])
    k = 0
    i = 0
    pk, ps = r.integers(0, 2, 16), r.integers(0, 2, 16)
    while k < s:
        j = int(k * R)
        n = int(0.25 * R)
        e = np.arange(n) / R
        if pk[i % 16]:
            x[j : j + n] += np.sin(2 * np.pi * (r.uniform(45, 70) * e + 6 * np.exp(-e * 30) * -0.2)) * np.exp(-e * 12)
        if ps[i % 16] and i % 2:
            x[j : j + n] += 0.6 * (r.normal(size=n) + np.sin(2 * np.pi * 190 * e)) * np.exp(-e * 18)
        x[j : j + n] += 0.25 * np.diff(r.normal(size=n + 1)) * np.exp(-e * r.choice([15, 60]))
        k += st
        i += 1
    return x[: int(s * R)]


def birds(s, r):
    x = np.zeros(int(s * R) + R)
    k = 0
    while k < s:
        f0 = r.uniform(1800, 5500)
        d = r.uniform(0.04, 0.3)
        n = int(d * R)
        e = np.arange(n) / R
        for _ in range(r.integers(1, 6)):
            f = f0 + r.uniform(-900, 900) * np.sin(2 * np.pi * r.uniform(3, 30) * e) + r.uniform(-2000, 2000) * e
            j = int(k * R)
            x[j : j + n] += np.sin(2 * np.pi * np.cumsum(f) / R) * np.hanning(n) * r.uniform(0.3, 1)
            k += d + r.uniform(0.01, 0.1)
            if k >= s:
                break
        k += r.exponential(0.5)
    return x[: int(s * R)] + 0.01 * r.normal(size=int(s * R))


def amnoise(s, r):
    return r.normal(size=int(s * R)) * (1 + np.sin(2 * np.pi * r.uniform(2, 8) * times(s)))


def amtone(s, r):
    return sum(np.sin(2 * np.pi * r.uniform(100, 300) * n * times(s)) / n for n in range(1, 8)) * (
        1 + np.sin(2 * np.pi * r.uniform(2, 8) * times(s))
    )


def morse(s, r):
    g = np.repeat(r.integers(0, 2, int(s / 0.08) + 1), int(0.08 * R))[: int(s * R)]
    return np.sin(2 * np.pi * r.uniform(400, 1000) * times(s)) * g


def ring(s, r):
    return (np.sin(2 * np.pi * 440 * times(s)) + np.sin(2 * np.pi * 480 * times(s))) * (
        (times(s) % r.uniform(2, 6)) < r.uniform(0.4, 2)
    )


def steps(s, r):
    x = np.zeros(int(s * R) + R)
    k = 0.1
    d = r.uniform(0.35, 0.7)
    while k < s:
        j = int(k * R)
        n = int(0.12 * R)
        x[j : j + n] += band(r.normal(size=n), 60, 1200) * np.exp(-np.arange(n) / R * 40)
        k += d * r.uniform(0.9, 1.1)
    return x[: int(s * R)] + 0.004 * r.normal(size=int(s * R))


def fan(s, r):
    return colour(s, r, 0.7) * 3 + 0.02 * sum(np.sin(2 * np.pi * f * times(s)) for f in r.uniform(80, 600, 3))


def pad(s, r):
    x = np.zeros(int(s * R))
    for k in np.arange(0, s, 2):
        e = times(s) - k
        env = np.clip(e * 2, 0, 1) * np.clip(2.2 - e, 0, 1) * (e > 0)
        root = 110 * 2 ** (r.integers(0, 12) / 12)
        for st in (0, 4, 7, 11):
            x += env * sum(
                np.sin(2 * np.pi * root * 2 ** (st / 12) * n * (1 + d) * times(s)) / n
                for n in range(1, 6)
                for d in (0, 0.003)
            )
    return x


def saw(s, r):
    f = np.repeat(
        110 * 2 ** (r.choice([0, 2, 4, 5, 7, 9, 11, 12], int(s / 0.25) + 1) / 12) * r.choice([1, 2, 4]), int(0.25 * R)
    )[: int(s * R)]
    p = np.cumsum(f) / R
    return (2 * (p % 1) - 1) * np.exp(-(times(s) % 0.25) * r.uniform(0, 8))


def cricket(s, r):
    return np.sin(2 * np.pi * r.uniform(3500, 5000) * times(s)) * ((times(s) * r.uniform(15, 40)) % 1 < 0.5) * (
        (times(s) % r.uniform(0.5, 1.2)) < 0.4
    ) + 0.02 * r.normal(size=int(s * R))


def midi(path, r, s, solo):
    bpm = r.uniform(70, 160)
    tpq = 480
    tracks = []
    n = 1 if solo else r.integers(2, 5)
    for ch in range(n):
        prog = int(
            r.choice(
                [
                    0,
                    4,
                    11,
                    16,
                    19,
                    21,
                    24,
                    25,
                    27,
                    29,
                    32,
                    33,
                    40,
                    41,
                    42,
                    46,
                    48,
                    56,
                    57,
                    60,
                    61,
                    64,
                    65,
                    66,
                    68,
                    71,
                    73,
                    74,
                    75,
                    78,
                    79,
                    80,
                    81,
                    88,
                    89,
                    104,
                    105,
                    107,
                    109,
                    110,
                    22,
                    52 if False else 43,
                ]
            )
        )
        data = b"\x00" + bytes([0xC0 | ch, prog])
        scale = r.choice([[0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 10]])
        base = int(r.choice([36, 48, 60]))
        k = 0
        last = int(r.integers(0, 14))
        total = int(s * bpm / 60 * tpq)
        while k < total:
            d = int(tpq * r.choice([0.25, 0.5, 0.5, 1, 1, 2]))
            last = int(np.clip(last + r.integers(-3, 4), 0, 14))
            note = base + scale[last % 7] + 12 * (last // 7)
            notes = [note] if solo or ch == 0 or r.random() < 0.4 else [note, note + 4, note + 7]
            for q in notes:
                data += b"\x00" + bytes([0x90 | ch, min(q, 120), int(r.integers(60, 120))])
            for i, q in enumerate(notes):
                data += vl(d if i == 0 else 0) + bytes([0x80 | ch, min(q, 120), 0])
            k += d
        tracks.append(data)
    if not solo and r.random() < 0.6:
        data = b""
        k = 0
        total = int(s * bpm / 60 * tpq)
        i = 0
        while k < total:
            hits = [42] + ([36] if i % 4 == 0 else []) + ([38] if i % 4 == 2 else [])
            for q in hits:
                data += b"\x00" + bytes([0x99, q, int(r.integers(60, 110))])
            for j, q in enumerate(hits):
                data += vl(240 if j == 0 else 0) + bytes([0x89, q, 0])
            k += 240
            i += 1
        tracks.append(data)
    tempo = int(6e7 / bpm)
    head = b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big") + b"\x00\xff\x2f\x00"
    out = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks) + 1, tpq) + b"MTrk" + struct.pack(">I", len(head)) + head
    for d in tracks:
        whole = d + b"\x00\xff\x2f\x00"
        out += b"MTrk" + struct.pack(">I", len(whole)) + whole
    Path(path).write_bytes(out)


def vl(v):
    b = [v & 127]
    v >>= 7
    while v:
        b.append((v & 127) | 128)
        v >>= 7
    return bytes(reversed(b))


def played(seconds, rng, *, solo):
    """Play random notes on random instruments."""
    with tempfile.TemporaryDirectory() as folder:
        notes, wav = Path(folder) / "notes.mid", Path(folder) / "played.wav"
        midi(notes, rng, seconds, solo)
        subprocess.run(
            ["fluidsynth", "-ni", "-q", "-F", wav, "-r", str(R), _FONT, notes], check=True, capture_output=True
        )
        return read_speech(wav)[: int(seconds * R)]


KINDS = (
    white,
    pink,
    brown,
    rain,
    wind,
    waves,
    hum,
    engine,
    tone,
    tones,
    sweep,
    siren,
    clicks,
    typing,
    applause,
    drums,
    birds,
    amnoise,
    amtone,
    morse,
    ring,
    steps,
    fan,
    pad,
    saw,
    cricket,
)
