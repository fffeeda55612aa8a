"""A time that is given bounds the whole call: against silence, a queue, and another submit of the same key."""

import time
from contextlib import contextmanager

import pytest

from lipsync_nodes import JobTimeout, LipsyncError, SubmissionUncertain, SubmitTimeout
from lipsync_nodes.flows import Accepted, Budget, Claim, Sending, Submission
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile
from tests.conftest import FORMS
from tests.faults import bad_service as bad

KEY = "sk_deadlines_0123456789"
FORM = FORMS["image"]
# Requests of these tests may take 20 s, and a queue six hours: so much less shows that the deadline counts.
SOON = 15.0


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture
def profile(service):
    return Profile(api_key=KEY, base_url=service.base_url, max_concurrency=1)


@contextmanager
def soon():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < SOON


def another(ledger, profile, key, *, job=None):
    """Somebody else's submit: on its way, or with a job that goes on."""
    row = ledger.record(Claim(Submission("lipsync-image", "/lipsync-image", FORM.form_state(), key=key)), profile).row
    ledger.record(Sending(row, 60.0), profile)
    if job is not None:
        ledger.record(Accepted(row, job), profile)


def test_a_run_leaves_the_queue_in_time(service, face_of, profile, ledger, table):
    service.on_poll, budget = [bad.still()], Budget(20)
    another(ledger, profile, "other", job=Job(id="job-0"))
    face = face_of(profile=profile, ledger=ledger, budget=budget)
    with soon(), pytest.raises(SubmitTimeout, match=r"within 2 s. Nothing was submitted") as caught:
        face.run(FORM, key="mine", timeout=2, estimate=20)
    assert (service.posts, budget.committed, caught.value.may_have_charged) == ([], 0, False)
    (entry,) = ledger.entries("refused")
    table.append(("queue against a deadline", 0, 0, "SubmitTimeout", False, entry.state))

    service.on_poll = [bad.finish]
    assert face.run(FORM, key="mine", timeout=60, estimate=20, poll_interval=0.05).output, "the key is free"


def test_a_run_does_not_wait_for_another_for_long(service, face_of, profile, ledger, table):
    another(ledger, profile, "mine")
    with soon(), pytest.raises(SubmitTimeout, match="submitted elsewhere"):
        face_of(profile=profile, ledger=ledger).run(FORM, key="mine", timeout=2)
    assert [entry.state for entry in ledger.entries()] == ["submitting"]
    table.append(("another's submit against a deadline", len(service.posts), 0, "SubmitTimeout", False, "submitting"))
    assert not service.posts


def test_a_submit_without_an_answer_ends_in_time(service, face_of, profile, ledger, table):
    service.on_submit = [bad.hang]
    face = face_of(profile=profile, ledger=ledger)
    with soon(), pytest.raises(SubmissionUncertain):
        face.run(FORM, key="mine", timeout=2)
    bad.wait_until(lambda: service.paid)
    (entry,) = ledger.entries()
    table.append(("submit: silence against a deadline", 1, 1, "SubmissionUncertain", True, entry.state))
    assert (entry.state, len(service.posts)) == ("uncertain", 1)


def test_a_wait_ends_in_time_where_nobody_answers(service, face_of, profile, ledger, table):
    service.on_poll = [bad.hang_poll]
    with soon(), pytest.raises(JobTimeout) as caught:
        face_of(profile=profile, ledger=ledger).wait("job-1", timeout=2, poll_interval=0.1)
    table.append(("poll: silence against a deadline", 0, 0, "JobTimeout", True, "-"))
    assert caught.value.job_id == "job-1"


def test_a_finished_job_is_given_in_time(service, face_of, profile, ledger):
    """Its URL may be another by now, but the old one is better than none."""
    face = face_of(profile=profile, ledger=ledger)
    done = face.run(FORM, key="mine", poll_interval=0.05)
    service.on_poll = [bad.hang_poll]
    with soon():
        assert face.run(FORM, key="mine", timeout=2) == done


def test_each_of_many_keeps_to_its_time(service, face_of, profile, ledger):
    service.on_poll = [bad.still()]
    another(ledger, profile, "other", job=Job(id="job-0"))
    with soon():
        outcomes = face_of(profile=profile, ledger=ledger).run_many([FORM] * 2, timeout=2, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SubmitTimeout] * 2
    assert not service.posts


def test_a_time_that_cannot_be_is_told_before_publishing(service, face_of, profile, ledger, tmp_path):
    form = FORM.model_copy(update={"image": tmp_path / "no such file"})
    for seconds in (-1.0, 0.0, float("nan"), float("inf")):
        with pytest.raises(LipsyncError, match="timeout must be a positive number"):
            face_of(profile=profile, ledger=ledger).run(form, timeout=seconds)
