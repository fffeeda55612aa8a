"""What a job costs, by the documented examples and rules."""

import pickle

import pytest

from lipsync_nodes import (
    BudgetExceeded,
    Credits,
    ImageForm,
    ImageMultiForm,
    InvalidRequest,
    LipsyncClient,
    LipsyncError,
    VideoForm,
    estimate_credits,
)
from lipsync_nodes.flows import Budget, Submission
from lipsync_nodes.host import CATALOGUE


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
        ("480p", 4.9, 10, True),
        ("480p", 5.04, 12, False),  # no rule of rounding is documented, and the upstream rounds up
        ("480p", 10.02, 22, False),
        ("480p", 0.1 + 0.2 + 9.7, 20, True),  # 10 s but for an error of floating point
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
def test_a_video_costs_by_its_audio(video_seconds, credits_, exact):
    """A video costs by its audio and says where that is an upper bound."""
    cost = estimate_credits(video(), audio_seconds=10, video_seconds=video_seconds)
    assert (cost, cost.exact) == (credits_, exact)
    assert bool(cost.caveat) is not exact


@pytest.mark.parametrize(
    ("order", "left", "right", "credits_"),
    [("meanwhile", 6, 9, 18), ("left_right", 6, 9, 30), ("right_left", 6, 9, 30), ("left_right", 1, 1, 10)],
)
def test_two_people_cost_the_longer_audio_or_the_sum(order, left, right, credits_):
    assert estimate_credits(two(order), lengths={"left_audio": left, "right_audio": right}) == credits_


@pytest.mark.parametrize(
    ("form", "lengths", "missing"),
    [
        (image(), {}, "audio"),
        (video(), {"video_seconds": 3}, "audio"),
        (two(), {"left_audio_seconds": 3}, "right_audio"),
        (two(), {"right_audio_seconds": 3, "left_audio_seconds": None}, "left_audio"),
    ],
)
def test_a_length_that_is_not_known_is_asked_for(form, lengths, missing):
    with pytest.raises(InvalidRequest, match=f"length of `{missing}`, .* Give the length of `{missing}` in seconds"):
        estimate_credits(form, **lengths)


EACH_AUDIO = [(spec, field.name) for spec in CATALOGUE for field in spec.media if field.media == "audio"]


@pytest.mark.parametrize(("spec", "name"), EACH_AUDIO, ids=[f"{spec.command}-{name}" for spec, name in EACH_AUDIO])
def test_no_audio_is_left_out_of_the_bill(spec, name):
    """Of all endpoints, also of one that is added: without an audio's length there is no price, and with it more."""
    lengths = {field.name: 10.0 for field in spec.timed}
    draft = spec.draft(**{name: "https://x/"})
    with pytest.raises(InvalidRequest, match=f"length of `{name}`, "):
        estimate_credits(draft, lengths={**lengths, name: None})
    assert estimate_credits(draft, lengths={**lengths, name: 20}) > estimate_credits(draft, lengths=lengths)


def test_an_estimate_needs_only_what_the_cost_depends_on():
    """A draft: the forms of the endpoints without what they require. It cannot be submitted."""
    drafts = {spec.command: spec.draft for spec in CATALOGUE}
    assert estimate_credits(drafts["image"](resolution="720p"), audio_seconds=10) == 40
    both = {"left_audio": 6, "right_audio": 9}
    assert estimate_credits(drafts["image-multi"](order="left_right"), lengths=both) == 30
    with pytest.raises(InvalidRequest, match="`resolution`"):
        drafts["image"](resolution="8K")
    with LipsyncClient("sk_x", "https://service.example") as client, pytest.raises(InvalidRequest, match="No endpoint"):
        client.submit(drafts["image"]())


@pytest.mark.parametrize("name", ["image", "right_audio", "nonsense"])
def test_a_length_is_that_of_an_audio_or_a_video(name):
    with pytest.raises(InvalidRequest, match=f"no medium `{name}` that has a length; it has: video, audio"):
        estimate_credits(video(), lengths={"audio": 10, name: 10})
    with pytest.raises(InvalidRequest, match=f"no medium `{name}`"):
        estimate_credits(video(), **{"audio_seconds": 10, f"{name}_seconds": 10})
    with pytest.raises(TypeError, match="unexpected keyword argument 'audio'"):
        estimate_credits(video(), audio=10)


WRONG_LENGTHS = {"zero": 0, "-5": -5, "nan": float("nan"), "inf": float("inf"), "true": True, "text": "12", "1e9": 1e9}
WRONG_LENGTHS |= {"400 digits": 10**400, "5000 digits": 10**5000}
wrong_length = pytest.mark.parametrize("seconds", WRONG_LENGTHS.values(), ids=WRONG_LENGTHS.keys())


@wrong_length
@pytest.mark.parametrize("name", ["audio", "video"])
def test_a_length_is_a_positive_number(seconds, name):
    """Also one that the price can do without."""
    lengths = {"audio": 10, name: seconds}
    with pytest.raises(InvalidRequest, match=f"The length of `{name}` must be"):
        estimate_credits(video(), lengths=lengths, allow_long=True)


@wrong_length
def test_a_timeout_is_a_positive_number(sandbox, seconds):
    """A year at most: no clock of the system takes any number."""
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match="timeout must be"):
            client.wait("job", timeout=seconds)


@pytest.mark.parametrize(
    ("form", "lengths", "words"),
    [
        (image(), {"audio_seconds": 600.004}, "`audio` lasts 600.01 s"),
        (video(), {"audio_seconds": 10, "video_seconds": 700}, "`video` lasts 700 s"),
        (two("left_right"), {"left_audio_seconds": 400, "right_audio_seconds": 400}, "The video lasts 800 s"),
    ],
)
def test_a_given_length_has_the_limit_of_a_files(form, lengths, words):
    with pytest.raises(InvalidRequest, match=words):
        estimate_credits(form, **lengths)
    assert estimate_credits(form, **lengths, allow_long=True) > 0


def test_credits_keep_their_doubt_between_processes():
    cost = Credits(12, "rounded up")
    assert pickle.loads(pickle.dumps(cost)).caveat == "rounded up"


def test_a_budget_holds_over_several_submits():
    """A budget holds over several submits and takes back what was not charged."""
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


def test_an_unknown_cost_is_refused_by_a_budget():
    """A cost that is not known cannot be held against a budget."""
    with pytest.raises(BudgetExceeded, match="not known"), Budget(30).holding(None):
        pass


WRONG_CREDITS = {"-1000": -1000, "true": True, "nan": float("nan"), "20.0": 20.0, "text": "20", "huge": 10**5000}
wrong_credits = pytest.mark.parametrize("credits_", WRONG_CREDITS.values(), ids=WRONG_CREDITS.keys())


@wrong_credits
def test_a_budget_is_a_whole_number(credits_):
    for limited in (Budget, lambda limit: LipsyncClient("sk_x", "https://service.example", budget=limit)):
        with pytest.raises(InvalidRequest, match="budget must be a whole number"):
            limited(credits_)


@wrong_credits
def test_no_wrong_amount_gets_into_a_budget(credits_):
    """An amount below zero would raise what is left."""
    budget = Budget(60)
    with pytest.raises(InvalidRequest, match="whole number"), budget.holding(credits_):
        pass
    assert budget.committed == 0
    with pytest.raises(InvalidRequest, match="whole number"):
        Submission("lipsync-image", "/lipsync-image", {}, credits=credits_)


@wrong_credits
def test_a_wrong_estimate_is_refused_before_any_post(face_of, sandbox, credits_):
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, budget=60)
    for submit in (lambda: face.submit(image(), estimate=credits_), lambda: face.run(image(), estimate=credits_)):
        with pytest.raises(InvalidRequest, match="estimate must be a whole number"):
            submit()
    with pytest.raises(InvalidRequest, match="estimate must be a whole number"):
        face.run_many([image(), image()], estimates=[20, credits_])
    assert not sandbox.requests
