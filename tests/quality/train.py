"""Train the net that hears how a mouth moves: `python -m tests.quality.train`, some fifteen minutes on two cores.

The data cost nothing, for the voices tell what they say when: two and a half hours of espeak-ng (eight languages, 26
voices, many speeds and pitches) and half an hour of flite (four voices), played more slowly or quickly, with noise,
echo and colour added; and negatives, noise and music to which a mouth stays closed. Needs the group `quality`, and
flite from Debian's package of that name.

The sentences that the preview is measured by are in none of it, nor do they choose the recipe: that is done by other
sentences (`texts.CHOSEN_BY`) of voices that are not learnt either. The worst of their languages counts.
"""

from __future__ import annotations

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, pairwise, product
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import numpy as np

from lipsync_nodes.perception.speech import curve
from lipsync_nodes.perception.speech.features import AROUND, RATE, features, levels
from tests.quality import measures, sounds, voices
from tests.quality.phones import NAMES, Phone, curves, opening
from tests.quality.texts import CHOSEN_BY, LEARNT, pseudo_words

_VARIANTS = (
    "", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7", "+m8", "+f1", "+f2", "+f3", "+f5", "+linda", "+steph", "+belinda",
    "+max", "+Annie", "+Alicia", "+Andrea", "+Mario", "+Marco", "+edward", "+caleb", "+klatt2", "+klatt4", "+antonio",
)  # fmt: skip
_OTHERS = (
    "+m6", "+shelby", "+iven", "+john", "+denis", "+aunty", "+travis", "+pablo", "+sandro", "+Lee", "+Hugo"
)  # fmt: skip
_FPS = 25
_SENTENCES, _PSEUDO = 2, 3  # of each voice
_AGAIN = ("fr", "fr", "cmn")  # for their vowels, which the others have not
_FLITE = ("slt", "rms", "awb", "kal16")
_NEGATIVES = ("noise", "music", "drums", "hum")
_STRETCH = (0.82, 1.18)
_HIDDEN = (384, 80)
_EPOCHS, _BATCH, _RATE = 14, 512, 2e-3
_WEIGHT = np.array([1.0, 0.3, 0.5, 3.0, 0.8], np.float32)  # of the outputs, in the loss
_APART = 12.0  # weight of the opening that they make together


def main() -> None:
    """Make the data, train, say how good it is, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=curve.WEIGHTS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    heard, wanted, lengths = dataset(options.seed)
    print(f"{len(heard) / RATE / 60:.0f} minutes of sound, {len(lengths)} clips")
    layers = fit(heard, wanted, lengths, np.random.default_rng(options.seed))
    np.savez_compressed(options.out, **{name: value.astype(np.float16) for name, value in layers.items()})
    print(f"{options.out}: {options.out.stat().st_size / 1024:.0f} kB")
    with mock.patch.object(curve, "WEIGHTS", options.out):
        for language, (fits, found) in judged().items():
            print(f"{language:6} to choose by: correlation with the phones {fits:.3f}, closures found {found:.2f}")


def dataset(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give all clips' frames of features and of labels, one after the other, and how many frames each clip has."""
    speakers = [*LEARNT, *_AGAIN, *_FLITE, *_NEGATIVES]
    seeds = [f"{seed} {number}" for number in range(len(speakers))]
    # A process for each, for espeak-ng remembers: so the data are the same on any number of cores.
    with ProcessPoolExecutor(mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        clips = list(chain.from_iterable(pool.map(_heard, speakers, seeds)))
    heard, wanted = zip(*clips, strict=True)
    return np.concatenate(heard), np.concatenate(wanted), np.array([len(clip) for clip in heard])


def _heard(speaker: str, seed: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Give the features and the labels of all clips of a speaker."""
    dice, clips = random.Random(seed), []
    rng = np.random.default_rng(dice.getrandbits(32))
    for said, spoken in _clips(speaker, dice):
        samples, phones = _stretched(said, spoken, rng.uniform(*_STRETCH)) if spoken else (said, spoken)
        label = curves(phones, len(samples) / voices.RATE)
        seen = features(levels([(_worn(samples, rng) if phones else samples)[None]])[0])
        if seen is not None:
            length = min(len(seen), len(label))
            clips.append((seen[:length].astype(np.float16), label[:length].astype(np.float16)))
    return clips


def _clips(speaker: str, dice: random.Random):
    """Give sounds and their phones: of a language's voices, of one of flite's, or of what is no voice."""
    if speaker in LEARNT:
        for variant in _VARIANTS:
            said = [" ".join(dice.sample(LEARNT[speaker], 2)) for _ in range(_SENTENCES)]
            for text in said + [pseudo_words(dice, speaker) for _ in range(_PSEUDO)]:
                yield voices.say(text, speaker + variant, dice.randint(120, 215), dice.randint(20, 80))
    elif speaker in _FLITE:
        for text in LEARNT["en-us"] + [pseudo_words(dice, count=12) for _ in range(60)]:
            yield voices.flite(text, speaker)
    else:
        for seed in range(160):
            yield getattr(sounds, speaker)(5, seed), []


def _stretched(samples: np.ndarray, phones: list[Phone], factor: float) -> tuple[np.ndarray, list[Phone]]:
    """Play a clip more slowly, as if by a longer throat: there are more heads than voices to learn from."""
    longer = [Phone(phone.name, phone.start * factor, phone.end * factor) for phone in phones]
    return voices.resampled(samples, voices.RATE / factor), longer


def _worn(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Play a clip in a room, over some line, with some noise."""
    echo = np.exp(-np.arange(2400) / rng.uniform(100, 900)) * rng.normal(size=2400) * rng.uniform(0, 0.06)
    echo[0] = 1
    size = len(samples) + 2400
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(echo, size)
    bends = np.interp(np.linspace(0, 1, len(spectrum)), np.linspace(0, 1, 6), rng.uniform(-8, 8, 6))
    played = np.fft.irfft(spectrum * 10 ** (bends / 20), size)[: len(samples)]
    return sounds.with_noise(played, rng.uniform(12, 60), rng)


def fit(heard: np.ndarray, wanted: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Train by Adam, with a rate that falls to nothing; every twentieth piece of 10 s is kept to test by."""
    test = np.arange(len(heard)) // 1000 % 20 == 0
    learn, kept = np.flatnonzero(~test), np.flatnonzero(test)
    near = _Near(heard, lengths)
    mean, spread = (np.tile(value, len(AROUND)) for value in (heard.mean(0, np.float32), heard.std(0, np.float32)))
    spread += 0.05
    layers = {}
    for n, (wide, narrow) in enumerate(pairwise((len(mean), *_HIDDEN, wanted.shape[1]))):
        layers[f"w{n}"] = (rng.normal(size=(wide, narrow)) * np.sqrt(2 / wide)).astype(np.float32)
        layers[f"b{n}"] = np.zeros(narrow, np.float32)
    moments = {name: [np.zeros_like(value), np.zeros_like(value)] for name, value in layers.items()}
    steps = _EPOCHS * (len(learn) // _BATCH)
    for step in range(steps):
        if step % (steps // _EPOCHS) == 0:
            order = rng.permutation(learn)
        rows = order[step % (steps // _EPOCHS) * _BATCH :][:_BATCH]
        slopes = _slopes(layers, (near.at(rows) - mean) / spread, wanted[rows].astype(np.float32))
        rate = _RATE * 0.5 * (1 + np.cos(np.pi * step / steps))
        for name, slope in slopes.items():
            first, second = moments[name]
            first += 0.1 * (slope - first)
            second += 0.001 * (slope * slope - second)
            correct = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
            layers[name] -= rate * correct * first / (np.sqrt(second) + 1e-8)
    layers["w0"], layers["b0"] = layers["w0"] / spread[:, None], layers["b0"] - (mean / spread) @ layers["w0"]
    guess = curve.run(layers, near.at(kept))
    for n, name in enumerate(NAMES):
        print(f"{name:8} correlation on what was kept apart {np.corrcoef(guess[:, n], wanted[kept, n])[0, 1]:.3f}")
    return layers


def judged() -> dict[str, tuple[float, float]]:
    """Say for each language how well other sentences by other voices are heard, and how many closures are found."""
    told = {}
    for language, sentences in CHOSEN_BY.items():
        fits, hits, cases = [], 0, 0
        for text, variant in product(sentences, _OTHERS):
            samples, phones = voices.say(text, language + variant)
            frames = int(len(samples) / voices.RATE * _FPS)
            times = ((np.arange(frames) + 0.5) / _FPS).astype(np.float32)
            meant = curve.opening(curve.sampled(curve.mouth_curve(samples), times, 1 / _FPS))
            fits.append(measures.correlation(meant, measures.gold(phones, frames, _FPS)))
            found, all_ = measures.closures_found(meant, phones, _FPS)
            hits, cases = hits + found, cases + all_
        told[language] = (float(np.mean(fits)), hits / cases)
    return told


class _Near:
    """Gives frames with those around them, as `in_context` does, without keeping them all side by side."""

    def __init__(self, heard: np.ndarray, lengths: np.ndarray) -> None:
        ends = np.cumsum(lengths)
        self._heard, self._around = heard, np.array(AROUND)
        self._first, self._last = np.repeat(ends - lengths, lengths), np.repeat(ends - 1, lengths)

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Give (rows, features) in context."""
        places = np.clip(rows[:, None] + self._around, self._first[rows, None], self._last[rows, None])
        return self._heard[places].reshape(len(rows), -1).astype(np.float32)


def _slopes(layers: dict[str, np.ndarray], given: np.ndarray, wanted: np.ndarray) -> dict[str, np.ndarray]:
    """Backpropagate the weighted cross entropy, and the square error of how far the lips are apart."""
    seen = [given]
    for n in range(2):
        seen.append(np.maximum(seen[-1] @ layers[f"w{n}"] + layers[f"b{n}"], 0))
    guess = 1 / (1 + np.exp(-np.clip(seen[-1] @ layers["w2"] + layers["b2"], -30, 30)))
    opened, (jaw, shut, bite) = opening(guess), guess[:, [0, 3, 4]].T
    parts = np.zeros_like(guess)  # how the opening goes with each output, times the logistic function's own slope
    parts[:, 0] = opened * (1 - jaw)
    parts[:, 3] = -opened * shut
    parts[:, 4] = -0.8 * jaw * (1 - shut) * bite * (1 - bite)
    apart = 2 * _APART * (opened - opening(wanted))
    back, slopes = ((guess - wanted) * _WEIGHT + apart[:, None] * parts) / len(given), {}
    for n in (2, 1, 0):
        slopes[f"w{n}"], slopes[f"b{n}"] = seen[n].T @ back, back.sum(0)
        back = (back @ layers[f"w{n}"].T) * (seen[n] > 0)
    return slopes


if __name__ == "__main__":
    main()
