"""`RecordsJournal`: many submissions in one store, each under its own key."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lipsync_nodes import ImageForm, InvalidRequest, JobFailed, Ledger, LipsyncClient, LipsyncError, SubmissionUncertain
from lipsync_nodes.ledger import RecordsJournal


class Store(dict):
    def set(self, key, value):
        self[key] = dict(value)

    def delete(self, key):
        self.pop(key, None)


def form(name):
    return ImageForm(image=f"https://x.example/{name}.png", audio="https://x.example/a.mp3")


@pytest.fixture
def opened(sandbox, tmp_path):
    store = Store()

    def opened(generation=0):
        journal = RecordsJournal(store, generation, ledger=Ledger(tmp_path / "ledger.sqlite"))
        return LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=journal), journal, store

    return opened


def test_each_key_has_its_own_record_whatever_runs_beside_it(opened, sandbox):
    client, _, store = opened()
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda name: client.submit(form(name), key=f"k/{name}"), range(40)))
    assert {key: record["job_id"] for key, record in store.items()} == {f"k/{n}": job.id for n, job in enumerate(jobs)}
    again, *_ = opened()
    assert [again.submit(form(name), key=f"k/{name}").id for name in range(40)] == [job.id for job in jobs]
    assert len(sandbox.received("submit")) == 40


def test_the_same_key_at_the_same_time_is_sent_once(opened, sandbox):
    client, *_ = opened()
    sandbox.fault("delay", where="submit", seconds=0.5)
    with ThreadPoolExecutor(4) as pool:
        jobs = {job.id for job in pool.map(lambda _: client.submit(form("a"), key="a"), range(4))}
    assert len(jobs) == len(sandbox.received("submit")) == 1


@pytest.mark.parametrize("failing", ["set", "delete"])
def test_a_key_does_not_wait_for_a_caller_whose_store_failed(opened, sandbox, failing, monkeypatch):
    client, _, store = opened()
    sandbox.fault("status", where="submit", code=400)

    def broken(*_):
        raise OSError("no network")

    monkeypatch.setattr(store, failing, broken)
    with pytest.raises(LipsyncError):
        client.submit(form("a"), key="a")
    monkeypatch.undo()
    sandbox.clear_faults()
    store.clear()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(client.submit, form("a"), key="a").result(timeout=10).id


def test_what_is_uncertain_is_so_under_its_key_alone(opened, sandbox):
    client, *_ = opened()
    sandbox.fault("cut_after", where="submit", after=1)
    client.submit(form("a"), key="a")
    with pytest.raises(SubmissionUncertain):
        client.submit(form("b"), key="b")
    with pytest.raises(SubmissionUncertain):
        opened()[0].submit(form("b"), key="b")
    client.submit(form("c"), key="c")
    assert len(sandbox.received("submit")) == 3


def test_a_job_that_is_released_is_new_in_the_next_generation(opened, sandbox):
    client, journal, _ = opened()
    sandbox.fault("fail")
    failed, other = client.submit(form("a"), key="a"), client.submit(form("b"), key="b")
    with pytest.raises(JobFailed):
        client.wait(failed.id)
    journal.release(failed.id)
    assert opened()[0].submit(form("a"), key="a").id == failed.id, "a retry"
    later, *_ = opened(generation=1)
    assert later.submit(form("a"), key="a").id != failed.id
    assert later.submit(form("b"), key="b").id == other.id


def test_a_job_of_another_process_is_adopted_with_its_key(opened, sandbox):
    first, *_ = opened()
    job = first.submit(form("a"), key="a")
    _, journal, store = opened()
    assert not journal.knows(job.id)
    journal.adopt("a", job.id)
    assert journal.knows(job.id)
    journal.release(job.id)
    assert store["a"]["state"] == "ended"


def test_a_key_is_needed(opened):
    with pytest.raises(InvalidRequest, match="key"):
        opened()[0].submit(form("a"))
