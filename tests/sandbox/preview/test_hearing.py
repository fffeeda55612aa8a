"""What the ear hears in stereo, and what the measure of lip sync makes of a mouth that is still."""

from __future__ import annotations

import tracemalloc
import wave

import numpy as np
import pytest

from lipsync_nodes.perception import sync
from lipsync_nodes.perception.speech.curve import mouth_curve, opening
from lipsync_nodes.perception.speech.features import by_energy, levels
from lipsync_nodes.perception.speech.sound import read_speech, speech_blocks
from tests.sandbox.preview.films import MEDIA, RATE


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


@pytest.mark.parametrize("share", [-1, -0.8, 0, 1])
def test_stereo_speech_moves_the_mouth_like_mono_speech(share, speech, tmp_path):
    path = save(tmp_path / "stereo.wav", [speech, share * speech])
    heard, mono = opening(mouth_curve(read_speech(path))), opening(mouth_curve(speech))
    assert heard.max() > 0.7
    assert np.corrcoef(heard[: len(mono)], mono[: len(heard)])[0, 1] > 0.97


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


def test_a_still_mouth_is_in_sync_with_silence_only():
    frames = np.arange(50)
    speaks = (np.sin(frames) * 0.3 + 0.5).astype(np.float32)
    still, unseen = np.zeros(50, np.float32), np.full(50, np.nan, np.float32)
    late = np.where(frames < 40, speaks, 0).astype(np.float32)
    hidden = np.where(frames < 40, np.nan, 0).astype(np.float32)
    measured = sync._correlation
    assert measured(still, still) == 1
    assert measured(still, speaks) == 0
    assert measured(speaks, still) == 0
    assert measured(late, hidden) == 0  # it is seen only where nothing is said
    assert measured(still, unseen) == measured(speaks, unseen) == 0
    assert measured(speaks, speaks) == pytest.approx(1)
