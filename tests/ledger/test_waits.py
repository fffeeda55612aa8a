"""What many waits read in the ledger at once."""

import sqlite3
from contextlib import closing

import pytest

from lipsync_nodes import Job
from lipsync_nodes.flows import Accepted, Claim, Seen, Submission, Took
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile

HERE = Profile(name="here", api_key="sk_ledger_0123456789", base_url="https://here.example")
KIND = (HERE.account, "lipsync-image")
DONE = {"status": "completed", "output": "https://x/o.mp4", "executionTime": 4000}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def submitted(ledger, job_id, profile=HERE, resolution="720p", **ends):
    form = {"image": "https://x/i.png", "audio": "https://x/a.mp3", "resolution": resolution}
    row = ledger.record(Claim(Submission("lipsync-image", "/lipsync-image", form, seconds=2.0)), profile).row
    ledger.record(Accepted(row, Job(id=job_id)), profile)
    if ends:
        ledger.record(Seen(Job(id=job_id, **ends)), profile)
    return row


def test_many_submissions_are_read_at_once(ledger):
    rows = {name: submitted(ledger, name) for name in ("j1", "j2", "j3")}
    again = submitted(ledger, "j2")
    found = ledger.entries_of(["j1", "j2", "none"])
    assert {name: entry.row for name, entry in found.items()} == {"j1": rows["j1"], "j2": again}
    assert found["j1"] == ledger.entry_of("j1")
    assert found["j1"].resolution == "720p"


def test_the_jobs_that_have_ended_are_read_at_once(ledger):
    submitted(ledger, "done", **DONE)
    submitted(ledger, "failed", status="failed", error="no face")
    submitted(ledger, "cancelled", status="cancelled")
    submitted(ledger, "running")
    submitted(ledger, "masked", **{**DONE, "output": "https://x/o.mp4?key=sk_here_0123456789abcdef"})
    submitted(ledger, "again", **DONE)
    submitted(ledger, "again")
    every = ["done", "failed", "cancelled", "running", "masked", "again", "none"]
    found = ledger.ended_of(every)
    assert found == {name: job for name in every if (job := ledger.ended(name))}
    assert {name: job.status.value for name, job in found.items()} == {
        "done": "completed",
        "failed": "failed",
        "cancelled": "cancelled",
    }


def test_the_history_is_of_the_completed_jobs_of_an_account_and_endpoint(ledger):
    for number, milliseconds in enumerate((1000, 0, None, "soon", 3000)):
        submitted(ledger, f"j{number}", **{**DONE, "executionTime": milliseconds})
    submitted(ledger, "other", resolution="480p", **DONE)
    submitted(ledger, "failed", status="failed", executionTime=1000)
    submitted(ledger, "there", HERE.model_copy(update={"base_url": "https://there.example"}), **DONE)
    none = (HERE.account, "lipsync-video")
    assert ledger.history([KIND, none]) == {
        KIND: [Took(4.0, 2.0, "480p"), Took(3.0, 2.0, "720p"), Took(1.0, 2.0, "720p")],
        none: [],
    }


def test_a_damaged_row_does_not_end_a_wait(ledger):
    submitted(ledger, "j1", **DONE)
    submitted(ledger, "j2", **DONE)
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE submission SET job = '{', form = '[' WHERE job_id = 'j1'")
    assert ledger.history([KIND]) == {KIND: [Took(4.0, 2.0, "720p")]}
    assert ledger.entries_of(["j1"])["j1"].resolution is None
    assert set(ledger.ended_of(["j1", "j2"])) == {"j2"}


def test_many_ids_are_found_by_the_index(ledger):
    """1,000 waits look ten times a second, however many rows there are."""
    submitted(ledger, "j1", **DONE)
    queries = []
    with ledger._transaction("DEFERRED") as db:
        db.set_trace_callback(queries.append)
    ledger.ended_of(["j1"])
    ledger.entries_of(["j1"])
    with ledger._transaction("DEFERRED") as db:
        db.set_trace_callback(None)
        plans = [
            row[-1]
            for query in queries
            if query.startswith("SELECT")
            for row in db.execute(f"EXPLAIN QUERY PLAN {query}")
        ]
    assert not [plan for plan in plans if plan.startswith("SCAN") and "json_each" not in plan], plans
    assert [plan for plan in plans if "by_job" in plan]
