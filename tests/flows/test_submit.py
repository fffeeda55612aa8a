"""The flow of a submit, played to its end with no socket, no clock and no sleep."""

import ast
import json
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lipsync_nodes.client._base import job_in
from lipsync_nodes.errors import (
    BudgetExceeded,
    ConfigurationError,
    ConnectionFailed,
    LipsyncError,
    RateLimited,
    SubmissionUncertain,
    SubmitTimeout,
)
from lipsync_nodes.flows import (
    Budget,
    CheckWebhook,
    Claim,
    Claimed,
    Deadline,
    Found,
    Gone,
    Hold,
    Sending,
    Superseded,
    Uncertain,
)
from lipsync_nodes.flows import _submit as submitting
from lipsync_nodes.flows import _wait as flow
from lipsync_nodes.service import Answer, Job
from tests.stage import DONE, FORM, LOST, PROCESSING, STEADY, SUBMISSION, UNREACHED, Stage, answer, submit


def test_a_submit_is_one_post_and_gives_the_job():
    stage, play = submit(PROCESSING)
    assert play().id == "j1"
    assert [(send.method, send.path, json.loads(send.body), send.paid) for send in stage.sent] == [
        ("POST", "/lipsync-image", {"formState": FORM}, True)
    ]
    assert stage.told == ["Claim", "Sending", "Accepted"]


@pytest.mark.parametrize(
    "reply",
    [
        LOST,
        *(answer(status) for status in (0, 101, 300, 301, 302, 303, 304, 307, 308, 408, 460, 499)),
        *(answer(status) for status in (500, 501, 502, 503, 504, 599, 600, 999)),
        *(answer(status, {"retry-after": "1"}) for status in (302, 408, 500, 502, 503, 504)),
        answer(503, {"retry-after": "86400"}),
        answer(503, {"retry-after-ms": "5"}),
        Answer(200, {}, b""),
        Answer(200, {}, b'{"id": "j'),
        Answer(200, {}, b"<html>hello</html>"),
        Answer(200, {}, b"\xff\xfe"),
        answer(status="processing"),
        answer(id="", status="processing"),
        answer(id=["j1"]),
        Answer(201, {}, b"[]"),
    ],
    ids=str,
)
def test_a_submit_of_unknown_outcome_is_never_sent_again(reply):
    stage, play = submit(reply)
    with pytest.raises(SubmissionUncertain) as caught:
        play()
    assert caught.value.may_have_charged
    assert len(stage.sent) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "j1", "status": 7, "output": [], "model": {}, "executionTime": "1.2 s", "error": {"code": 3}}',
        b'{"id": "j1", "status": null}',
        b'{"id": "j1", "sta',
        b' {"requestId":"j1", "status": "processing"',
        b'{"note": "half an emoji: \\ud83d", "\\ud83d": 1, "id": "j1"}',
        b'{"timings": ' + b"[" * 300 + b"]" * 300 + b', "id": "j1"}',
    ],
)
def test_an_odd_answer_never_loses_the_id_of_a_paid_job(body):
    """The id of a paid job is never lost to an odd or broken answer."""
    stage, play = submit(Answer(200, {}, body))
    job = play()
    assert (job.id, job.finished) == ("j1", False)
    assert job.model_dump_json().encode()
    assert stage.told == ["Claim", "Sending", "Accepted"]


def test_a_failing_ledger_after_the_post_hides_no_job():
    """A ledger that fails after the post does not hide the job."""

    def full(event):
        if isinstance(event, Claim):
            return Claimed(1)
        if isinstance(event, Sending):
            return None
        raise ConfigurationError("the disk is full")

    _, play = submit(PROCESSING, ledger=full)
    with pytest.raises(ConfigurationError, match="the disk is full") as caught:
        play()
    assert (caught.value.job_id, caught.value.may_have_charged) == ("j1", True)
    _, play = submit(LOST, ledger=full)
    with pytest.raises(SubmissionUncertain) as caught:
        play()
    assert "the disk is full" in caught.value.__notes__[0]


def test_an_expired_claim_is_made_again_before_the_post():
    """A claim that ran out is made again before anything is sent."""
    sendings = iter([Superseded(), None])

    def ledger(event):
        return Claimed(1) if isinstance(event, Claim) else next(sendings) if isinstance(event, Sending) else None

    stage, play = submit(PROCESSING, ledger=ledger, budget=Budget(20))
    assert play().id == "j1"
    assert (len(stage.sent), stage.told) == (1, ["Claim", "Sending", "Claim", "Sending", "Accepted"])


@pytest.mark.parametrize("claims", [[Hold(0.2), Claimed(1)], [Claimed(1), Claimed(2)]], ids=["held", "superseded"])
def test_a_consent_to_resubmit_holds_for_what_was_known(claims):
    """Somebody else, who was asked the same, was quicker; what became of that is another question."""
    replies = iter(claims)
    sendings = iter([None] if isinstance(claims[0], Hold) else [Superseded(), None])

    def ledger(event):
        return next(replies) if isinstance(event, Claim) else next(sendings) if isinstance(event, Sending) else None

    stage = Stage(PROCESSING, ledger=ledger)
    assert stage.play(submitting.submit(replace(SUBMISSION, key="k", resubmit_uncertain=True), STEADY)).id == "j1"
    consents = [event.submission.resubmit_uncertain for event in stage.events if isinstance(event, Claim)]
    assert consents == [True, False]


def test_a_queue_has_an_end():
    stage, play = submit(PROCESSING, ledger=lambda e: Claimed(1) if isinstance(e, Claim) else Hold(60.0))
    with pytest.raises(RateLimited, match=r"own limits.*Nothing was submitted") as caught:
        play()
    assert "was refused" not in str(caught.value)
    assert (stage.sent, sum(stage.slept) <= STEADY.longest_queue) == ([], True)


def within(seconds, *replies, submission=SUBMISSION, **options):
    """Submit with a deadline; the stage's clock begins at 1000."""
    stage = Stage(*replies, **options)
    deadline, budget = Deadline(seconds, 1000.0 + seconds), Budget(20)
    playing = submitting.submit(submission, STEADY, budget, queue_seconds=seconds, deadline=deadline)
    return stage, budget, lambda: stage.play(playing)


def test_a_queue_ends_before_the_deadline_and_sends_nothing():
    """What was set aside and claimed is free again."""
    queue = lambda event: Claimed(1) if isinstance(event, Claim) else Hold(60.0)  # noqa: E731
    stage, budget, play = within(100, PROCESSING, ledger=queue)
    with pytest.raises(SubmitTimeout, match=r"own limits left no room .* 100 s. Nothing was submitted"):
        play()
    assert (stage.sent, stage.told[-1], budget.committed) == ([], "Refused", 0)
    assert 1090 < stage.now < 1100


def test_a_queue_ends_also_where_a_clock_is_too_coarse():
    """After 57 years the clock's steps are longer than what rounding leaves of a short time."""
    queue = lambda event: Claimed(1) if isinstance(event, Claim) else Hold(0.2)  # noqa: E731
    stage = Stage(PROCESSING, ledger=queue)
    stage.now = 1_800_000_000.0
    with pytest.raises(SubmitTimeout):
        stage.play(submitting.submit(SUBMISSION, STEADY, deadline=Deadline(0.3, stage.now + 0.3)))
    assert len(stage.events) < 20


def test_a_look_after_another_job_keeps_to_the_deadline():
    queue = lambda event: Claimed(1) if isinstance(event, Claim) else Hold(1.0, look_at="j0")  # noqa: E731
    stage, _, play = within(5, PROCESSING, ledger=queue)
    with pytest.raises(SubmitTimeout):
        play()
    assert [send.method for send in stage.sent] == ["GET"] * len(stage.sent)
    assert all(0 < send.timeout <= 5 for send in stage.sent)


def test_a_wait_for_another_submit_ends_before_the_deadline():
    stage, budget, play = within(10, PROCESSING, ledger=lambda _event: Hold(0.2))
    with pytest.raises(SubmitTimeout, match=r"elsewhere.* within 10 s. Nothing was sent by this call") as caught:
        play()
    assert not caught.value.may_have_charged
    assert (stage.sent, budget.committed, stage.now < 1010) == ([], 0, True)


@pytest.mark.parametrize(
    ("reply", "error"),
    [(UNREACHED, ConnectionFailed), (answer(429, {"retry-after": "20"}), RateLimited)],
    ids=["unreached", "paced"],
)
def test_a_pause_that_ends_after_the_deadline_is_not_begun(reply, error):
    stage, budget, play = within(0.4 if reply is UNREACHED else 20, reply)
    with pytest.raises(error):
        play()
    assert (len(stage.sent), stage.pauses, budget.committed, stage.told[-1]) == (1, [], 0, "Refused")


def test_a_post_may_take_what_is_left_and_none_is_begun_too_late():
    held = iter([Hold(50.0), None])
    ledger = lambda event: Claimed(1) if isinstance(event, Claim) else next(held, None)  # noqa: E731
    stage, _, play = within(60, LOST, ledger=ledger)
    with pytest.raises(SubmissionUncertain):
        play()
    assert [send.timeout for send in stage.sent] == [10.0]
    assert [event.lease for event in stage.events if isinstance(event, Sending)] == [60.0, 10.0]


def test_a_webhook_is_waited_for_until_the_deadline():
    submission = replace(SUBMISSION, callback="c", key="k")
    stage, _, play = within(30, LOST, submission=submission)
    with pytest.raises(SubmissionUncertain):
        play()
    assert stage.now == pytest.approx(1030)
    assert any(isinstance(event, CheckWebhook) for event in stage.events)


def test_a_submit_that_never_arrived_is_sent_again():
    """A submit that never arrived is sent again a few times with growing pauses."""
    stage, play = submit(UNREACHED)
    with pytest.raises(ConnectionFailed) as caught:
        play()
    assert not caught.value.may_have_charged
    assert len(stage.sent) == STEADY.connect_tries
    assert stage.pauses == sorted(set(stage.pauses))


def test_a_submit_succeeds_when_the_service_is_back():
    """A submit that never arrived succeeds when the service is back."""
    stage, play = submit(UNREACHED, UNREACHED, PROCESSING)
    assert play().id == "j1"
    assert len(stage.sent) == 3


@pytest.fixture
def far_east(monkeypatch):
    """A machine whose own time is nine hours ahead of UTC."""
    monkeypatch.setenv("TZ", "JST-9")
    set_zone = getattr(time, "tzset", lambda: None)  # Windows reads no TZ; there its own zone has to do
    set_zone()
    yield
    monkeypatch.undo()
    set_zone()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0"}, 0.2),
        ({"retry-after": "-5"}, 0.2),
        ({"retry-after-ms": "0"}, 0.2),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:09 GMT"}, 9),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:09"}, 9),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:09 -0000"}, 9),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
    ],
    ids=str,
)
def test_a_submit_refused_with_a_pace_is_sent_again_at_that_pace(far_east, headers, seconds):
    stage, play = submit(answer(429, headers), PROCESSING)
    assert play().id == "j1"
    assert sum(stage.slept) == pytest.approx(seconds * 1.05)


@pytest.mark.parametrize("asked", ["86400", "inf", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_an_absurd_pace_is_not_obeyed(asked):
    stage, play = submit(answer(429, {"retry-after": asked}))
    with pytest.raises(RateLimited) as caught:
        play()
    assert not caught.value.may_have_charged
    assert caught.value.retry_after > STEADY.longest_pace
    assert (len(stage.sent), stage.pauses) == (1, [])


def test_a_service_that_refuses_for_ever_is_left_alone():
    stage, play = submit(answer(429, {"retry-after": "1"}))
    with pytest.raises(RateLimited):
        play()
    assert len(stage.sent) == STEADY.paced_tries


@pytest.mark.parametrize("pace", [None, "soon", "nan", ""])
def test_a_429_without_a_pace_is_refused_and_not_sent_again(pace):
    stage, play = submit(answer(429, {"retry-after": pace} if pace is not None else {}))
    with pytest.raises(RateLimited) as caught:
        play()
    assert (len(stage.sent), caught.value.may_have_charged, caught.value.retry_after) == (1, False, None)


def test_the_ledger_is_told_what_became_of_a_submit():
    for replies, told in (
        ([LOST], ["Claim", "Sending", "Uncertain"]),
        ([answer(402)], ["Claim", "Sending", "Refused"]),
        ([UNREACHED, PROCESSING], ["Claim", "Sending", "Paused", "Sending", "Accepted"]),
        ([answer(429, {"retry-after": "1"}), answer(400)], ["Claim", "Sending", "Paused", "Sending", "Refused"]),
    ):
        stage, play = submit(*replies)
        with suppress(LipsyncError):
            play()
        assert stage.told == told


def test_an_earlier_submission_is_picked_up():
    """What was submitted before is picked up and nothing is sent."""
    earlier = Job(id="j0", status="completed", output="https://x/o.mp4")
    stage, play = submit(PROCESSING, ledger=lambda _event: Found(earlier))
    assert play() is earlier
    assert not stage.sent


@pytest.mark.parametrize("key", [None, "k"])
def test_an_uncertain_submit_is_repeated_only_with_a_key(key):
    """Without one the next submit would be paid again, whatever the webhook of this one will tell."""
    submission = replace(SUBMISSION, callback="c", key=key)
    with pytest.raises(SubmissionUncertain, match="webhook tells of it") as caught:
        Stage(LOST).play(submitting.submit(submission, STEADY))
    assert ("same key" in caught.value.hint) is (key is not None)


def test_an_earlier_uncertain_submit_is_shown_with_its_time():
    """An uncertain submit before is told with its time and nothing is sent."""
    stage, play = submit(PROCESSING, ledger=lambda _event: Uncertain(1, "ReadTimeout", since=0.0))
    with pytest.raises(SubmissionUncertain, match=r"1970-01-01 00:00:00.*ReadTimeout.*resubmit_uncertain=True"):
        play()
    assert not stage.sent


def test_an_uncertain_submit_whose_job_is_known_tells_its_id():
    gone = Uncertain(1, "the service knows no job j0", since=0.0, job_id="j0")
    stage, play = submit(Answer(404, {}, b""), ledger=lambda event: gone if isinstance(event, Claim) else None)
    with pytest.raises(SubmissionUncertain, match=r"its job j0 .*client\.wait\('j0'\)") as caught:
        play()
    assert caught.value.job_id == "j0"
    assert [send.method for send in stage.sent] == ["GET"]


def test_an_uncertain_submit_becomes_the_job_that_is_found():
    """An uncertain submit whose job the service knows again is that job."""
    gone = Uncertain(1, "the service knows no job j1", since=0.0, job_id="j1")
    stage, play = submit(PROCESSING, ledger=lambda event: gone if isinstance(event, Claim) else None)
    assert play().id == "j1"
    assert [send.method for send in stage.sent] == ["GET"]


def test_a_submit_that_somebody_else_is_making_is_waited_for():
    claims = iter([Hold(0.2), Hold(0.2), Found(Job(id="j0"))])
    stage, play = submit(PROCESSING, ledger=lambda _event: next(claims))
    assert play().id == "j0"
    assert (stage.sent, stage.pauses) == ([], [0.2, 0.2])


def test_the_profiles_own_pace_is_kept():
    """The profiles own pace is kept and a job that blocks it is looked at."""
    holds = iter([Hold(7), Hold(3, look_at="j0"), None])

    def ledger(event):
        return Claimed(1) if isinstance(event, Claim) else next(holds) if isinstance(event, Sending) else None

    stage, play = submit(DONE, PROCESSING, ledger=ledger)
    assert play().id == "j1"
    assert [(send.method, send.path) for send in stage.sent] == [("GET", "/jobs/j0"), ("POST", "/lipsync-image")]
    assert stage.pauses == [7, 3]
    assert stage.told == ["Claim", "Sending", "Sending", "Seen", "Sending", "Accepted"]
    assert [job.id for event in stage.events if (job := job_in(event))] == ["j1"], "j0 is somebody else's"


def test_a_missing_job_that_blocks_the_pace_is_noted():
    """A job that blocks the pace and is not to be found is written down."""
    holds = iter([Hold(3, look_at="j0"), None])

    def ledger(event):
        return Claimed(1) if isinstance(event, Claim) else next(holds) if isinstance(event, Sending) else None

    stage, play = submit(answer(404), PROCESSING, ledger=ledger)
    assert play().id == "j1"
    assert Gone("j0") in stage.events


def test_a_refusing_budget_leaves_the_key_free():
    """A budget refuses before anything is sent and the key stays free."""
    stage, play = submit(PROCESSING, budget=Budget(19))
    with pytest.raises(BudgetExceeded):
        play()
    assert (stage.sent, stage.told) == ([], ["Claim", "Refused"])


def _module(node, alias):
    if isinstance(node, ast.Import):
        return alias.name
    return f"lipsync_nodes.{alias.name}" if node.module == "lipsync_nodes" else node.module


@pytest.mark.parametrize("module", [flow, submitting], ids=["flow", "submitting"])
def test_a_flow_imports_nothing_that_does_io(module):
    allowed = {
        "__future__",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "datetime",
        "re",
        "json",
        "random",
        "typing",
        "urllib.parse",
    }
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    imported = {
        _module(node, alias)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    ours = {name for name in imported if name.startswith("lipsync_nodes")}
    assert imported - ours <= allowed
    assert {name for name in ours if not name.startswith("lipsync_nodes.flows.")} <= {
        "lipsync_nodes._redaction",
        "lipsync_nodes.errors",
        "lipsync_nodes.service",
    }
