"""Record journals of one machine keep the limits of their profile together."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lipsync_nodes import ImageForm, Ledger, LipsyncClient, SubmitTimeout
from lipsync_nodes.ledger import PacedJournal
from lipsync_nodes.settings import Profile
from tests.record_store import Store

FORM = ImageForm(image="https://x.example/i", audio="https://x.example/a")


@pytest.fixture
def submit(sandbox, tmp_path):
    """Submit as another task would: with a record of its own, and the ledger file of the machine."""

    def submit(store, within=None, **limits):
        profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, **limits)
        with Ledger(tmp_path / "ledger") as ledger:
            journal = PacedJournal(store, ledger=ledger)
            with LipsyncClient(profile=profile, ledger=journal) as client:
                return client.run(FORM, key="k", timeout=within) if within else client.submit(FORM, key="k")

    return submit


@pytest.mark.parametrize("limit", ["submits_per_minute", "max_concurrency"])
def test_the_limits_hold_across_records(sandbox, submit, limit):
    sandbox.fault("job_status", polls=10**9)
    for _ in range(2):
        submit(Store(), **{limit: 2})
    third = Store()
    with pytest.raises(SubmitTimeout, match=r"max_concurrency|submits_per_minute"):
        submit(third, 1.0, **{limit: 2})
    assert len(sandbox.received("submit")) == 2
    assert third.get() is None, "nothing was sent, so nothing is recorded"


def test_a_place_is_free_once_a_job_has_ended(sandbox, submit):
    """Nobody has to report the end: who waits for the place polls the job that has it."""
    first = submit(Store(), max_concurrency=1)
    second = submit(Store(), 30.0, max_concurrency=1)
    assert first.id != second.id


def test_a_retry_with_its_record_needs_no_place(sandbox, submit):
    sandbox.fault("job_status", polls=10**9)
    store = Store()
    first = submit(store, submits_per_minute=1, max_concurrency=1)
    assert submit(store, submits_per_minute=1, max_concurrency=1).id == first.id
    assert len(sandbox.received("submit")) == 1


def test_tasks_at_once_share_the_limit(sandbox, submit):
    def one(_):
        try:
            return submit(Store(), 1.5, submits_per_minute=3).id
        except SubmitTimeout:
            return None

    with ThreadPoolExecutor(8) as tasks:
        jobs = list(tasks.map(one, range(8)))
    assert len(sandbox.received("submit")) == 3
    assert len([job for job in jobs if job]) == 3


def test_without_limits_the_ledger_is_not_used(submit, tmp_path):
    submit(Store())
    assert not (tmp_path / "ledger").exists()


def test_a_failure_of_the_ledger_after_the_response_loses_no_job(sandbox, submit, tmp_path, monkeypatch):
    store, record = Store(), Ledger.record

    def full(self, event, profile):
        if type(event).__name__ in {"Accepted", "Seen"}:
            raise OSError("disk full")
        return record(self, event, profile)

    monkeypatch.setattr(Ledger, "record", full)
    job = submit(store, submits_per_minute=9)
    assert store.get()["job_id"] == job.id


def test_the_ledger_of_the_machine_awaits_no_file_of_a_record(sandbox, tmp_path):
    """Only the client of the record knows when its video is saved, so `resume` would save it once more."""
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, max_concurrency=1)
    with Ledger(tmp_path / "ledger") as ledger:
        with LipsyncClient(profile=profile, ledger=PacedJournal(Store(), ledger=ledger)) as client:
            job = client.run(FORM, key="k", target=tmp_path / "v.mp4")
            client.download(job, tmp_path / "v.mp4")
        assert ledger.entry_of(job.id).state == "completed"
        assert ledger.unfinished(profile) == []


@pytest.mark.parametrize("waits_elsewhere", [False, True])
def test_a_submission_with_tags_is_in_the_ledger_for_reports(sandbox, tmp_path, waits_elsewhere):
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    store, other = Store(), Store()
    with Ledger(tmp_path / "ledger") as ledger:
        with LipsyncClient(profile=profile, ledger=PacedJournal(store, ledger=ledger)) as client:
            job = client.submit(FORM, key="k", tags={"client": "acme"})
            client.wait(job.id, poll_interval=0.05) if not waits_elsewhere else None
        with LipsyncClient(profile=profile, ledger=PacedJournal(store, ledger=ledger)) as client:
            client.wait(job.id, poll_interval=0.05) if waits_elsewhere else None
            assert client.submit(FORM, key="k", tags={"client": "acme"}).id == job.id
        with LipsyncClient(profile=profile, ledger=PacedJournal(other, ledger=ledger)) as client:
            without = client.submit(FORM, key="k")
        assert (ledger.entry_of(job.id).tags, ledger.entry_of(job.id).state) == ({"client": "acme"}, "completed")
        assert ledger.entry_of(without.id) is None
    assert len(sandbox.received("submit")) == 2


def test_a_ledger_that_cannot_be_written_does_not_stop_a_submission_with_tags(sandbox, tmp_path, caplog):
    (tmp_path / "ledger").write_bytes(b"not a database" * 1000)
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    with (
        Ledger(tmp_path / "ledger") as ledger,
        LipsyncClient(profile=profile, ledger=PacedJournal(Store(), ledger=ledger)) as client,
    ):
        assert client.submit(FORM, key="k", tags={"client": "acme"}).id
    assert "reports of profile" in caplog.text
