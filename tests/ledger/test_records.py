"""A record journal: one submission in one record of a host, by the rules of the ledger."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from lipsync_nodes import InvalidRequest, Job, Ledger
from lipsync_nodes.flows import (
    Accepted,
    Claim,
    Claimed,
    Found,
    Gone,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Uncertain,
)
from lipsync_nodes.host import RecordJournal
from lipsync_nodes.ledger import ContentKey
from lipsync_nodes.settings import Profile
from tests.record_store import Store

PROFILE = Profile(name="here", base_url="https://here.example")
DONE = {"status": "completed", "output": "https://x/o.mp4"}


def wanted(key="k", endpoint="lipsync-image", **options):
    return Submission(endpoint, f"/{endpoint}", {}, key=key, **options)


def claim(journal, key="k", **options):
    return journal.record(Claim(wanted(key, **options)), PROFILE)


def note(journal, *events):
    for event in events:
        journal.record(event, PROFILE)


def submitted(store, generation=0, job_id="j1", **options):
    journal = RecordJournal(store, generation)
    assert isinstance(claim(journal, **options), Claimed)
    note(journal, Sending(0, 60), Accepted(0, Job(id=job_id)))
    return journal


# The same events, played to the file of a ledger and to a record, are answered alike.


class Player:
    """Plays steps to a journal and keeps what it answers."""

    def __init__(self, clock, open_journal):
        self.answers, self._clock, self._open = [], clock, open_journal
        self.journal, self._row = open_journal(), 0

    def play(self, step):
        if isinstance(step, Submission):
            self.answers.append(self._claimed(step))
        elif callable(step):
            note(self.journal, step(self._row))
        else:
            self._clock.now += 1000
            self.journal = self._open() if step == "crash" else self.journal

    def _claimed(self, step):
        try:
            answer = self.journal.record(Claim(step), PROFILE)
        except InvalidRequest as error:
            return str(error)
        if isinstance(answer, Claimed):
            self._row = answer.row
        if isinstance(answer, Found):
            return "found", answer.job.id
        return replace(answer, row=0)


def send(row):
    return Sending(row, 60)


def accept(row, job_id="j1"):
    return Accepted(row, Job(id=job_id))


def lost(row):
    return Uncertain(row, "no answer came")


def gone(_row, job_id="j1"):
    return Gone(job_id)


def sent_once(*steps):
    return [wanted(), send, *steps]


CONSENT = wanted(resubmit_uncertain=True)
A, B = ({"inputs": {"prompt": prompt}} for prompt in ("smile", "frown"))
CHANGED = {"resubmit_changed": True}
FORMER = ContentKey("new", "k")

SEQUENCES = {
    "first": [wanted()],
    "died before it was sent": [wanted(), "crash", wanted()],
    "died while it was sent": sent_once("crash", wanted()),
    "died while it was sent, consent": sent_once("crash", CONSENT),
    "died while it was sent, consent, accepted": sent_once("crash", CONSENT, send, accept, wanted()),
    "accepted": sent_once(accept, wanted()),
    "accepted, died": sent_once(accept, "crash", wanted()),
    "accepted, consent": sent_once(accept, "crash", CONSENT),
    "accepted, under its former key": sent_once(accept, "crash", wanted(FORMER)),
    "refused": sent_once(lambda row: Refused(row, "no credits"), wanted()),
    "paused, died": sent_once(lambda row: Paused(row, 1), "crash", wanted()),
    "paused, sent, died": sent_once(lambda row: Paused(row, 1), send, "crash", wanted()),
    "uncertain": sent_once(lost, "crash", wanted(), wanted()),
    "uncertain, consent": sent_once(lost, "crash", CONSENT),
    "uncertain, consent, died": sent_once(lost, "crash", CONSENT, send, "crash", wanted()),
    "uncertain, consent, refused": sent_once(
        lost, "crash", CONSENT, send, lambda row: Refused(row, "no credits"), wanted()
    ),
    "gone": sent_once(accept, "later", gone, wanted(), wanted()),
    "gone, died": sent_once(accept, "later", gone, "crash", wanted()),
    "gone, consent": sent_once(accept, "later", gone, "crash", CONSENT, send, lambda row: accept(row, "j2"), wanted()),
    "gone, seen": sent_once(accept, "later", gone, lambda _: Seen(Job(id="j1"), noted=True), wanted(), CONSENT),
    "another is gone": sent_once(accept, "later", lambda row: gone(row, "j2"), wanted()),
    "another is seen": sent_once(accept, "later", gone, lambda _: Seen(Job(id="j2", **DONE)), wanted()),
    "completed": sent_once(accept, lambda _: Seen(Job(id="j1", **DONE)), "crash", wanted()),
    "other inputs": [wanted(**A), send, accept, "crash", wanted(**B), wanted(**A)],
    "other inputs, meant": [wanted(**A), send, accept, "crash", wanted(**B, **CHANGED)],
    "other inputs, uncertain": [wanted(**A), send, lost, "crash", wanted(**B), wanted(**B, **CHANGED)],
    "other inputs, consent": [wanted(**A), send, lost, "crash", wanted(**B, **CHANGED, resubmit_uncertain=True)],
    "another endpoint": sent_once(accept, "crash", wanted(endpoint="lipsync-video")),
}


@pytest.mark.parametrize("steps", SEQUENCES.values(), ids=SEQUENCES)
def test_ledger_and_record_answer_alike(tmp_path, monkeypatch, steps):
    clock = SimpleNamespace(now=0.0, time=lambda: clock.now)
    monkeypatch.setattr("lipsync_nodes.ledger._record.time", clock)
    store = Store()
    of_ledger = Player(clock, lambda: Ledger(tmp_path / "ledger.sqlite", clock=clock.time))
    of_record = Player(clock, lambda: RecordJournal(store))
    for player in (of_ledger, of_record):
        clock.now = 1_800_000_000.0
        for step in steps:
            player.play(step)
    assert of_record.answers == of_ledger.answers
    for player in (of_ledger, of_record):
        assert not player.journal.knows("somebody else's")
        if isinstance(last := player.answers[-1], tuple):
            assert player.journal.knows(last[1])


# What a record adds: its job counts until the host's generation changes.


@pytest.mark.parametrize("state", ["completed", "failed", "cancelled"])
def test_an_ended_job_counts_until_a_new_generation(state):
    store = Store()
    journal = submitted(store)
    note(journal, Seen(Job(id="j1", status=state, error="it failed")))
    journal.release("j1")
    note(journal, Seen(Job(id="j1", status=state)))
    assert claim(RecordJournal(store)) == Found(Job(id="j1"))
    assert claim(RecordJournal(store), resubmit_uncertain=True) == Found(Job(id="j1"))
    assert isinstance(claim(RecordJournal(store, 1)), Claimed)
    assert isinstance(submitted(store, 1, "j2"), RecordJournal)
    assert claim(RecordJournal(store, 1)) == Found(Job(id="j2"))


@pytest.mark.parametrize("generation", [0, 1, "anew"])
def test_a_job_that_runs_is_picked_up_by_any_generation(generation):
    store = Store()
    submitted(store)
    assert claim(RecordJournal(store, generation)) == Found(Job(id="j1"))
    RecordJournal(store, generation).release("j1")
    assert claim(RecordJournal(store, generation)) == Found(Job(id="j1")), "it ended in this generation"


def test_a_job_is_found_under_its_former_key_in_a_new_generation():
    store = Store()
    submitted(store)
    assert claim(RecordJournal(store, 1), FORMER) == Found(Job(id="j1"))


def test_an_uncertain_submit_stays_uncertain_in_a_new_generation():
    store = Store()
    journal = RecordJournal(store)
    claim(journal)
    note(journal, Sending(0, 60), Uncertain(0, "no answer came"))
    assert isinstance(claim(RecordJournal(store, 1)), Uncertain)


def test_another_key_counts_in_a_new_generation_only():
    store = Store()
    submitted(store)
    assert claim(RecordJournal(store), "other") == Found(Job(id="j1"))
    assert isinstance(claim(RecordJournal(store), "other", resubmit_changed=True), Claimed)
    assert isinstance(claim(RecordJournal(store, 1), "other"), Claimed)


def test_other_inputs_under_one_key_are_new_in_a_new_generation():
    store = Store()
    submitted(store, **A)
    assert isinstance(claim(RecordJournal(store, 1), **B), Claimed)


def test_another_jobs_end_leaves_the_record_alone():
    store = Store()
    journal = submitted(store)
    before = store.get()
    journal.release("j2")
    assert store.get() == before


def test_a_record_is_one_submission_with_a_key():
    journal = RecordJournal(Store())
    with pytest.raises(InvalidRequest, match="needs a submission key"):
        claim(journal, None)
    claim(journal, "one")
    with pytest.raises(InvalidRequest, match="'one' already"):
        claim(journal, "two")


def test_what_the_service_said_is_kept_without_any_key():
    store = Store()
    journal = RecordJournal(store)
    claim(journal)
    note(journal, Sending(0, 60), Uncertain(0, "the answer quotes sk_live_0123456789"))
    assert store.get()["reason"] == "the answer quotes sk_***"
