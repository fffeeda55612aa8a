"""`holds`: whether the next submission with a key pays for nothing new, by each record of submissions."""

import pytest

from lipsync_nodes import Job, Ledger
from lipsync_nodes.flows import Accepted, Claim, Gone, Paused, Refused, Seen, Sending, Submission, Uncertain
from lipsync_nodes.host import RecordJournal, RecordsJournal
from lipsync_nodes.ledger import ContentKey
from lipsync_nodes.settings import Profile
from tests.record_store import Store

PROFILE = Profile(name="here", base_url="https://here.example")
JOB = Job(id="j1")
DONE, FAILED = Job(id="j1", status="completed", output="https://x/o.mp4"), Job(id="j1", status="failed")


class Stores(dict):
    def set(self, key, value):
        self[key] = dict(value)

    def delete(self, key):
        self.pop(key, None)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


@pytest.fixture(params=["ledger", "record", "records"])
def journal(request, ledger):
    if request.param == "ledger":
        return ledger
    return RecordJournal(Store()) if request.param == "record" else RecordsJournal(Stores(), ledger=ledger)


def played(journal, *events, key="k"):
    claimed = journal.record(Claim(Submission("lipsync-image", "/lipsync-image", {}, key=key)), PROFILE)
    for event in events:
        journal.record(event(claimed.row), PROFILE)


def sending(row):
    return Sending(row, 60)


def accepted(row):
    return Accepted(row, JOB)


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ([], False),
        ([sending], True),
        ([sending, accepted], True),
        ([sending, accepted, lambda _: Seen(DONE)], True),
        ([sending, accepted, lambda _: Gone("j1")], True),
        ([sending, lambda row: Uncertain(row, "no answer")], True),
        ([sending, lambda row: Refused(row, "400")], False),
        ([sending, lambda row: Paused(row, 1.0)], False),
    ],
)
def test_what_holds_a_key(journal, events, held):
    assert not journal.holds("k", PROFILE)
    played(journal, *events)
    assert journal.holds("k", PROFILE) is held


def test_a_failed_job_is_paid_for_again_by_the_ledger(ledger):
    played(ledger, sending, accepted, lambda _: Seen(FAILED))
    assert not ledger.holds("k", PROFILE)


def test_another_account_and_another_key_hold_nothing(ledger):
    played(ledger, sending, accepted)
    assert not ledger.holds("other", PROFILE)
    assert not ledger.holds("k", Profile(name="here", base_url="https://there.example"))
    assert ledger.holds(ContentKey("new", "k"), PROFILE)


def test_a_ledger_in_memory_is_not_opened_for_it():
    ledger = Ledger(":memory:")
    assert not ledger.holds("k", PROFILE)
    assert ledger._connection is None


def test_a_new_generation_continues_only_what_still_runs():
    store = Store()
    played(RecordJournal(store), sending, accepted)
    assert RecordJournal(store, 1).holds("k", PROFILE)
    assert not RecordJournal(store, 1).holds("other inputs", PROFILE)
    RecordJournal(store).release("j1")
    assert RecordJournal(store).holds("k", PROFILE)
    assert not RecordJournal(store, 1).holds("k", PROFILE)
