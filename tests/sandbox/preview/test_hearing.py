"""What the ear hears in stereo, and what the measure of lip sync makes of a mouth that is still."""

from __future__ import annotations

import tracemalloc
import wave
from functools import partial

import numpy as np
import pytest

from lipsync_nodes.perception import sync
from lipsync_nodes.perception.speech.curve import curve_of, mouth_curve, opening, sampled
from lipsync_nodes.perception.speech.features import by_energy, heard, levels
from lipsync_nodes.perception.speech.sound import read_speech, speech_blocks
from lipsync_nodes.sandbox.preview import RenderInput, render
from tests.sandbox.preview.films import MEDIA, PORTRAIT, RATE, correlation


def save(path, channels, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(np.stack(channels, 1), -1, 1) * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def speech():
    return read_speech(MEDIA / "speech_left.mp3")


RIGHT = {
    "cancels": lambda speech: -speech,
    "nearly cancels": lambda speech: -0.8 * speech,
    "cancels from the middle on": lambda speech: np.where(np.arange(len(speech)) < len(speech) // 2, speech, -speech),
    "cancels later": lambda speech: -np.roll(speech, 160),
    "is silent": lambda speech: 0 * speech,
    "is the same": lambda speech: speech,
}


@pytest.mark.parametrize("right", RIGHT)
def test_stereo_speech_moves_the_mouth_like_mono_speech(right, speech, tmp_path):
    path = save(tmp_path / "stereo.wav", [speech, RIGHT[right](speech)])
    both, mono = opening(curve_of(heard(path))), opening(mouth_curve(speech))
    assert both.max() > 0.7
    assert correlation(both, mono) > 0.98


def test_noise_in_both_channels_is_heard_as_in_a_mono_mix(speech, tmp_path):
    noise = np.random.default_rng(1).normal(0, 0.03, (2, len(speech))).astype(np.float32)
    path = save(tmp_path / "stereo.wav", list((speech + noise) / 2))
    mono = opening(mouth_curve(speech))
    mixed = opening(mouth_curve(speech + noise.mean(0)))
    assert correlation(opening(curve_of(heard(path))), mono) > correlation(mixed, mono) - 0.02


@pytest.mark.parametrize(("name", "at"), [("speech_left.mp3", 0.725), ("speech_right.mp3", 4.095)])
def test_a_faint_closure_closes_the_mouth(name, at):
    """A frame of a film shows the lips nearly closed for a faint b, m or p, in the middle of it at `at` seconds."""
    curve = mouth_curve(read_speech(MEDIA / name))
    times = (np.arange(len(curve) // 4) + 0.5) / 25
    apart = opening(sampled(curve, times.astype(np.float32), 1 / 25))
    assert apart[np.abs(times - at) < 0.06].min() < 0.15 * np.percentile(apart, 95)


def test_channels_that_cancel_each_other_are_loud_by_energy_and_silent_in_mono(speech, tmp_path):
    left, right, mono = level = levels(speech_blocks(save(tmp_path / "stereo.wav", [speech, -speech])))
    assert np.percentile(left[:, -1], 95) > -40
    assert np.abs(by_energy(level)[:, -1] - left[:, -1]).max() < 0.5
    assert np.abs(left - right).max() < 0.5
    assert mono[:, -1].max() < -80


def test_ten_minutes_are_heard_in_blocks(tmp_path):
    second = np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32)
    path = save(tmp_path / "long.wav", np.tile(second, 600), 48_000)
    tracemalloc.start()
    level = levels(speech_blocks(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert level.shape == (3, 60_001, 27)
    assert peak < 70e6


def test_noise_that_moves_no_mouth_is_not_in_sync(tmp_path):
    noise = np.random.default_rng(2).normal(0, 0.1, RATE).astype(np.float32)
    given = RenderInput(audio=save(tmp_path / "noise.wav", [noise]), image=PORTRAIT, short_side=240)
    rendered = render(given, tmp_path / "out.mp4")
    assert (rendered.sync, rendered.warning["code"]) == (0, "sandbox.no_speech")


def test_a_still_mouth_is_in_sync_with_silence_only():
    frames = np.arange(50)
    speaks = (np.sin(frames) * 0.3 + 0.5).astype(np.float32)
    still, unseen = np.zeros(50, np.float32), np.full(50, np.nan, np.float32)
    late = np.where(frames < 40, speaks, 0).astype(np.float32)
    hidden = np.where(frames < 40, np.nan, 0).astype(np.float32)
    measured = partial(sync._correlation, silent=False)
    assert sync._correlation(still, still, silent=True) == 1
    assert measured(still, still) == 0  # it is closed, but there is something to hear
    assert sync._correlation(still, speaks, silent=True) == 0
    assert measured(speaks, still) == 0
    assert measured(late, hidden) == 0  # it is seen only where nothing is said
    assert measured(still, unseen) == measured(speaks, unseen) == 0
    assert measured(speaks, speaks) == pytest.approx(1)
