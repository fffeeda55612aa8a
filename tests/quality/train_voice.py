"""Trains the network that tells speech from other sound: `python -m tests.quality.train_voice`.

It needs Debian's packages flite, fluidsynth, timgm6mb-soundfont, musescore-general-soundfont-small (MIT), freedoom
(BSD), sonic-pi-samples (CC0), festvox-ru (BSD) and pocketsphinx-testdata (LibriVox: public domain; BSD).
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from lipsync_nodes.perception.speech.features import levels
from lipsync_nodes.perception.speech.presence import WEIGHTS, traits
from lipsync_nodes.perception.speech.sound import read_speech
from tests.check import sounds as changes
from tests.quality import music, noises, recordings, sounds, voices, wear
from tests.quality.texts import LEARNT, pseudo_words

RATE = voices.RATE
_SAMPLES = Path("/usr/share/sonic-pi/samples")
_SUNG = ("ambi_choir", "bass_voxy", "mehackit_robot")  # what sounds like a voice
_VARIANTS = ("", "+f2", "+m3", "+whisper", "+f5", "+croak", "+Andy", "+whisperf")
_OTHERS = ("sv", "da", "fi", "hu", "lt", "cs", "ro", "tr", "vi", "nb", "ca", "id", "sw", "eu", "lv", "et")
_FLITE = ("slt", "rms", "awb", "kal16")
_KINDS = 8  # of each kind of noise
_PIECES = 80  # of random music
_HIDDEN, _EPOCHS, _BATCH, _RATE, _DECAY = (32, 12), 25, 256, 2e-3, 3e-3


def spoken_by_machines(rng: np.random.Generator, languages, variants, wordy: int):
    """Give clips of speech, clean: sentences, words alone, and words with pauses."""
    dice = random.Random(int(rng.integers(1e6)))
    for language in languages:
        for variant in dice.sample(_VARIANTS, variants):
            text = " ".join(dice.sample(LEARNT[language], 2)) if language in LEARNT else pseudo_words(dice, language)
            yield _said(text, language + variant, dice)[: 6 * RATE]
            words = [_said(pseudo_words(dice, language, wordy), language + variant, dice) for _ in range(4)]
            yield from _words(words, rng)


def spoken_by_flite(rng: np.random.Generator):
    """Give sentences and words of voices that were built of recordings."""
    for voice in _FLITE:
        for text in LEARNT["en-us"]:
            whole = voices.flite(text, voice)[0]
            yield whole
            yield from _words(recordings.words_of(whole), rng)


def spoken_by_people(rng: np.random.Generator):
    """Give sentences and words of recordings."""
    for whole in (*recordings.russian(100, rng), *recordings.english(), *recordings.english()):
        yield whole
        yield from _words(recordings.words_of(whole), rng)


def _said(text: str, voice: str, dice: random.Random) -> np.ndarray:
    return voices.say(text, voice, dice.randint(110, 215), dice.randint(15, 95))[0]


def _words(words: list[np.ndarray], rng: np.random.Generator):
    """Give one of the words alone, and some with pauses, over the faint noise of a microphone."""
    if not words:
        return
    yield words[rng.integers(len(words))]
    gaps = [np.zeros(int(rng.uniform(0.1, 1.2) * RATE)) for _ in words]
    joined = np.concatenate([part for both in zip(words, gaps, strict=True) for part in both])[: 6 * RATE]
    yield joined + rng.normal(0, 10 ** rng.uniform(-5, -3), len(joined))


def noise_of(kinds, rng: np.random.Generator):
    """Give noises."""
    for make in kinds:
        for _ in range(_KINDS):
            yield noises.made(make, float(rng.uniform(1, 7)), rng)


def random_music(rng: np.random.Generator):
    """Give music of random notes."""
    yield from (sounds.music(6, int(rng.integers(1e6))) for _ in range(_KINDS))
    for font in (*music.FONTS, music.FONTS[0]):
        pieces = [music.random_notes(6, rng, solo=number % 2 == 0) for number in range(_PIECES // 2)]
        yield from np.array_split(music.played(pieces, 6 * len(pieces), font), len(pieces))


def composed_music(part: int, _rng: np.random.Generator):
    """Give a third of the music of Freedoom."""
    for notes in list(music.pieces())[part::3]:
        yield from np.array_split(music.played([notes], 25, music.FONTS[0], skip=2), 4)


def heard_in_games(rng: np.random.Generator):
    """Give the sounds of Freedoom and the samples of Sonic Pi: alone, over and over, and in any order."""
    short = [*music.game_sounds(), *_samples()]
    for samples in short:
        yield samples
        yield np.resize(samples, max(len(samples), 4 * RATE))[: 7 * RATE]
    for _ in range(60):
        some = [short[number] for number in rng.integers(len(short), size=6)]
        yield noises.laid(6, [(rng.uniform(0, 5), samples) for samples in some]).astype(np.float32)


def _samples():
    for file in sorted(_SAMPLES.glob("*.flac")):
        if not file.name.startswith(_SUNG):
            yield read_speech(file)[: 7 * RATE]


def changed(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change a clip of speech as throats do."""
    kind = rng.choice(["throat", "throat", "song", "whisper"])
    if kind == "throat":
        return changes.pitched(clean, rng.uniform(0.75, 1.5))
    slow = changes.pitched(clean, rng.uniform(0.8, 1))
    return changes.song(slow) if kind == "song" else changes.whisper(slow)


WITHOUT = (
    *(partial(noise_of, noises.KINDS[start::4]) for start in range(4)),
    random_music,
    *(partial(composed_music, part) for part in range(3)),
    heard_in_games,
)
SPOKEN = (
    *(partial(spoken_by_machines, languages=[language], variants=8, wordy=2) for language in LEARNT),
    partial(spoken_by_machines, languages=_OTHERS, variants=2, wordy=1),
    spoken_by_flite,
    spoken_by_people,
)


def levels_of(source, seed: int, *, speech: bool) -> list[np.ndarray]:
    """Give the levels of the clips of a source, and of some of its speech from other throats."""
    rng, found = np.random.default_rng(seed), []
    for clip in source(rng):
        if len(clip) > RATE // 10:
            found.append(_levels(clip))
        if speech and rng.random() < 0.4 and len(clip) > RATE // 2:
            found.append(_levels(changed(clip.astype(np.float32), rng)))
    return found


def _levels(samples):
    return levels([np.clip(samples, -1, 1).astype(np.float32)[None]])[0]


def examples(given: list[np.ndarray], without: list[np.ndarray], seed: int, *, speech: bool):
    """Give what the network sees of the windows of some clips, as they are and worn, and whether there is speech."""
    rng, seen = np.random.default_rng(seed), []
    for level in given:
        quietest = 0 if speech else -5
        for heard in (level, *(wear.worn(level, without, rng, quietest) for _ in range(1 if speech else 2))):
            found, loud = traits(heard)
            keep = loud > -60
            if speech:
                keep &= _spoken_share(level, len(found)) > 0.2
            seen.append(found[keep])
    rows = np.concatenate(seen)
    return rows, np.full(len(rows), speech, np.float32)


def all_examples(workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the examples of all sources. Their order, and so the result, does not depend on the workers."""
    with ProcessPoolExecutor(workers) as pool:
        waiting = [pool.submit(levels_of, source, 1 + n, speech=False) for n, source in enumerate(WITHOUT)]
        speaking = [pool.submit(levels_of, source, 100 + n, speech=True) for n, source in enumerate(SPOKEN)]
        quiet, spoken = [one.result() for one in waiting], [one.result() for one in speaking]
        without = [level for part in quiet for level in part]
        parts = [(part, False) for part in quiet] + [(part, True) for part in spoken]
        done = [
            pool.submit(examples, part, without[n % 5 :: 5], 200 + n, speech=speech)
            for n, (part, speech) in enumerate(parts)
        ]
        seen, truth = zip(*(one.result() for one in done), strict=True)
    return np.concatenate(seen), np.concatenate(truth)


def _spoken_share(level: np.ndarray, count: int) -> np.ndarray:
    active = np.pad((level[:, -1] > np.percentile(level[:, -1], 95) - 25).astype(np.float32), 75, "symmetric")
    share = np.lib.stride_tricks.sliding_window_view(active, 150)[::25].mean(1)
    return np.pad(share, (0, max(count - len(share), 0)), "edge")[:count]


def fit(seen: np.ndarray, truth: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Train by Adam, with a rate that falls to nothing."""
    mean, spread = seen.mean(0), seen.std(0) + 0.05
    given = ((seen - mean) / spread).astype(np.float32)
    weight = np.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth.mean())).astype(np.float32)
    layers = {}
    for n, (wide, narrow) in enumerate(pairwise((seen.shape[1], *_HIDDEN, 1))):
        layers[f"w{n}"], layers[f"b{n}"] = rng.normal(size=(wide, narrow)) * np.sqrt(2 / wide), np.zeros(narrow)
    moments = {name: [np.zeros_like(value), np.zeros_like(value)] for name, value in layers.items()}
    steps = _EPOCHS * (len(given) // _BATCH)
    for step in range(steps):
        if step % (steps // _EPOCHS) == 0:
            order = rng.permutation(len(given))
        rows = order[step % (steps // _EPOCHS) * _BATCH :][:_BATCH]
        noisy = given[rows] + 0.1 * rng.standard_normal((len(rows), given.shape[1]), np.float32)
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
    trained = fit(*all_examples(os.cpu_count() or 1), np.random.default_rng(1))
    np.savez_compressed(WEIGHTS, **{name: value.astype(np.float16) for name, value in trained.items()})
