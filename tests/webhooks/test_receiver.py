"""What the receiver does with a call: it is looked at until it is known and told, whatever fails or hangs."""

import asyncio
import logging
import threading

import httpx
import pytest

from lipsync_nodes import ConfigurationError, LipsyncClient, SubmissionUncertain
from lipsync_nodes.flows import WebhookReceived
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import hookimpl, plugins
from lipsync_nodes.settings import Profile
from lipsync_nodes.webhooks import WebhookReceiver, _worker
from tests.faults.bad_service import BadService, wait_until
from tests.receiving import Receiving, only_entry, rows
from tests.webhooks.conftest import FORM, LONG, timed


def test_webhooks_before_a_crash_are_handled_at_the_next_start(sandbox, path, monkeypatch):
    """What came before a crash is followed up at the next start."""
    with monkeypatch.context() as dead:
        dead.setattr(_worker.Worker, "add", lambda *_: None)  # it dies right after it has answered
        with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
            with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
                sandbox.fault("cut_after", where="submit")
                with pytest.raises(SubmissionUncertain):
                    client.submit(FORM, webhook="auto", key="k")
                wait_until(lambda: only_entry(path).webhook_job_id)
    assert only_entry(path).state == "uncertain"
    with Receiving(sandbox.api_key, sandbox.base_url, path):
        wait_until(lambda: only_entry(path).state == "completed")


def test_on_job_is_told_once_and_again_only_if_it_failed(sandbox, path):
    told = []

    async def on_job(job):
        told.append(job)
        if len(told) == 1:
            raise OSError("Airflow is away")

    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=on_job) as receiving:
        sandbox.fault("duplicate", times=3)
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.run(FORM, webhook="auto", poll_interval=LONG)
        wait_until(lambda: only_entry(path).handled_at)
        assert [(told.id, told.output) for told in told] == [(job.id, job.output)] * 2
        assert len(sandbox.received("poll")) <= 4


def test_what_a_receiver_that_died_has_left_is_found(sandbox, path, monkeypatch):
    """One that runs on the same ledger handles it within two minutes, here within a part of a second."""
    monkeypatch.setattr(_worker, "SEARCH_EVERY", 0.1)
    told = []
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, webhook={"base": "http://127.0.0.1:1"})
    with Ledger(path) as ledger, WebhookReceiver(profile, ledger, on_job=told.append):
        with LipsyncClient(profile=profile, ledger=ledger) as client:
            job = client.submit(FORM, webhook="auto")
        ledger.record(WebhookReceived(ledger.entry_of(job.id).callback, job.id), profile)  # and then it died
        wait_until(lambda: only_entry(path).handled_at)
    assert [job.id for job in told] == [job.id]


@pytest.fixture
def soon(monkeypatch):
    """What fails is tried again in a hurry."""
    monkeypatch.setattr(_worker, "PAUSES", (0.05, 0.2))


FAILURES = [
    OSError("Airflow is away"),
    ConfigurationError("no such asset"),
    SystemExit(1),
    StopIteration("nothing is next"),
    asyncio.CancelledError("a task of its own"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("is_async", [False, True])
def test_on_job_is_called_again_while_it_fails(sandbox, path, soon, caplog, failure, is_async):
    """On job is called again for as long as it fails and each failure is said."""
    told = []

    def on_job(job):
        told.append(job)
        if len(told) < 6:
            raise failure

    async def on_job_async(job):
        on_job(job)

    options = {"on_job": on_job_async if is_async else on_job}
    with Receiving(sandbox.api_key, sandbox.base_url, path, **options) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.submit(FORM, webhook="auto")
        wait_until(lambda: only_entry(path).handled_at)
    assert len(told) == 6
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("on_job failed: " in words and type(failure).__name__ in words for words in said) == 5
    assert len(sandbox.received("poll")) == 1


def test_a_receiver_without_on_job_leaves_it_to_the_one_with_it(sandbox, path, soon):
    """As ComfyUI's, on the ledger of a `webhook serve --on-job` whose Airflow, or whose service, is away."""
    back, told = threading.Event(), []

    def on_job(job):
        told.append(job.id)
        if not back.is_set():
            raise OSError("Airflow is away")

    sandbox.fault("status", where="poll", code=503, count=2)
    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=on_job) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.submit(FORM, webhook="auto")
        with Ledger(path) as ledger:
            wait_until(lambda: only_entry(path).webhook_job_id)
            with WebhookReceiver(
                receiving.profile, ledger
            ):  # it finds one that runs, and its rounds one that has ended
                wait_until(lambda: only_entry(path).state == "completed")
                wait_until(lambda: len(told) > 2)
        with Ledger(path) as ledger, WebhookReceiver(receiving.profile, ledger):
            tries = len(told)
            wait_until(lambda: len(told) > tries + 2)
        back.set()
        wait_until(lambda: only_entry(path).handled_at)


def test_an_unconfirmed_webhook_is_polled_again(sandbox, path, soon, caplog):
    """What the service does not confirm is looked at again and said."""
    sandbox.fault("status", where="poll", code=503, count=4)
    with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.submit(FORM, webhook="auto")
        wait_until(lambda: only_entry(path).state == "completed")
    assert any("was not confirmed: " in record.message for record in caplog.records)


def test_a_job_ends_under_the_id_it_was_submitted_under(path):
    """A job ends under the id that it was submitted under however the look spells it."""
    done = {"id": "JOB-1", "status": "completed", "output": "https://x.example/o.mp4"}
    told = []
    with BadService() as service, Receiving("sk_x", service.base_url, path, on_job=told.append) as receiving:
        service.on_poll = [lambda request: request.answer(200, done)]
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.submit(FORM, webhook="auto")
            service.call_back()
            wait_until(lambda: only_entry(path).handled_at)
    assert (only_entry(path).state, [job.id for job in told]) == ("completed", [job.id])


def test_an_on_job_that_hangs_keeps_nobody_from_being_woken(sandbox, path):
    going_on, begun = threading.Event(), []

    def on_job(job):
        begun.append(job.id)
        going_on.wait(30)

    sandbox.fault("seconds", seconds=0.2, count=-1)
    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=on_job) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            for _ in range(40):
                client.submit(FORM, webhook="auto")
            wait_until(lambda: begun)
            job, seconds = timed(lambda: client.run(FORM, webhook="auto", poll_interval=LONG, timeout=LONG))
        assert len(begun) < len(sandbox.jobs()) / 2, "each call has a thread of its own"
        assert job.id not in begun
        going_on.set()
    assert seconds < LONG / 2


def test_a_hanging_on_job_holds_up_no_other_job(sandbox, path, soon):
    """An on job that hangs in a round keeps no other job from being told."""
    going_on, told, hanging = threading.Event(), [], []

    def on_job(job):
        told.append(job.id)
        if told.count(job.id) > 2 and not hanging:
            hanging.append(job.id)
        if job.id in hanging:
            going_on.wait(30)
        raise OSError("Airflow is away")

    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=on_job) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            others = {client.submit(FORM, webhook="auto").id for _ in range(3)}
        wait_until(lambda: hanging)
        tries = len(told)
        others -= set(hanging)
        wait_until(lambda: all(told[tries:].count(job_id) > 2 for job_id in others))
        going_on.set()


def test_a_webhook_for_another_job_at_the_end_is_not_lost(sandbox, receiving, path):
    """A call that names another job while the last is given up is not lost."""
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
        sandbox.fault("cut_after", where="submit")
        sandbox.fault("drop")
        with pytest.raises(SubmissionUncertain):
            client.submit(FORM, webhook="auto", key="k")
    (row,) = rows(sandbox)
    headers = {"Content-Type": "application/json"}
    for job_id in ("no-such-job", row.id):
        assert httpx.post(row.webhook, json={"id": job_id}, headers=headers).status_code == 200
        wait_until(lambda job_id=job_id: any(job_id in request.path for request in sandbox.received("poll")))
    wait_until(lambda: only_entry(path).state == "completed")


def test_on_job_may_block(sandbox, path):
    told = threading.Event()
    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=lambda _job: told.set()) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.submit(FORM, webhook="auto")
        assert told.wait(60)


def test_a_receiver_that_can_start_no_thread_starts_them_later(sandbox, path, monkeypatch):
    """What comes meanwhile is in the ledger, and is handled with the next webhook."""
    told, started = [], threading.Thread.start

    def start(thread):
        if thread.name == "lipsync-webhooks":  # the sandbox needs its own
            raise RuntimeError("can't start new thread")
        started(thread)

    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url, webhook={"base": "http://127.0.0.1:1"})
    with Ledger(path) as ledger, LipsyncClient(profile=profile, ledger=ledger) as client:
        job = client.submit(FORM, webhook="auto")
        webhook = WebhookReceived(ledger.entry_of(job.id).callback, job.id)
        ledger.record(webhook, profile)
        worker = _worker.Worker(profile, ledger, told.append)
        worker.add(webhook)
        with monkeypatch.context() as exhausted:
            exhausted.setattr(threading.Thread, "start", start)
            with pytest.raises(RuntimeError):
                worker.start()
        worker.start()
        wait_until(lambda: told)
        worker.close()


def test_repetitions_while_on_job_runs_do_not_call_it_again(sandbox, path):
    told, over = [], threading.Event()

    def on_job(job):
        told.append(job.id)
        over.wait(60)

    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=on_job) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.submit(FORM, webhook="auto")
        wait_until(lambda: told)
        headers = {"Content-Type": "application/json"}
        for _ in range(12):
            assert httpx.post(rows(sandbox)[0].webhook, json={"id": job.id}, headers=headers).status_code == 200
            over.wait(0.15)
        over.set()
        wait_until(lambda: only_entry(path).handled_at)
    assert told == [job.id]


def test_on_job_may_return_any_awaitable(sandbox, path):
    """What Cython compiles returns no coroutine of Python's."""
    told = []

    class Later:
        def __init__(self, job):
            self.job = job

        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            told.append(self.job.id)

    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=Later) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.submit(FORM, webhook="auto")
        wait_until(lambda: only_entry(path).handled_at)
    assert told == [job.id]


def test_a_webhook_that_cannot_be_written_is_not_confirmed(sandbox, path, caplog):
    """Whoever sent it may send it again; a 200 would be a promise."""
    sandbox.fault("drop")
    with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.submit(FORM, webhook="auto")
        path.rename(path.with_suffix(".gone"))
        webhook, headers = rows(sandbox)[0].webhook, {"Content-Type": "application/json"}
        assert httpx.post(webhook, json={"id": job.id}, headers=headers).status_code == 503
    assert "could not be recorded" in caplog.text
    assert webhook.rpartition("/")[2] not in "".join(r.getMessage() for r in caplog.records if r.name != "httpx")


def test_an_observer_may_close_the_receiver(sandbox, path):
    closed = threading.Event()

    class Observer:
        @hookimpl
        def lipsync_job_event(self, event):
            if event.kind == "completed":
                receiving.receiver.close()
                closed.set()

    observer = Observer()
    with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
        plugins().register(observer)
        try:
            with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
                client.submit(FORM, webhook="auto")
            assert closed.wait(60)
        finally:
            plugins().unregister(observer)


def test_a_coroutine_of_on_job_may_close_the_receiver(sandbox, path):
    closed = threading.Event()

    async def on_job(_job):
        receiving.receiver.close()
        closed.set()

    with Receiving(sandbox.api_key, sandbox.base_url, path, on_job=on_job) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.submit(FORM, webhook="auto")
        assert closed.wait(60)
