"""From speech to the mouth: a small neural network computes, 100 times a second, how the lips move."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.speech.features import RATE, features, in_context, levels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.lib.npyio import NpzFile

WEIGHTS = Path(__file__).parent / "weights" / "mouth.npz"
"""Trained by tests/quality/train.py, which also creates the training data."""
OPEN, WIDE, ROUND, CLOSED, BITE = range(5)
"""The columns of a curve: jaw down, corners out, corners in, lips pressed together, lower lip under the teeth."""
COLUMNS = 5

_CLOSING, _SHUT = 0.06, 0.30  # likelihoods at which the lips begin to close and are shut: a missed closure shows most
_BITING = 0.16  # the same of the lower lip under the teeth: a faint m, b or p is often heard as a faint v
_FAINT = 0.10  # smaller openings are not speech
_SPOKEN = 0.3  # a clip whose widest opening is smaller has no speech: nearly every word opens the mouth further
_CHUNK = 4000  # frames computed at once, so that long clips need little memory
_PIECE = 160_000  # samples analysed at once


def mouth_curve(audio: Floats) -> Floats:
    """Return the pose of the mouth at the times ``i / RATE``, (frames, COLUMNS), with values from 0 to 1.

    ``audio`` is mono at SPEECH_RATE. For silence, noise and music the mouth stays closed.
    """
    pieces = (audio[None, start : start + _PIECE] for start in range(0, max(1, len(audio)), _PIECE))
    return curve_of(levels(pieces)[0])


def curve_of(level: Floats) -> Floats:
    """Return the same for the levels of a clip, (frames, 27), in decibels."""
    poses = poses_of(level)
    return np.zeros((len(level), COLUMNS), np.float32) if poses is None else _calmed(poses)


def poses_of(level: Floats) -> Floats | None:
    """Return the output of the network as it is, flicker and all; None if the whole clip is silent."""
    seen = features(level)
    if seen is None:
        return None
    with np.load(WEIGHTS) as file:
        layers = load_layers(file)
    starts = range(0, len(seen), _CHUNK)
    return np.concatenate([run(layers, in_context(seen, start, start + _CHUNK)) for start in starts])


def sampled(curve: Floats, times: Floats, span: float) -> Floats:
    """Sample a curve for frames of ``span`` seconds around ``times``, (frames, COLUMNS); at rest outside the clip.

    Each frame shows the mean over its time. A closure is often as short as a frame and divided between two of them: the
    frame with the larger part of it shows it in full.
    """
    own = np.arange(len(curve)) / RATE
    near = times[:, None] + span * np.linspace(-0.4, 0.4, 5)
    values = np.stack([np.interp(near, own, column, left=0, right=0) for column in curve.T], -1)
    means, most = values.mean(1), values[..., CLOSED:].max(1)
    shut = np.pad(means[:, CLOSED:], ((1, 1), (0, 0)))
    top = (shut[1:-1] >= shut[:-2]) & (shut[1:-1] >= shut[2:])
    return floats(np.concatenate([means[:, :CLOSED], np.where(top, most, shut[1:-1])], -1))


def opening(values: Floats) -> Floats:
    """Return how far the lips are apart for values (…, COLUMNS), from 0 to 1."""
    return floats(values[..., OPEN] * (1 - values[..., CLOSED]) * (1 - 0.8 * values[..., BITE]))


def run(layers: Mapping[str, Floats], given: Floats) -> Floats:
    """Run the network."""
    values = given
    for number in range(2):
        values = np.maximum(values @ layers[f"w{number}"] + layers[f"b{number}"], 0)
    return floats(1 / (1 + np.exp(-np.clip(values @ layers["w2"] + layers["b2"], -30, 30))))


def _calmed(curve: Floats) -> Floats:
    """Remove flicker, and what is too faint to be speech."""
    bell = np.array([1, 2, 3, 2, 1]) / 9
    calm = np.stack([np.convolve(column, bell, "same") for column in curve.T], -1)
    calm[:, CLOSED:] = (calm[:, CLOSED:] - _CLOSING) / (floats([_SHUT, _BITING]) - _CLOSING)
    calm[:, OPEN] = np.maximum(calm[:, OPEN] - _FAINT, 0) / (1 - _FAINT)
    return floats(np.clip(calm, 0, 1)) * np.float32(calm[:, OPEN].max() > _SPOKEN)


def load_layers(file: NpzFile) -> dict[str, Floats]:
    """Return the layers of a file of weights."""
    return {name: floats(file[name]) for name in file.files}
