"""Tags and verifications in the ledger: what is kept, and of which submission."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from lipsync_nodes import Job, Ledger
from lipsync_nodes.flows import Accepted, Claim, Claimed, Found, Refused, Seen, Sending, Submission
from lipsync_nodes.host import RecordJournal
from lipsync_nodes.ledger._schema import STEPS
from lipsync_nodes.settings import Profile
from tests.record_store import Store

PROFILE = Profile(name="acme", api_key="sk_tags_0123456789", base_url="https://x.example")
TAGS = {"client": "acme", "部门": "市场 ☂"}
DONE = {"status": "completed", "output": "https://x/o.mp4"}
VERDICT = {"verdict": "out_of_sync", "correlation": 0.4, "offset_ms": 120.0, "people": [{"face_share": 1.0}]}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def claim(ledger, key="k", **options):
    return ledger.record(Claim(Submission("lipsync-image", "/p", {}, key=key, **options)), PROFILE)


def made(ledger, job_id="j1", key="k", **options):
    row = claim(ledger, key, **options).row
    ledger.record(Sending(row, 60), PROFILE)
    ledger.record(Accepted(row, Job(id=job_id)), PROFILE)
    return row


def test_tags_and_the_profile_are_recorded_with_the_claim(ledger):
    """So they are there even if the process dies before the POST."""
    entry = ledger.entry(claim(ledger, tags=TAGS).row)
    assert (entry.tags, entry.profile, entry.verification) == (TAGS, "acme", None)


def test_without_tags_there_are_none(ledger):
    entry = ledger.entry(claim(ledger).row)
    assert entry.tags == {}
    assert entry.tags_text is None


def test_tags_outlast_every_state(ledger):
    row = made(ledger, tags=TAGS)
    ledger.record(Seen(Job(id="j1", **DONE)), PROFILE)
    assert ledger.entry(row).tags == TAGS


def test_a_key_with_a_job_keeps_its_first_tags(ledger):
    """The job was made, and is billed, for the first caller."""
    made(ledger, tags={"client": "first"})
    assert isinstance(claim(ledger, tags={"client": "second", "more": "1"}), Found)
    assert ledger.entry_of("j1").tags == {"client": "first"}


def test_a_key_without_a_job_takes_the_tags_of_the_new_submission(ledger):
    row = claim(ledger, tags={"client": "first"}).row
    ledger.record(Sending(row, 60), PROFILE)
    ledger.record(Refused(row, "402"), PROFILE)
    again = claim(ledger, tags={"client": "second"})
    assert isinstance(again, Claimed)
    assert ledger.entry(again.row).tags == {"client": "second"}


def test_an_api_key_in_a_tag_is_masked(ledger):
    entry = ledger.entry(claim(ledger, tags={"oops": PROFILE.api_key.get_secret_value()}).row)
    assert "0123456789" not in entry.tags_text


def test_a_verification_is_kept_and_the_last_one_counts(ledger):
    made(ledger)
    ledger.verified("j1", {"verdict": "in_sync"})
    ledger.verified("j1", VERDICT)
    assert ledger.entry_of("j1").verification == VERDICT


def test_a_verification_outlasts_the_end_of_its_job(ledger):
    made(ledger)
    ledger.verified("j1", VERDICT)
    ledger.record(Seen(Job(id="j1", **DONE)), PROFILE)
    assert ledger.entry_of("j1").verification == VERDICT


@pytest.mark.parametrize("path", [":memory:", None])
def test_a_job_that_is_not_in_the_ledger_is_ignored(ledger, path):
    with Ledger(path or ledger.path) as one:
        one.verified("nobody's", VERDICT)
        assert one.entries() == []


def test_a_verification_that_is_no_json_is_an_error(ledger):
    """With NaN in it, SQLite could not read the text."""
    made(ledger)
    with pytest.raises(ValueError, match="JSON"):
        ledger.verified("j1", {"correlation": float("nan")})
    assert ledger.entry_of("j1").verification is None


@pytest.mark.parametrize("text", ["{", "[1]", "null", "\udcff"])
def test_damaged_texts_hide_no_row(ledger, text):
    made(ledger, tags=TAGS)
    ledger.close()
    with closing(sqlite3.connect(ledger.path)) as db:
        text = text.encode("utf-8", "surrogateescape")
        db.execute("UPDATE submission SET tags = CAST(? AS TEXT), verification = CAST(? AS TEXT)", (text, text))
        db.commit()
    entry = ledger.entry_of("j1")
    assert (entry.tags, entry.verification) == ({}, None)


def test_a_ledger_of_version_7_keeps_its_jobs_and_takes_tags(tmp_path):
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in STEPS[:7]:
            step(db) if callable(step) else db.executescript(step)
        db.execute(
            "INSERT INTO submission (account, key, endpoint, form, state, created_at, job_id)"
            " VALUES (?, 'old', 'lipsync-image', '{}', 'completed', 1.0, 'j0')",
            (PROFILE.account,),
        )
    with Ledger(path) as ledger:
        old = ledger.entry_of("j0")
        assert (old.tags, old.verification, old.profile) == ({}, None, None)
        ledger.verified("j0", VERDICT)
        assert ledger.entry_of("j0").verification == VERDICT
        assert ledger.entry(made(ledger, tags=TAGS)).tags == TAGS


def test_many_processes_open_an_older_ledger_at_once(tmp_path):
    """One migrates it, and the others wait."""
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for step in STEPS[:7]:
            step(db) if callable(step) else db.executescript(step)
    code = "import sys; from lipsync_nodes import Ledger\nwith Ledger(sys.argv[1]) as it: print(len(it.entries()))"
    running = [subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=60)[0].strip() for process in running] == [b"0"] * 4


def test_a_record_of_a_host_keeps_the_tags(ledger):
    store = Store()
    journal = RecordJournal(store)
    made(journal, tags=TAGS)
    assert store.get()["tags"] == TAGS
    journal.release("j1")
    assert json.loads(json.dumps(store.get()))["tags"] == TAGS


def test_a_record_without_tags_is_as_before():
    store = Store()
    made(RecordJournal(store))
    assert "tags" not in store.get()
