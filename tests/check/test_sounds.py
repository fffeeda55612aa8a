"""What a check hears: a table of bad sounds, each with what must be found, and of good ones, with no warning."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from lipsync_nodes import ImageForm, ImageMultiForm, VideoForm
from lipsync_nodes.checks import _sounds
from lipsync_nodes.checks._inputs import Inputs
from lipsync_nodes.perception.speech.listening import listen
from lipsync_nodes.service import spec_of
from tests.check import sounds
from tests.check.sounds import RATE, band, long_voice, mixed, pitched, save, silence, voice


def wav(make, **options):
    return lambda path: save(path.with_suffix(".wav"), make(), **options)


def coded(make, name, codec, **options):
    return lambda path: sounds.encode(path.with_suffix(name), make(), codec, **options)


def stereo(left, right, **options):
    return lambda path: save(path.with_suffix(".wav"), [left(), right()], **options)


def far(share):
    return lambda: share * voice()


def clipped(decibels, level=1.0):
    return lambda: np.clip(sounds.loud(voice(), 1.0) * 10 ** (decibels / 20), -1, 1) * level


def film(path):
    """An MP4 with pictures and no sound."""
    from tests.sandbox.preview.films import save_film

    return save_film(path.with_suffix(".mp4"), [np.full((64, 64, 3), n, np.uint8) for n in range(10)], 10)


# A name, how to make the file, what must be found, and what else may be.
BAD = {
    "a film without sound": (film, "sound.no_track"),
    "digital silence": (wav(lambda: silence(5)), "sound.silent"),
    "the noise of a converter": (wav(lambda: silence(5, 3e-5)), "sound.silent"),
    "silence as an MP3": (coded(lambda: silence(5), ".mp3", "libmp3lame"), "sound.silent"),
    "a voice 40 dB too quiet": (wav(far(0.01)), "sound.too_quiet"),
    "a voice 46 dB too quiet": (coded(far(0.005), ".m4a", "aac"), "sound.too_quiet"),
    "white noise": (wav(sounds.noise), "sound.no_speech"),
    "pink noise": (wav(lambda: sounds.noise(0.5)), "sound.no_speech"),
    "brown noise": (wav(lambda: sounds.noise(1.0)), "sound.no_speech"),
    "noise as an MP3": (coded(sounds.noise, ".mp3", "libmp3lame"), "sound.no_speech"),
    "swelling noise": (wav(sounds.swelling_noise), "sound.no_speech"),
    "rain": (wav(sounds.rain), "sound.no_speech"),
    "wind": (wav(sounds.wind), "sound.no_speech"),
    "hum of 50 Hz": (wav(sounds.hum), "sound.no_speech"),
    "hum of 120 Hz": (wav(lambda: sounds.hum(120)), "sound.no_speech"),
    "a tone": (wav(sounds.tone), "sound.no_speech"),
    "a low tone": (wav(lambda: sounds.tone(150)), "sound.no_speech"),
    "a sweep": (wav(sounds.sweep), "sound.no_speech"),
    "a siren": (wav(sounds.siren), "sound.no_speech"),
    "clicks": (wav(sounds.clicks), "sound.no_speech"),
    "typing": (wav(sounds.typing), "sound.no_speech"),
    "applause": (wav(sounds.applause), "sound.no_speech"),
    "drums": (wav(sounds.drums), "sound.no_speech"),
    "quick drums": (wav(lambda: sounds.drums(0.125, 3)), "sound.no_speech"),
    "birds": (wav(sounds.birds), "sound.no_speech"),
    "struck chords": (wav(sounds.music), "sound.no_speech"),
    "chords and drums": (wav(lambda: sounds.music() + sounds.drums()), "sound.no_speech"),
    "an organ": (coded(sounds.organ, ".mp3", "libmp3lame"), "sound.no_speech"),
    "a melody": (wav(sounds.melody), "sound.no_speech"),
    "ringing": (wav(sounds.ringing), "sound.no_speech"),
    "Morse code": (wav(sounds.morse), "sound.no_speech"),
    "an engine": (wav(sounds.engine), "sound.no_speech"),
    "clipped by 12 dB": (wav(clipped(12)), "sound.clipped"),
    "clipped by 20 dB": (wav(clipped(20)), "sound.clipped"),
    "clipped by 18 dB as an MP3": (coded(clipped(18), ".mp3", "libmp3lame"), "sound.clipped"),
    "clipped and made quieter": (wav(clipped(18, 0.4)), "sound.clipped"),
    "channels that cancel": (stereo(voice, lambda: -voice()), "sound.channels_cancel"),
    "channels that cancel nearly": (stereo(voice, lambda: -0.8 * voice()), "sound.channels_cancel"),
    "3 s of speech in 40": (
        wav(lambda: np.concatenate([voice()[: 3 * RATE], silence(37)])),
        "sound.little_speech",
        "sound.long_end",
    ),
    "4 s of speech in a minute of music": (
        wav(lambda: np.concatenate([np.tile(sounds.music(), 5), voice()[: 4 * RATE], np.tile(sounds.music(), 5)])),
        "sound.little_speech",
        "sound.long_start",
        "sound.long_end",
    ),
}
GOOD = {
    "a reader": wav(voice),
    "another reader": wav(lambda: voice("right")),
    "two seconds": wav(lambda: voice()[: 2 * RATE]),
    "ten seconds as an MP3": coded(long_voice, ".mp3", "libmp3lame"),
    "an MP3 of few bits": coded(long_voice, ".mp3", "libmp3lame", bit_rate=24_000),
    "AAC in stereo": coded(voice, ".m4a", "aac", rate=48_000, layout="stereo"),
    "Opus": coded(voice, ".ogg", "libopus", rate=48_000),
    "stereo": stereo(voice, voice),
    "a louder left channel": stereo(voice, far(0.3)),
    "a quiet voice": wav(far(0.15)),
    "a voice at full scale": wav(lambda: sounds.loud(voice(), 1.0)),
    "8 bits": wav(voice, bits=8),
    "a telephone": wav(lambda: band(voice(), 300, 3400)[::2], rate=8000),
    "a child": wav(lambda: pitched(voice(), 1.35)),
    "a deep voice": wav(lambda: pitched(voice(), 0.8)),
    "a whisper": wav(lambda: sounds.whisper(long_voice())),
    "a song": wav(lambda: sounds.song(long_voice())),
    "a room": wav(lambda: sounds.in_room(voice())),
    "over music": wav(lambda: mixed(long_voice(), sounds.music(), 8)),
    "over a melody": wav(lambda: mixed(long_voice(), sounds.melody(), 10)),
    "over drums": wav(lambda: mixed(long_voice(), sounds.drums(), 8)),
    "in the street": wav(lambda: mixed(voice(), sounds.noise(0.5), 10)),
    "in the rain": wav(lambda: mixed(voice(), sounds.rain(), 10)),
    "with hum": wav(lambda: mixed(voice(), sounds.hum(), 15)),
    "a short sentence and a pause": wav(lambda: np.concatenate([voice()[:RATE], silence(1.9, 1e-4)])),
    "with pauses": wav(lambda: np.concatenate([voice(), silence(2, 1e-4), voice("right"), silence(1.5, 1e-4)])),
}
# What is worth knowing, but no warning.
TOLD = {
    "one channel": (stereo(voice, lambda: 0 * voice()), {"sound.one_channel"}),
    "the other channel": (stereo(lambda: 0.001 * voice(), voice), {"sound.one_channel"}),
    "8 kHz": (GOOD["a telephone"], {"sound.low_rate"}),
    "a late start": (wav(lambda: np.concatenate([silence(3, 1e-4), long_voice()])), {"sound.long_start"}),
    "a long end": (wav(lambda: np.concatenate([long_voice(), silence(3.5)])), {"sound.long_end"}),
    "a third of the time": (
        wav(lambda: np.concatenate([voice(), silence(12, 1e-4)])),
        {"sound.little_speech", "sound.long_end"},
    ),
    "clipped a little": (wav(clipped(7)), {"sound.clipped"}),
}


def found(*files, form=ImageForm, **options):
    names = ("audio",) if form is not ImageMultiForm else ("left_audio", "right_audio")
    given = dict(zip(names, files, strict=True))
    draft = form.model_construct(**options)
    inputs = Inputs(spec_of(draft), draft, given)
    return list(_sounds.findings(inputs))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_sound_is_found(name, tmp_path):
    make, code, *others = BAD[name]
    findings = found(make(tmp_path / "sound"))
    grave = {one.code for one in findings if one.severity != "info"}
    assert grave == {code}
    assert {one.code for one in findings} <= {code, *others}
    assert {one.field for one in findings} == {"audio"}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_sound_gets_no_warning(name, tmp_path):
    findings = found(GOOD[name](tmp_path / "sound"))
    assert {one.code for one in findings} <= {"sound.low_rate"}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_worth_knowing(name, tmp_path):
    make, codes = TOLD[name]
    findings = found(make(tmp_path / "sound"))
    assert {one.code for one in findings} == codes
    assert {one.severity for one in findings} == {"info"}


@pytest.mark.parametrize(("decibels", "quiet"), [(-47.0, True), (-43.0, False)])
def test_a_voice_is_too_quiet_below_45_decibels(decibels, quiet, tmp_path):
    level = listen(save(tmp_path / "voice.wav", voice())).loudness
    path = save(tmp_path / "quieter.wav", voice() * 10 ** ((decibels - level) / 20))
    assert {one.code for one in found(path)} == ({"sound.too_quiet"} if quiet else set())


def test_the_facts_are_seconds(tmp_path):
    path = save(tmp_path / "late.wav", np.concatenate([silence(6, 1e-4), voice(), silence(6, 1e-4)]))
    facts = {one.code: one.facts for one in found(path)}
    spoken = len(voice()) / RATE
    assert facts["sound.little_speech"]["seconds"] == pytest.approx(spoken + 12, abs=0.1)
    assert facts["sound.little_speech"]["speech"] == pytest.approx(spoken, abs=0.8)
    assert facts["sound.long_start"]["pause"] == pytest.approx(6, abs=0.6)
    assert facts["sound.long_end"]["pause"] == pytest.approx(6, abs=0.8)


def test_the_sound_of_a_film_is_not_listened_to(tmp_path):
    path = save(tmp_path / "voice.wav", voice())
    draft = VideoForm.model_construct()
    inputs = Inputs(spec_of(draft), draft, {"video": film(tmp_path / "film"), "audio": path})
    assert list(_sounds.findings(inputs)) == []


def later(samples):
    return np.concatenate([silence(0.05), 0.5 * samples]).astype(np.float32)


@pytest.mark.parametrize(
    "again",
    [
        wav(voice),
        wav(far(0.3)),
        coded(voice, ".mp3", "libmp3lame"),
        coded(voice, ".m4a", "aac", rate=44_100),
        wav(lambda: later(voice())),
        stereo(voice, voice),
    ],
    ids=["copy", "quieter", "MP3", "AAC", "later", "stereo"],
)
def test_both_people_have_the_same_sound(again, tmp_path):
    left = save(tmp_path / "left.wav", voice())
    (finding,) = found(left, again(tmp_path / "right"), form=ImageMultiForm)
    assert (finding.code, finding.severity, finding.field) == ("sound.same_twice", "warning", None)


@pytest.mark.parametrize("right", [lambda: voice("right"), lambda: pitched(voice(), 1.1), lambda: voice()[::-1].copy()])
def test_different_speeches_are_not_the_same(right, tmp_path):
    files = save(tmp_path / "left.wav", voice()), save(tmp_path / "right.wav", right())
    assert "sound.same_twice" not in {one.code for one in found(*files, form=ImageMultiForm)}


def test_a_side_without_speech_is_named(tmp_path):
    files = save(tmp_path / "left.wav", voice()), save(tmp_path / "right.wav", sounds.music())
    (finding,) = found(*files, form=ImageMultiForm)
    assert (finding.code, finding.field) == ("sound.no_speech", "right_audio")


def test_who_speaks_at_the_same_time_as_another_may_be_silent_meanwhile(tmp_path):
    left = save(tmp_path / "left.wav", np.concatenate([voice(), silence(55)]))
    right = save(tmp_path / "right.wav", np.concatenate([silence(55), voice("right")]))
    together = found(left, right, form=ImageMultiForm, order="meanwhile")
    assert {one.severity for one in together} == {"info"}
    assert {one.code for one in together} == {"sound.little_speech"}
    in_turn = found(left, right, form=ImageMultiForm, order="left_right")
    assert {one.code for one in in_turn} == {"sound.little_speech", "sound.long_end", "sound.long_start"}
    assert {one.code for one in in_turn if one.severity == "warning"} == {"sound.little_speech"}


def test_ten_seconds_take_a_moment_and_ten_minutes_little_memory(tmp_path):
    short = save(tmp_path / "short.wav", long_voice())
    found(short)
    start = time.process_time()
    found(short)
    assert time.process_time() - start < 1
    whole = np.resize(long_voice(60), 600 * RATE)
    long = save(tmp_path / "long.wav", [whole, whole])
    tracemalloc.start()
    found(long)
    assert tracemalloc.get_traced_memory()[1] < 120e6
    tracemalloc.stop()
