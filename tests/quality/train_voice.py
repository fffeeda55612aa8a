"""Trains the network that tells speech from other sound: `python -m tests.quality.train_voice`.

It needs Debian's packages flite, fluidsynth, timgm6mb-soundfont and sonic-pi-samples (CC0). No recordings of people are
in the training data.
"""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np

from lipsync_nodes.perception.speech.features import levels
from lipsync_nodes.perception.speech.presence import WEIGHTS, traits
from lipsync_nodes.perception.speech.sound import read_speech
from tests.check import sounds as changes
from tests.quality import noises, sounds, voices
from tests.quality.texts import LEARNT, pseudo_words

RATE = voices.RATE
_SAMPLES = Path("/usr/share/sonic-pi/samples")
_SUNG = ("ambi_choir", "bass_voxy", "mehackit_robot")  # what sounds like a voice
_VARIANTS = ("", "+f2", "+m3", "+whisper", "+f5", "+croak", "+Andy", "+whisperf")
_FLITE = ("slt", "rms", "awb", "kal16")
_KINDS = 10  # of each kind of noise
_PIECES = 80  # of music
_HIDDEN, _EPOCHS, _BATCH, _RATE, _DECAY = (24, 8), 30, 128, 2e-3, 3e-3


def spoken(dice: random.Random):
    """Give clips of speech, clean."""
    for language in LEARNT:
        for variant in _VARIANTS:
            for text in (" ".join(dice.sample(LEARNT[language], 2)), pseudo_words(dice, language)):
                yield voices.say(text, language + variant, dice.randint(110, 215), dice.randint(15, 95))[0]
            words = [pseudo_words(dice, language, 2) for _ in range(5)]
            said = [
                voices.say(word, language + variant, dice.randint(110, 200), dice.randint(20, 80))[0] for word in words
            ]
            yield np.concatenate([part for one in said for part in (one, np.zeros(int(dice.uniform(0.1, 1.2) * RATE)))])
    for voice in _FLITE:
        for _ in range(8):
            yield voices.flite(dice.choice(LEARNT["en-us"]), voice)[0]


def unspoken(rng: np.random.Generator):
    """Give clips of noise and music."""
    for make in (*noises.KINDS, sounds.music):
        for _ in range(_KINDS):
            seconds = float(rng.uniform(4, 7))
            yield make(seconds, int(rng.integers(1e6))) if make is sounds.music else noises.made(make, seconds, rng)
    for number in range(_PIECES):
        yield noises.played(7, rng, solo=number % 2 == 0)
    for file in sorted(_SAMPLES.glob("*.flac")):
        if not file.name.startswith(_SUNG):
            samples = read_speech(file)
            yield np.resize(samples, max(len(samples), 4 * RATE))[: 8 * RATE]


def changed(clean: np.ndarray, others: list[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Change a clip of speech as rooms, lines, throats and what plays beside it do; gives it, and when it speaks."""
    kind = rng.choice(["line", "noise", "beside", "beside", "throat", "room", "song", "whisper"])
    if kind == "line":
        return changes.band(clean, 300, 3400), clean
    if kind == "noise":
        return sounds.with_noise(clean, rng.uniform(5, 30), rng), clean
    if kind == "beside":
        return changes.mixed(clean, others[rng.integers(len(others))], rng.uniform(2, 20)), clean
    if kind == "room":
        return changes.in_room(clean, int(rng.integers(1e6))), clean
    if kind == "throat":
        clean = changes.pitched(clean, rng.uniform(0.75, 1.45))
        return clean, clean
    slow = changes.pitched(clean, rng.uniform(0.8, 1))
    return (changes.song(slow) if kind == "song" else changes.whisper(slow)), slow


def examples(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Give what the network sees of all windows, and whether there is speech in them."""
    dice, rng = random.Random(seed), np.random.default_rng(seed)
    others = [np.asarray(one, np.float32) for one in unspoken(rng)]
    seen, truth = [], []

    def add(samples, clean):
        found, loud = traits(levels([np.clip(samples, -1, 1).astype(np.float32)[None]])[0])
        keep = loud > -60
        if clean is not None:
            keep &= _spoken_share(clean, len(found)) > 0.25
        seen.append(found[keep])
        truth.append(np.full(int(keep.sum()), clean is not None, np.float32))

    for one in others:
        add(one, None)
        if rng.random() < 0.5:
            worn = [changes.in_room(one), changes.band(one, 300, 3400), changes.pitched(one, rng.uniform(0.75, 1.35)),
                    changes.mixed(one, others[rng.integers(len(others))], rng.uniform(0, 10))]  # fmt: skip
            add(worn[rng.integers(4)], None)
    print(sum(map(len, seen)), "windows without speech", flush=True)
    for clean in spoken(dice):
        add(clean, clean)
        add(*changed(clean[: 6 * RATE].astype(np.float32), others, rng))
    print(sum(map(len, seen)), "windows", flush=True)
    return np.concatenate(seen), np.concatenate(truth)


def _spoken_share(clean: np.ndarray, count: int) -> np.ndarray:
    level = levels([np.asarray(clean, np.float32)[None]])[0][:, -1]
    active = np.pad((level > np.percentile(level, 95) - 25).astype(np.float32), 75, "symmetric")
    share = np.lib.stride_tricks.sliding_window_view(active, 150)[::25].mean(1)
    return np.pad(share, (0, max(count - len(share), 0)), "edge")[:count]


def fit(seen: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Train by Adam, with a rate that falls to nothing."""
    mean, spread = seen.mean(0), seen.std(0) + 0.05
    given = (seen - mean) / spread
    weight = np.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    layers = {}
    for n, (wide, narrow) in enumerate(pairwise((seen.shape[1], *_HIDDEN, 1))):
        layers[f"w{n}"], layers[f"b{n}"] = rng.normal(size=(wide, narrow)) * np.sqrt(2 / wide), np.zeros(narrow)
    moments = {name: [np.zeros_like(value), np.zeros_like(value)] for name, value in layers.items()}
    steps = _EPOCHS * (len(given) // _BATCH)
    for step in range(steps):
        if step % (steps // _EPOCHS) == 0:
            order = rng.permutation(len(given))
        rows = order[step % (steps // _EPOCHS) * _BATCH :][:_BATCH]
        noisy = given[rows] + rng.normal(0, 0.1, (len(rows), given.shape[1]))
        for name, slope in _slopes(layers, noisy, truth[rows], weight[rows]).items():
            first, second = moments[name]
            full = slope + _DECAY * layers[name] * name.startswith("w")
            first += 0.1 * (full - first)
            second += 0.001 * (full * full - second)
            rate = _RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
            correct = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
            layers[name] -= rate * correct * first / (np.sqrt(second) + 1e-8)
    layers["b0"] -= (mean / spread) @ layers["w0"]
    layers["w0"] /= spread[:, None]
    return layers


def _slopes(layers, given, truth, weight):
    held = [given]
    for n in range(2):
        held.append(np.maximum(held[-1] @ layers[f"w{n}"] + layers[f"b{n}"], 0))
    guess = 1 / (1 + np.exp(-np.clip(held[-1] @ layers["w2"] + layers["b2"], -30, 30)))
    back, slopes = (guess - truth[:, None]) * weight[:, None] / len(given), {}
    for n in (2, 1, 0):
        slopes[f"w{n}"], slopes[f"b{n}"] = held[n].T @ back, back.sum(0)
        back = (back @ layers[f"w{n}"].T) * (held[n] > 0)
    return slopes


if __name__ == "__main__":
    found, spoke = examples(1)
    trained = fit(found, spoke, np.random.default_rng(1))
    np.savez_compressed(WEIGHTS, **{name: value.astype(np.float16) for name, value in trained.items()})
