"""The flows, played to their end with no socket, no clock and no sleep."""

import ast
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from lipsync_nodes import flow, submitting
from lipsync_nodes.answers import Answer, NoAnswer
from lipsync_nodes.contract import Job
from lipsync_nodes.credits import Budget
from lipsync_nodes.errors import (
    AuthenticationError,
    BudgetExceeded,
    ConfigurationError,
    ConnectionFailed,
    InvalidRequest,
    JobFailed,
    JobTimeout,
    LipsyncError,
    RateLimited,
    ServiceError,
    SubmissionUncertain,
)
from lipsync_nodes.events import Claim, Claimed, Found, Gone, Hold, Seen, Sending, Submission, Superseded, Unsure
from lipsync_nodes.flow import Policy, Record, Send, Sleep
from lipsync_nodes.plans import job_in

STEADY = Policy(chance=lambda: 0.5)
FORM = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
SUBMISSION = Submission("lipsync-image", "/lipsync-image", FORM, credits=20)


class Stage:
    """Plays a flow: gives the replies in order and keeps what was sent, slept and recorded."""

    def __init__(self, *replies, ledger=lambda event: Claimed(1) if isinstance(event, Claim) else None):
        self.replies = list(replies)
        self.ledger = ledger
        self.sent, self.slept, self.events = [], [], []
        self.now = 1000.0

    def play(self, playing):
        reply = failure = None
        while True:
            try:
                effect = playing.throw(failure) if failure else playing.send(reply)
            except StopIteration as end:
                return end.value
            try:
                reply, failure = self.carry_out(effect), None
            except LipsyncError as error:
                failure = error

    def carry_out(self, effect):
        if isinstance(effect, Sleep):
            self.slept.append(effect.seconds)
            self.now += effect.seconds
            return self.now
        if isinstance(effect, Record):
            self.events.append(effect.event)
            return self.ledger(effect.event)
        assert isinstance(effect, Send)
        self.sent.append(effect)
        # The last reply is given for ever.
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def told(self):
        """The names of the events, in order."""
        return [type(event).__name__ for event in self.events]

    @property
    def pauses(self):
        return [seconds for seconds in self.slept if seconds]


def answer(code=200, headers=None, /, **body):
    return Answer(code, headers or {}, json.dumps(body).encode(), received=0.0)


PROCESSING = answer(id="j1", status="processing")
DONE = answer(id="j1", status="completed", output="https://x/out.mp4", executionTime=12)
LOST = NoAnswer("ReadTimeout", sent=True)
UNREACHED = NoAnswer("ConnectError", sent=False)


def submit(*replies, policy=STEADY, budget=None, **options):
    stage = Stage(*replies, **options)
    return stage, lambda: stage.play(submitting.submit(SUBMISSION, policy, budget))


def test_a_submit_is_one_post_and_gives_the_job():
    stage, play = submit(PROCESSING)
    assert play().id == "j1"
    assert [(send.method, send.path, send.body, send.paid) for send in stage.sent] == [
        ("POST", "/lipsync-image", {"formState": FORM}, True)
    ]
    assert stage.told == ["Claim", "Sending", "Accepted"]


@pytest.mark.parametrize(
    "reply",
    [
        LOST,
        *(answer(status) for status in (303, 408, 500, 501, 502, 503, 504)),
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
def test_the_id_of_a_paid_job_is_never_lost_to_an_odd_or_broken_answer(body):
    stage, play = submit(Answer(200, {}, body))
    job = play()
    assert (job.id, job.finished) == ("j1", False)
    assert job.model_dump_json().encode()
    assert stage.told == ["Claim", "Sending", "Accepted"]


def test_a_ledger_that_fails_after_the_post_does_not_hide_the_job():
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


def test_a_claim_that_ran_out_is_made_again_before_anything_is_sent():
    sendings = iter([Superseded(), None])

    def ledger(event):
        return Claimed(1) if isinstance(event, Claim) else next(sendings) if isinstance(event, Sending) else None

    stage, play = submit(PROCESSING, ledger=ledger, budget=Budget(20))
    assert play().id == "j1"
    assert (len(stage.sent), stage.told) == (1, ["Claim", "Sending", "Claim", "Sending", "Accepted"])


@pytest.mark.parametrize("claims", [[Hold(0.2), Claimed(1)], [Claimed(1), Claimed(2)]], ids=["held", "superseded"])
def test_a_consent_to_submit_an_uncertain_one_anew_holds_for_what_was_known_when_it_was_given(claims):
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


def test_a_submit_that_never_arrived_is_sent_again_a_few_times_with_growing_pauses():
    stage, play = submit(UNREACHED)
    with pytest.raises(ConnectionFailed) as caught:
        play()
    assert not caught.value.may_have_charged
    assert len(stage.sent) == STEADY.connect_tries
    assert stage.pauses == sorted(set(stage.pauses))


def test_a_submit_that_never_arrived_succeeds_when_the_service_is_back():
    stage, play = submit(UNREACHED, UNREACHED, PROCESSING)
    assert play().id == "j1"
    assert len(stage.sent) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:09 GMT"}, 9),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_submit_refused_with_a_pace_is_sent_again_at_that_pace(status, headers, seconds):
    stage, play = submit(answer(status, headers), PROCESSING)
    assert play().id == "j1"
    assert sum(stage.slept) == pytest.approx(seconds * 1.05)


@pytest.mark.parametrize("asked", ["86400", "inf", "Fri, 01 Jan 2100 00:00:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_an_absurd_pace_is_not_obeyed(status, asked):
    stage, play = submit(answer(status, {"retry-after": asked}))
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
        ([LOST], ["Claim", "Sending", "Unsure"]),
        ([answer(402)], ["Claim", "Sending", "Refused"]),
        ([UNREACHED, PROCESSING], ["Claim", "Sending", "Paused", "Sending", "Accepted"]),
        ([answer(429, {"retry-after": "1"}), answer(400)], ["Claim", "Sending", "Paused", "Sending", "Refused"]),
    ):
        stage, play = submit(*replies)
        with suppress(LipsyncError):
            play()
        assert stage.told == told


def test_what_was_submitted_before_is_picked_up_and_nothing_is_sent():
    earlier = Job(id="j0", status="completed", output="https://x/o.mp4")
    stage, play = submit(PROCESSING, ledger=lambda _event: Found(earlier))
    assert play() is earlier
    assert not stage.sent


@pytest.mark.parametrize("key", [None, "k"])
def test_a_submit_of_unknown_outcome_is_to_be_repeated_only_with_a_key(key):
    """Without one the next submit would be paid again, whatever the webhook of this one will tell."""
    submission = replace(SUBMISSION, callback="c", key=key)
    with pytest.raises(SubmissionUncertain, match="webhook tells of it") as caught:
        Stage(LOST).play(submitting.submit(submission, STEADY))
    assert ("same key" in caught.value.hint) is (key is not None)


def test_an_uncertain_submit_before_is_told_with_its_time_and_nothing_is_sent():
    stage, play = submit(PROCESSING, ledger=lambda _event: Unsure(1, "ReadTimeout", since=0.0))
    with pytest.raises(SubmissionUncertain, match=r"1970-01-01 00:00:00.*ReadTimeout.*resubmit_uncertain=True"):
        play()
    assert not stage.sent


def test_an_uncertain_submit_whose_job_is_known_tells_its_id():
    gone = Unsure(1, "the service knows no job j0", since=0.0, job_id="j0")
    stage, play = submit(Answer(404, {}, b""), ledger=lambda event: gone if isinstance(event, Claim) else None)
    with pytest.raises(SubmissionUncertain, match=r"its job j0 .*`lipsync-nodes wait j0`") as caught:
        play()
    assert caught.value.job_id == "j0"
    assert [send.method for send in stage.sent] == ["GET"]


def test_an_uncertain_submit_whose_job_the_service_knows_again_is_that_job():
    gone = Unsure(1, "the service knows no job j1", since=0.0, job_id="j1")
    stage, play = submit(PROCESSING, ledger=lambda event: gone if isinstance(event, Claim) else None)
    assert play().id == "j1"
    assert [send.method for send in stage.sent] == ["GET"]


def test_a_submit_that_somebody_else_is_making_is_waited_for():
    claims = iter([Hold(0.2), Hold(0.2), Found(Job(id="j0"))])
    stage, play = submit(PROCESSING, ledger=lambda _event: next(claims))
    assert play().id == "j0"
    assert (stage.sent, stage.pauses) == ([], [0.2, 0.2])


def test_the_profiles_own_pace_is_kept_and_a_job_that_blocks_it_is_looked_at():
    holds = iter([Hold(7), Hold(3, look_at="j0"), None])

    def ledger(event):
        return Claimed(1) if isinstance(event, Claim) else next(holds) if isinstance(event, Sending) else None

    stage, play = submit(DONE, PROCESSING, ledger=ledger)
    assert play().id == "j1"
    assert [(send.method, send.path) for send in stage.sent] == [("GET", "/jobs/j0"), ("POST", "/lipsync-image")]
    assert stage.pauses == [7, 3]
    assert stage.told == ["Claim", "Sending", "Sending", "Seen", "Sending", "Accepted"]
    assert [job.id for event in stage.events if (job := job_in(event))] == ["j1"], "j0 is somebody else's"


def test_a_job_that_blocks_the_pace_and_is_not_to_be_found_is_written_down():
    holds = iter([Hold(3, look_at="j0"), None])

    def ledger(event):
        return Claimed(1) if isinstance(event, Claim) else next(holds) if isinstance(event, Sending) else None

    stage, play = submit(answer(404), PROCESSING, ledger=ledger)
    assert play().id == "j1"
    assert Gone("j0") in stage.events


def test_a_budget_refuses_before_anything_is_sent_and_the_key_stays_free():
    stage, play = submit(PROCESSING, budget=Budget(19))
    with pytest.raises(BudgetExceeded):
        play()
    assert (stage.sent, stage.told) == ([], ["Claim", "Refused"])


def wait(*replies, timeout=100.0, poll_interval=7.5):
    stage = Stage(*replies)
    return stage, lambda: stage.play(flow.wait("j1", STEADY, timeout=timeout, poll_interval=poll_interval))


def test_waiting_looks_until_the_job_has_its_video():
    stage, play = wait(PROCESSING, answer(id="j1", status="unheard-of"), DONE)
    assert play().output == "https://x/out.mp4"
    assert [send.path for send in stage.sent] == ["/jobs/j1"] * 3
    assert [event.job.status.value for event in stage.events] == ["processing", "unheard-of", "completed"]


def test_pauses_are_spread_over_what_the_service_advises():
    for chance, seconds in ((0.0, 5.0), (0.5, 7.5), (1.0, 10.0)):
        assert Policy(chance=lambda chance=chance: chance).spread(7.5) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "trouble", [LOST, UNREACHED, answer(500), answer(503), answer(429), answer(408), Answer(200, {}, b"{")]
)
def test_passing_trouble_does_not_end_a_wait(trouble):
    _, play = wait(trouble, trouble, DONE)
    assert play().id == "j1"


def test_waiting_never_goes_beyond_its_deadline_and_looks_once_more_there():
    stage, play = wait(PROCESSING, timeout=20)
    with pytest.raises(JobTimeout) as caught:
        play()
    assert stage.now == pytest.approx(1020)
    assert caught.value.job_id == "j1"
    assert "`lipsync-nodes wait j1`" in str(caught.value)
    assert all(1 <= send.timeout <= 20 for send in stage.sent)


def test_a_time_out_tells_of_the_last_trouble():
    _, play = wait(answer(500), timeout=5)
    with pytest.raises(JobTimeout) as caught:
        play()
    assert isinstance(caught.value.__cause__, ServiceError)


def test_a_huge_retry_after_does_not_keep_a_wait_asleep():
    stage, play = wait(answer(429, {"retry-after": "86400"}), DONE, timeout=1000)
    assert play().id == "j1"
    assert stage.pauses == [STEADY.longest_pace]


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410, 422])
def test_polling_ends_where_asking_further_is_of_no_use(status):
    stage, play = wait(answer(status))
    with pytest.raises(Exception) as caught:  # noqa: PT011  # the class is the table of test_errors
        play()
    assert caught.value.status_code == status
    assert len(stage.sent) == 1


def test_a_failed_job_says_why():
    _, play = wait(answer(id="j1", status="failed", error="Invalid audio format", output=None))
    with pytest.raises(JobFailed, match="Invalid audio format") as caught:
        play()
    assert caught.value.job_id == "j1"


def test_a_completed_job_without_output_says_so():
    _, play = wait(answer(id="j1", status="completed", output=None))
    with pytest.raises(ServiceError, match="no output"):
        play()


def test_a_job_keeps_the_id_that_it_was_submitted_under_however_a_poll_spells_it():
    stage = Stage(PROCESSING, answer(id="J1", status="completed", output="https://x/out.mp4"))
    job = stage.play(flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6))
    assert (job.id, stage.events[-1]) == ("j1", Seen(job))


def test_a_job_that_a_webhook_names_has_the_id_that_the_service_gives_it():
    """Or else whoever has a token could give a job that is another's by another spelling."""
    stage = Stage(DONE)
    assert stage.play(flow.look("J1", STEADY, callback="c")).id == "j1"


@pytest.mark.parametrize("job_id", ["", " ", ".", "..", "\n"])
def test_what_is_no_job_id_is_refused_before_anything_is_sent(job_id):
    stage = Stage(DONE)
    with pytest.raises(InvalidRequest):
        stage.play(flow.look(job_id, STEADY))
    assert not stage.sent


def test_a_job_id_stays_one_segment_of_the_path():
    stage = Stage(DONE)
    stage.play(flow.look("../a/b?c#d", STEADY))
    assert stage.sent[0].path == "/jobs/..%2Fa%2Fb%3Fc%23d"


def test_a_run_submits_then_waits():
    stage = Stage(PROCESSING, PROCESSING, DONE)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing).output
    assert [send.method for send in stage.sent] == ["POST", "GET", "GET"]
    assert stage.pauses == [6, 6]


def test_a_run_that_picks_up_a_finished_job_asks_for_the_url_that_its_video_has_now():
    earlier = Job(id="j1", status="completed", output="https://x/expired.mp4")
    stage = Stage(DONE, ledger=lambda event: Found(earlier) if isinstance(event, Claim) else None)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing).output == "https://x/out.mp4"
    stage = Stage(answer(500), ledger=lambda event: Found(earlier) if isinstance(event, Claim) else None)
    playing = flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6)
    assert stage.play(playing) == earlier


@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 404, 405, 410, 422])
def test_a_run_whose_polls_are_refused_never_says_that_nothing_was_charged(status):
    stage = Stage(PROCESSING, answer(status))
    with pytest.raises(LipsyncError, match="Credits may have been spent") as caught:
        stage.play(flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6))
    assert caught.value.job_id == "j1"
    assert "othing was charged" not in str(caught.value)
    assert caught.value.hint


def test_a_run_whose_submit_is_refused_never_polls():
    stage = Stage(answer(401))
    with pytest.raises(AuthenticationError):
        stage.play(flow.run(submitting.submit(SUBMISSION, STEADY), STEADY, timeout=60, poll_interval=6))
    assert len(stage.sent) == 1


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
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    ours = {name for name in imported if name.startswith("lipsync_nodes")}
    assert imported - ours <= allowed
    assert ours <= {f"lipsync_nodes.{name}" for name in ("answers", "contract", "credits", "errors", "events", "flow")}
