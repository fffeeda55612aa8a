"""What a job costs, by the documented examples and rules."""

import pickle

import pytest

from lipsync_nodes import (
    BudgetExceeded,
    Credits,
    ImageForm,
    ImageMultiForm,
    InvalidRequest,
    LipsyncError,
    VideoForm,
    estimate_credits,
)
from lipsync_nodes.credits import Budget


def image(resolution="480p"):
    return ImageForm(image="https://x/i", audio="https://x/a", resolution=resolution)


def video(resolution="480p"):
    return VideoForm(video="https://x/v", audio="https://x/a", resolution=resolution)


def two(order="meanwhile", resolution="480p"):
    urls = {"image": "https://x/i", "left_audio": "https://x/l", "right_audio": "https://x/r"}
    return ImageMultiForm(**urls, order=order, resolution=resolution)


@pytest.mark.parametrize(
    ("resolution", "seconds", "credits_", "exact"),
    [
        ("720p", 3, 20, True),  # the service's own example: 5 s is the least
        ("480p", 10, 20, True),  # and its other one
        ("480p", 0.1, 10, True),
        ("480p", 5, 10, True),
        ("480p", 5.5, 12, False),
        ("720p", 10.3, 44, False),
        ("480p", 10.02, 20, True),  # a codec frame too long
        ("720p", 600, 2400, True),
    ],
)
def test_an_image_costs_by_its_audio(resolution, seconds, credits_, exact):
    cost = estimate_credits(image(resolution), audio_seconds=seconds)
    assert (cost, cost.exact) == (credits_, exact)
    assert isinstance(cost, int)


@pytest.mark.parametrize(
    ("video_seconds", "credits_", "exact"), [(30, 20, True), (10, 20, True), (4, 20, False), (None, 20, False)]
)
def test_a_video_costs_by_its_audio_and_says_where_that_is_an_upper_bound(video_seconds, credits_, exact):
    cost = estimate_credits(video(), audio_seconds=10, video_seconds=video_seconds)
    assert (cost, cost.exact) == (credits_, exact)
    assert bool(cost.doubt) is not exact


@pytest.mark.parametrize(
    ("order", "left", "right", "credits_"),
    [("meanwhile", 6, 9, 18), ("left_right", 6, 9, 30), ("right_left", 6, 9, 30), ("left_right", 1, 1, 10)],
)
def test_two_people_cost_the_longer_audio_or_the_sum(order, left, right, credits_):
    assert estimate_credits(two(order), audio_seconds=left, right_audio_seconds=right) == credits_


@pytest.mark.parametrize(
    ("form", "lengths", "missing"),
    [
        (image(), {}, "audio_seconds"),
        (video(), {"video_seconds": 3}, "audio_seconds"),
        (two(), {"audio_seconds": 3}, "right_audio_seconds"),
    ],
)
def test_a_length_that_is_not_known_is_asked_for(form, lengths, missing):
    with pytest.raises(InvalidRequest, match=missing):
        estimate_credits(form, **lengths)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_length_is_a_positive_number(seconds):
    with pytest.raises(InvalidRequest, match="audio_seconds"):
        estimate_credits(image(), audio_seconds=seconds)


def test_credits_keep_their_doubt_between_processes():
    cost = Credits(12, "rounded up")
    assert pickle.loads(pickle.dumps(cost)).doubt == "rounded up"


def test_a_budget_holds_over_several_submits_and_takes_back_what_was_not_charged():
    budget = Budget(30)
    with pytest.raises(LipsyncError), budget.holding(20):
        raise LipsyncError("refused", may_have_charged=False)
    with budget.holding(20):
        pass
    with pytest.raises(BudgetExceeded, match="10 of the budget of 30"), budget.holding(11):
        pass
    with pytest.raises(LipsyncError), budget.holding(10):
        raise LipsyncError("who knows", may_have_charged=True)
    assert budget.committed == 30


def test_a_cost_that_is_not_known_cannot_be_held_against_a_budget():
    with pytest.raises(BudgetExceeded, match="not known"), Budget(30).holding(None):
        pass
