"""`verify`: whether the mouth moves with the sound, in videos that the sandbox rendered and in changed ones."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_nodes import ConfigurationError, InvalidRequest, LipsyncError
from lipsync_nodes.checks import verify
from tests.check import videos
from tests.check.videos import LEFT, RIGHT, said


@pytest.mark.parametrize("milliseconds", [-200, -120, 80, 200])
def test_the_offset_is_found(talking_video, spoken, renders, milliseconds):
    """A sound that comes later makes the picture early."""
    shifted = videos.save_wav(renders / "shifted.wav", videos.later(spoken, milliseconds / 1000))
    found = verify(talking_video, audio=shifted)
    assert found.verdict == "out_of_sync"
    assert found.offset_ms == pytest.approx(-milliseconds, abs=20)
    assert found.reason == ("verify.early" if milliseconds > 0 else "verify.late")
    assert str(abs(found.offset_ms)) in found.message()
    assert str(abs(found.offset_ms)) in found.message("zh")


@pytest.mark.parametrize("milliseconds", [-40, 40])
def test_a_small_offset_is_in_sync(talking_video, spoken, renders, milliseconds):
    shifted = videos.save_wav(renders / "shifted.wav", videos.later(spoken, milliseconds / 1000))
    found = verify(talking_video, audio=shifted)
    assert found.verdict == "in_sync"
    assert found.offset_ms == pytest.approx(-milliseconds, abs=20)


@pytest.mark.parametrize("milliseconds", [-160])
def test_the_offset_of_the_videos_own_sound_is_found(talking_video, spoken, renders, milliseconds):
    changed = videos.with_sound(talking_video, videos.later(spoken, milliseconds / 1000), renders / "changed.mp4")
    assert verify(changed).offset_ms == pytest.approx(-milliseconds, abs=20)


def test_another_sound_is_not_in_sync(talking_video, renders):
    other = videos.save_wav(renders / "other.wav", said(RIGHT, 4.6))
    found = verify(talking_video, audio=other)
    assert (found.verdict, found.reason, found.offset_ms) == ("out_of_sync", "verify.other_sound", None)
    assert found.correlation < 0.5


def test_a_frozen_mouth_does_not_move(rendered, spoken, renders):
    """The head sways and the eyes blink, but the mouth was rendered for silence."""
    silent = rendered("silent", np.zeros(len(spoken), np.float32))
    frozen = videos.with_sound(silent, spoken, renders / "frozen.mp4")
    found = verify(frozen)
    assert (found.verdict, found.reason, found.offset_ms) == ("not_moving", "verify.not_moving", None)
    assert found.face_share == 1


def test_a_photo_does_not_move(spoken, renders):
    photo = videos.with_sound(videos.still(renders / "still.mp4", 4.6), spoken, renders / "photo.mp4")
    assert verify(photo).verdict == "not_moving"


@pytest.mark.parametrize("how", [{"fps": 25}, {"fps": 12}, {"fps": 25, "other": 2.0}], ids=["25 fps", "12 fps", "cut"])
def test_a_face_that_the_camera_moves_does_not_move_its_mouth(spoken, renders, how):
    film = videos.film(renders / "closed.mp4", seconds=4.6, **how)
    assert verify(videos.with_sound(film, spoken, renders / "closed with sound.mp4")).verdict == "not_moving"


def test_a_gap_in_the_sound_track_is_silence(talking_video, spoken, renders):
    """Its second half begins later by its time stamps only, as in a recording that lost packets."""
    half = len(spoken) // 2
    gap = round(0.2 * videos.RATE)
    quiet = np.concatenate([spoken[: half - gap], np.zeros(gap, np.float32), spoken[half:]])
    video = videos.with_sound(talking_video, quiet, renders / "gap.mp4", lost=(half - gap, half))
    assert verify(video).verdict == "in_sync"


def cannot_tell_of(video, **given):
    found = verify(video, **given)
    assert (found.verdict, found.offset_ms) == ("cannot_tell", None)
    return found


def test_without_a_face_it_cannot_tell(spoken, renders):
    grey = videos.save_film(renders / "grey.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 60, 25)
    found = cannot_tell_of(videos.with_sound(grey, spoken, renders / "no face.mp4"))
    assert (found.reason, found.correlation, found.face_share) == ("verify.no_face", None, 0)
    assert "no face" in found.message()
    assert "人脸" in found.message("zh")


def test_without_speech_it_cannot_tell(talking_video, renders):
    noise = np.random.default_rng(1).normal(0, 0.1, 4 * videos.RATE).astype(np.float32)
    audio = videos.save_wav(renders / "noise.wav", noise)
    assert cannot_tell_of(talking_video, audio=audio).reason == "verify.no_speech"


def test_without_a_sound_track_it_cannot_tell(renders):
    assert cannot_tell_of(videos.still(renders / "mute.mp4", 1)).reason == "verify.no_sound"


def test_of_too_little_speech_it_cannot_tell(spoken, renders):
    short = videos.still(renders / "short.mp4", 1)
    assert (
        cannot_tell_of(videos.with_sound(short, spoken[: videos.RATE], renders / "1s.mp4")).reason == "verify.too_short"
    )


def test_of_a_tiny_face_it_cannot_tell(talking_video, spoken, renders):
    tiny = videos.scaled_down(talking_video, renders / "tiny.mp4", 90)
    assert (
        cannot_tell_of(videos.with_sound(tiny, said(RIGHT, 4.6), renders / "t.mp4")).reason == "verify.face_too_small"
    )


def test_two_people_have_a_sound_each(rendered):
    left, right = said(LEFT, 3.6), said(RIGHT, 3.6)
    video = rendered("two", left, right=right, image=videos.DUET)
    found = verify(video, audio=video.with_name("two.wav"), right_audio=video.with_name("two right.wav"))
    assert found.verdict == "in_sync"
    assert [one.verdict for one in found.people] == ["in_sync", "in_sync"]
    assert all(one.correlation > 0.7 and one.other_correlation < 0.5 for one in found.people)
    assert [one["place"] for one in found.as_json()["people"]] == ["left", "right"]
    swapped = verify(video, audio=video.with_name("two right.wav"), right_audio=video.with_name("two.wav"))
    assert (swapped.verdict, swapped.reason) == ("out_of_sync", "verify.swapped")


@pytest.mark.parametrize("order", ["left_right", "right_left"])
def test_two_people_speak_in_turn(rendered, order):
    video = rendered(order, said(LEFT, 2.4), right=said(RIGHT, 2.4), image=videos.DUET, order=order)
    sounds = {"audio": video.with_name(f"{order}.wav"), "right_audio": video.with_name(f"{order} right.wav")}
    assert verify(video, **sounds, order=order).verdict == "in_sync"
    assert verify(video, **sounds, order="meanwhile").verdict == "out_of_sync"
    assert verify(video).verdict == "in_sync"  # its own sound has the speech of both


def test_the_source_says_what_was_gained(rendered, renders):
    source = videos.film(renders / "source.mp4", 25, 3)
    video = rendered("dubbed", said(RIGHT, 3), video=source)
    found = verify(video, source=source)
    assert found.verdict == "in_sync"
    assert found.source.correlation < 0.5 < found.correlation
    assert f"{found.source.correlation:.2f}" in found.message()
    assert found.as_json()["source"]["verdict"] in {"not_moving", "out_of_sync"}


VOICES = {
    "a": lambda: said(LEFT, 3),
    "b": lambda: said(RIGHT, 3),
    "high": lambda: said(LEFT, 3, 1.2),
    "low": lambda: said(RIGHT, 3, 0.85),
    "slow": lambda: said(LEFT, 3, 0.75, 1),
    "fast": lambda: said(RIGHT, 3, 1.3, 0.5),
}
FILMS = {
    "10 fps": {"fps": 10},
    "15 fps": {"fps": 15},
    "24 fps": {"fps": 24},
    "30 fps": {"fps": 30},
    "50 fps": {"fps": 50},
    "60 fps": {"fps": 60},
    "cut": {"fps": 25, "other": 1.5},
    "away": {"fps": 25, "away": (1.2, 1.8)},
}


@pytest.mark.parametrize("voice", VOICES)
def test_a_rendered_photo_is_in_sync(rendered, voice):
    found = verify(rendered(voice, VOICES[voice](), seed=len(voice)))
    assert (found.verdict, found.face_share) == ("in_sync", 1)
    assert abs(found.offset_ms) <= 20


@pytest.mark.parametrize("name", FILMS)
def test_a_rendered_film_is_in_sync(rendered, renders, name):
    source = videos.film(renders / f"{name} source.mp4", seconds=3, **FILMS[name])
    found = verify(rendered(name, said(RIGHT, 3), video=source))
    assert found.verdict == "in_sync"
    assert abs(found.offset_ms) <= 20
    assert found.face_share == pytest.approx(0.8 if name == "away" else 1, abs=0.06)


def test_a_long_video_is_looked_at_in_parts(rendered, renders, spoken):
    """Half a minute: the parts are found by seeking, and the offset is that of the whole."""
    long = np.tile(spoken, 6)
    video = rendered("long", long, short_side=200)
    shifted = videos.save_wav(renders / "long.wav", videos.later(long, -0.1))
    reports = []
    found = verify(video, audio=shifted, progress=reports.append)
    assert (found.verdict, found.offset_ms) == ("out_of_sync", pytest.approx(100, abs=20))
    assert reports == sorted(reports)
    assert reports[-1] == 1


def test_the_json_has_these_values_and_the_note_says_that_it_is_no_score(talking_video):
    found = verify(talking_video)
    assert "no score of quality" in found.note()
    assert "不是画质评分" in found.note("zh")
    found = found.as_json()
    assert list(found) == [
        "verdict", "correlation", "offset_ms", "face_share", "people", "source", "reason", "message",
    ]  # fmt: skip
    assert found["verdict"] == "in_sync"
    assert (found["reason"], found["source"], len(found["people"])) == (None, None, 1)


def test_a_right_sound_needs_a_left_one(talking_video, renders):
    with pytest.raises(InvalidRequest, match="left"):
        verify(talking_video, right_audio=LEFT)


@pytest.mark.parametrize("field", ["video", "audio", "source"])
def test_a_missing_file_is_told_as_such(talking_video, renders, field):
    files = {"video": talking_video, field: renders / "none.mp4"}
    with pytest.raises(InvalidRequest, match=r"none\.mp4 cannot be read: No such file or directory"):
        verify(**files)


def test_a_file_that_is_no_video_is_an_error(renders):
    with pytest.raises(LipsyncError):
        verify(LEFT)


def test_without_the_extra_it_says_what_to_install(talking_video, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lipsync_nodes.checks._comparison", None)
    with pytest.raises(ConfigurationError, match=r"lipsync-nodes\[check\]"):
        verify(talking_video)
