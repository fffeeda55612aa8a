"""What a mouth does for each speech sound: the labels that the net learns and the gold that it is measured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 100  # values per second of the curves
NAMES = ("open", "wide", "round", "closed", "bite")


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound: its name in IPA (or in ARPAbet, as CMU's programs write it), begin and end in seconds."""

    name: str
    start: float
    end: float


# open, wide, round; of lively speech, 1 is the widest
_VOWELS = {
    "a": (1.0, 0.3, 0), "ɑ": (1.0, 0.1, 0), "ɐ": (0.8, 0.2, 0), "ʌ": (0.75, 0.2, 0), "æ": (0.95, 0.5, 0),
    "ɒ": (0.8, 0, 0.35), "ɔ": (0.75, 0, 0.55), "o": (0.6, 0, 0.75), "u": (0.32, 0, 1.0), "ʊ": (0.4, 0, 0.7),
    "ɯ": (0.35, 0.4, 0), "ɤ": (0.5, 0.2, 0.1), "e": (0.6, 0.7, 0), "ɛ": (0.7, 0.5, 0), "œ": (0.6, 0, 0.6),
    "ø": (0.5, 0, 0.8), "y": (0.3, 0, 1.0), "ʏ": (0.35, 0, 0.8), "i": (0.32, 1.0, 0), "ɪ": (0.4, 0.7, 0),
    "ɨ": (0.35, 0.6, 0), "ᵻ": (0.38, 0.6, 0), "ə": (0.45, 0.2, 0), "ɚ": (0.45, 0.1, 0.25), "ɜ": (0.5, 0.1, 0.25),
    "ɝ": (0.5, 0.1, 0.25), "ɘ": (0.45, 0.3, 0), "ɵ": (0.45, 0, 0.5),
}  # fmt: skip
_CONSONANTS = {
    "w": (0.14, 0, 1.0), "ɥ": (0.14, 0, 1.0), "ʃ": (0.18, 0, 0.6), "ʒ": (0.18, 0, 0.6), "ɹ": (0.25, 0, 0.4),
    "r": (0.27, 0.1, 0.1), "ɾ": (0.27, 0.1, 0), "ɻ": (0.25, 0, 0.4), "l": (0.3, 0.2, 0), "ɫ": (0.3, 0.1, 0.2),
    "ɬ": (0.25, 0.2, 0), "n": (0.22, 0.2, 0), "t": (0.2, 0.2, 0), "d": (0.22, 0.2, 0), "s": (0.13, 0.5, 0),
    "z": (0.14, 0.5, 0), "θ": (0.22, 0.3, 0), "ð": (0.22, 0.3, 0), "k": (0.28, 0.2, 0), "ɡ": (0.28, 0.2, 0),
    "g": (0.28, 0.2, 0), "ŋ": (0.28, 0.2, 0), "x": (0.3, 0.2, 0), "χ": (0.3, 0.1, 0), "ç": (0.25, 0.6, 0),
    "h": (0.4, 0.2, 0), "ɦ": (0.4, 0.2, 0), "j": (0.27, 0.7, 0), "ʝ": (0.27, 0.7, 0), "ɲ": (0.25, 0.5, 0),
    "ʎ": (0.27, 0.5, 0),
    "ɣ": (0.3, 0.2, 0), "ʁ": (0.32, 0.1, 0), "q": (0.3, 0.1, 0), "ʔ": (0.25, 0.2, 0), "c": (0.25, 0.4, 0),
    "ɟ": (0.25, 0.4, 0), "ʂ": (0.18, 0.1, 0.4), "ʐ": (0.18, 0.1, 0.4), "ɕ": (0.16, 0.5, 0.1), "ʑ": (0.16, 0.5, 0.1),
    "ɭ": (0.3, 0.1, 0), "ɳ": (0.22, 0.1, 0), "ʈ": (0.2, 0.1, 0), "ɖ": (0.22, 0.1, 0),
}  # fmt: skip
_LIPS = {"m": "closed", "b": "closed", "p": "closed", "f": "bite", "v": "bite", "ɱ": "bite", "ʋ": "bite", "ⱱ": "bite"}
_SHAPES = _VOWELS | _CONSONANTS | {"β": (0.1, 0.2, 0), "ɸ": (0.1, 0.1, 0)}
_ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "ay": "aɪ", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p", "r": "ɹ", "s": "s",
    "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip


def from_arpabet(name: str) -> str:
    """Write one of CMU's phones in IPA; what is no phone is silence."""
    return _ARPABET.get(name.lower().rstrip("012"), "")


def curves(phones: list[Phone], seconds: float) -> np.ndarray:
    """Give the five curves as (frames, 5) at RATE: steps that lips round off, closures that they do not miss."""
    steps = np.zeros((int(seconds * RATE) + 1, len(NAMES)), np.float32)
    for start, end, letter in _letters(phones):
        first, last = round(start * RATE), max(round(start * RATE) + 1, round(end * RATE))
        if letter in _LIPS:
            steps[first:last, NAMES.index(_LIPS[letter])] = 1
            steps[first:last, 0] = 0.2
        else:
            steps[first:last, :3] = _SHAPES[letter]
    slow, quick = _bell(17), _bell(5)
    soft = [np.convolve(column, slow if n < 3 else quick, "same") for n, column in enumerate(steps.T)]
    return np.stack(soft, 1).astype(np.float32)


def opening(values: np.ndarray) -> np.ndarray:
    """Give how far a mouth with these curves is open: closed lips and bitten ones are."""
    return values[..., 0] * (1 - values[..., 3]) * (1 - 0.8 * values[..., 4])


def closures(phones: list[Phone]) -> list[tuple[float, float]]:
    """Give when the lips are pressed together: for m, b and p."""
    return [(start, end) for start, end, letter in _letters(phones) if letter in {"m", "b", "p"}]


def open_vowels(phones: list[Phone]) -> list[tuple[float, float]]:
    """Give when the mouth is wide open, and long enough to be seen so."""
    return [(s, e) for s, e, letter in _letters(phones) if _VOWELS.get(letter, (0,))[0] > 0.7 and e - s > 0.06]


def _letters(phones: list[Phone]):
    """Part affricates and diphthongs into their sounds; what is not known takes no part."""
    for phone in phones:
        known = [letter for letter in phone.name if letter in _SHAPES or letter in _LIPS]
        edges = np.linspace(phone.start, phone.end, len(known) + 1)
        yield from zip(edges[:-1], edges[1:], known, strict=True)


def _bell(length: int) -> np.ndarray:
    bell = np.hanning(length + 2)[1:-1]
    return bell / bell.sum()
