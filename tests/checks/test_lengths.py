"""What a check says of lengths: the limit, what is billed, and which of film and sound is longer."""

import pytest

from lipsync_nodes import ImageForm, ImageMultiForm, VideoForm
from lipsync_nodes.checks import Check, CheckRequest
from tests.checks.made import FACE, codes, film, named, sound

pytestmark = pytest.mark.usefixtures("blind")
IMAGE, AUDIO, VIDEO = (f"https://x.example/{name}" for name in ("i.png", "a.mp3", "v.mp4"))
TALK = ImageForm(image=IMAGE, audio=AUDIO)
DUBBED = VideoForm(video=VIDEO, audio=AUDIO)


def verdict_of(form, *, allow_long=False, **lengths):
    return Check(form, CheckRequest(lengths=lengths, allow_long=allow_long)).verdict


@pytest.mark.parametrize(("seconds", "over"), [(600, None), (600.08, 0.08), (600.001, 0.01), (650, 50)])
def test_over_the_limit_and_by_how_much(seconds, over):
    found = [one for one in verdict_of(TALK, audio=seconds).findings if one.code == "length.over_limit"]
    assert [(one.severity, one.basis, one.field, one.facts["over"]) for one in found] == (
        [("error", "upstream", "audio", over)] if over else []
    )


def test_a_file_over_the_limit_is_what_a_submission_refuses():
    check = Check(ImageForm(image=FACE, audio=sound(600.08, rate=100)))
    assert named(check.verdict, "length.over_limit").facts == {"seconds": 600.08, "longest": 600, "over": 0.08}
    assert [error.code for error in check.errors] == ["media.too_long"]
    assert check.verdict.credits == 1202


def test_a_long_one_that_the_caller_wants_is_only_said():
    verdict = verdict_of(TALK, audio=700, allow_long=True)
    assert (named(verdict, "length.over_limit").severity, verdict.ok) == ("info", True)


def test_two_audios_in_turn_make_a_video_that_is_too_long():
    form = ImageMultiForm(image=IMAGE, left_audio=AUDIO, right_audio=AUDIO, order="left_right")
    check = Check(form, CheckRequest(lengths={"left_audio": 400, "right_audio": 300}))
    found = named(check.verdict, "length.over_limit")
    assert (found.field, found.facts["over"], check.errors[0].code) == (None, 100, "media.too_long")
    assert codes(verdict_of(form, left_audio=300, right_audio=300), "error") == []


@pytest.mark.parametrize(
    ("seconds", "code", "billed"),
    [(3, "length.billed_minimum", 5), (5, None, 5), (5.4, "length.rounded_up", 6), (6, None, 6)],
)
def test_what_is_billed(seconds, code, billed):
    verdict = verdict_of(TALK, audio=seconds)
    assert codes(verdict) == [code][: bool(code)]
    assert verdict.credits == 2 * billed
    assert [one.facts["billed"] for one in verdict.findings] == [billed][: bool(code)]


def test_a_longer_film_is_trimmed_and_a_longer_sound_extends_it():
    trimmed = named(verdict_of(DUBBED, video=10, audio=6), "length.film_trimmed")
    assert (trimmed.severity, trimmed.basis, trimmed.facts["cut"]) == ("info", "documented", 4)
    extended = verdict_of(DUBBED, video=8, audio=12)
    facts = named(extended, "length.film_extended").facts
    assert (facts["added"], facts["least"], facts["credits"]) == (4, 16, 24)
    assert (extended.credits, extended.credits.exact) == (24, False)
    assert codes(verdict_of(DUBBED, video=6.1, audio=6)) == []


def test_lengths_that_contradict_each_other():
    form = ImageForm(image=FACE, audio=sound(6))
    assert codes(verdict_of(form, audio=6)) == []
    assert named(verdict_of(form, audio=9), "length.given_differs").facts == {"given": 9, "measured": 6}


def test_films_are_measured():
    verdict = Check(VideoForm(video=film(8), audio=sound(6))).verdict
    assert (codes(verdict), verdict.credits) == (["length.film_trimmed"], 12)


def test_a_length_that_cannot_be_is_an_error():
    check = Check(TALK, CheckRequest(lengths={"audio": -1}))
    assert (codes(check.verdict, "error"), check.errors[0].code) == (["argument.not_seconds"], "argument.not_seconds")


def test_a_cost_that_is_not_known_says_what_is_missing():
    verdict = Check(TALK).verdict
    assert (verdict.credits, named(verdict, "cost.unknown").facts) == (None, {"fields": ["audio"]})
    assert verdict.ok
