"""However a client, a loop or a program ends: a paid job's id is noted, and nothing is held for what is not sent."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress

import httpx
import pytest

from lipsync_nodes import AsyncLipsyncClient, ImageForm, LipsyncClient, LipsyncError
from lipsync_nodes.flows import Accepted, Budget, Claim, Refused, Seen, Sending
from lipsync_nodes.http import _aio as aio
from lipsync_nodes.http import _pool as pool
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import hookimpl, plugins
from lipsync_nodes.settings import Profile
from tests.conftest import QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService, wait_until

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def service():
    with BadService() as service:
        service.on_submit = [slowly]
        yield service


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def slowly(request):
    """Answer once the submit has been on its way for a while."""
    request.service.linger(0.5)
    bad.accept(request)


def states(ledger):
    return [(entry.state, entry.job_id) for entry in ledger.entries()]


async def until(condition):
    while not condition():
        await asyncio.sleep(0.01)


# Whose request is on its way when the client is closed.


def test_closing_cuts_no_submit_of_another_task(service, ledger):
    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            submit = asyncio.create_task(client.submit(FORM, key="k"))
            await until(lambda: service.posts)
        await submit

    asyncio.run(go())
    assert states(ledger) == [("live", "job-1")]


def test_closing_cuts_no_submit_of_another_thread(service, ledger):
    client = LipsyncClient("sk_x", service.base_url, ledger=ledger)
    submit = threading.Thread(target=client.submit, args=(FORM,), kwargs={"key": "k"})
    submit.start()
    wait_until(lambda: service.posts)
    client.close()
    submit.join()
    assert states(ledger) == [("live", "job-1")]


@pytest.mark.parametrize("given", [False, True])
def test_no_thread_closes_the_connection_of_another(service, given):
    """httpcore may close an idle connection under another thread's request; see encode/httpcore#1110."""
    service.on_submit = [bad.accept]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with (
            httpx.Client() if given else nullcontext() as http_client,
            LipsyncClient("sk_x", service.base_url, http_client=http_client) as client,
            ThreadPoolExecutor(24) as threads,
        ):
            jobs = [job.id for job in threads.map(lambda _: client.submit(FORM), range(300))]
    finally:
        sys.setswitchinterval(before)
    assert len(set(jobs)) == len(service.posts) == 300
    assert {headers["Connection"] for _, headers in service.posts} == {"close"}


def test_a_cancel_through_several_tasks_is_waited_for(service, ledger):
    """A cancel that has some tasks to go through is waited for."""

    async def nested(client):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.wait_for(client.submit(FORM, key="k"), 30))

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            task = asyncio.create_task(nested(client))
            await until(lambda: service.posts)
            task.cancel()

    asyncio.run(go())
    assert states(ledger) == [("live", "job-1")]


@pytest.mark.usefixtures("polls")
def test_a_loop_holds_nothing_of_a_closed_client(service):
    """A loop holds nothing of a client that was closed while it waited."""
    service.on_submit, service.on_poll = [bad.accept], [bad.still()]

    async def go():
        client = AsyncLipsyncClient("sk_x", service.base_url)
        waiting = asyncio.create_task(client.wait("job-1", poll_interval=0.05, timeout=30))
        await until(lambda: len(service.polls) > 1)
        await client.close()
        looked = len(service.polls)
        await until(lambda: len(service.polls) > looked + 1)  # the wait goes on
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        assert asyncio.get_running_loop() not in pool._pools

    asyncio.run(go())


# What is noted last.


@pytest.mark.parametrize("arrived", [True, False], ids=["the answer has come", "the answer is awaited"])
def test_the_end_of_a_loop_loses_no_note(service, ledger, monkeypatch, arrived):
    """Its tasks are cancelled then, and those that are not begun never run."""
    came = asyncio.Event()
    exchange = aio.AsyncTransport._exchange

    async def exchanged(*arguments):
        answer = await exchange(*arguments)
        came.set()
        return answer

    monkeypatch.setattr(aio.AsyncTransport, "_exchange", exchanged)

    async def go():
        client = AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger)
        submit = asyncio.create_task(client.submit(FORM, key="k"))
        await (came.wait() if arrived else until(lambda: service.posts))
        submit.cancel()

    asyncio.run(go())
    expected = ("live", "job-1") if arrived else ("uncertain", None)
    wait_until(lambda: states(ledger) == [expected])


def test_an_id_that_cannot_be_noted_for_who_has_gone_is_logged(service, tmp_path, caplog):
    class Full(Ledger):
        def record(self, event, profile):
            if isinstance(event, Accepted):
                raise LipsyncError("The disk is full.")
            return super().record(event, profile)

    async def go(ledger):
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            submit = asyncio.create_task(client.submit(FORM, key="k"))
            await until(lambda: service.posts)
            submit.cancel()

    with Full(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(go(ledger))
    assert "Job job-1 was made but could not be noted: The disk is full." in caplog.text


class Noting(Ledger):
    """Tells when a job is being noted, and is slow at it, once."""

    def __init__(self, path):
        super().__init__(path)
        self.noting = threading.Event()

    def record(self, event, profile):
        if isinstance(event, Accepted) and not self.noting.is_set():
            self.noting.set()
            time.sleep(1)
        return super().record(event, profile)


def test_observers_hear_of_a_job_noted_during_a_cancel(service, tmp_path):
    """Observers are told of a job whose caller was cancelled while it was noted."""

    class Observer:
        @hookimpl
        def lipsync_job_event(self, event):
            told.append((event.kind, event.job_id))

    async def go(ledger):
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            submit = asyncio.create_task(client.submit(FORM, key="k"))
            await until(ledger.noting.is_set)
            submit.cancel()

    told = []
    plugins().register(observer := Observer())
    try:
        with Noting(tmp_path / "ledger.sqlite") as ledger:
            asyncio.run(go(ledger))
    finally:
        plugins().unregister(observer)
    assert told == [("submitted", "job-1")]


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="it takes a signal")
@pytest.mark.parametrize("kind", [Exception, BaseException])
def test_a_time_limit_while_noting_loses_no_id(service, tmp_path, kind):
    """Of task queues, Celery and RQ among them, some raise the one and some the other."""

    class TimeLimit(kind):
        pass

    def strike(*_):
        raise TimeLimit

    def wait_and_strike():
        ledger.noting.wait()
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, strike)
    try:
        with Noting(tmp_path / "ledger.sqlite") as ledger:
            threading.Thread(target=wait_and_strike).start()
            with pytest.raises(TimeLimit) as caught, LipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
                client.submit(FORM, key="k")
            assert states(ledger) == [("live", "job-1")]
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert "job-1" in caught.value.__notes__[0]


def test_ctrl_c_between_the_answer_and_its_note_loses_no_id(service, ledger, caplog):
    class Striking(logging.Handler):
        def emit(self, record):
            if record.getMessage().startswith("POST"):
                raise KeyboardInterrupt

    caplog.set_level(logging.DEBUG, "lipsync_nodes")
    log = logging.getLogger("lipsync_nodes")
    log.addHandler(striking := Striking())
    try:
        with (
            pytest.raises(KeyboardInterrupt) as caught,
            LipsyncClient("sk_x", service.base_url, ledger=ledger) as client,
        ):
            client.submit(FORM, key="k")
    finally:
        log.removeHandler(striking)
    assert states(ledger) == [("live", "job-1")]
    assert caught.value.__notes__ == ["The job job-1 was made and goes on; it may be billed. Keep its id."]


def test_a_thread_that_outlives_the_main_one_notes_its_job(service, ledger, tmp_path):
    arrived = tmp_path / "arrived"
    code = f"""
import asyncio, pathlib, threading, time
from lipsync_nodes import AsyncLipsyncClient, ImageForm
from lipsync_nodes.plugins import hookimpl, plugins
from lipsync_nodes.ledger import Ledger

class Observer:
    @hookimpl
    def lipsync_job_event(self, event):
        print(event.kind, event.job_id)

async def go():
    async with AsyncLipsyncClient("sk_x", {service.base_url!r}, ledger=Ledger({str(ledger.path)!r})) as client:
        await client.submit(ImageForm(image="https://x/i.png", audio="https://x/a.mp3"), key="k")

plugins().register(Observer())
threading.Thread(target=asyncio.run, args=(go(),)).start()
while not pathlib.Path({str(arrived)!r}).exists():
    time.sleep(0.01)
# The main thread ends here, while the other one is at it.
"""
    service.on_submit = [lambda request: (arrived.touch(), request.service.linger(3), bad.accept(request))]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("submitted job-1\n", "")
    assert states(ledger) == [("live", "job-1")]


# What was not sent holds no budget and no key.


def cancelled(client, after, **options):
    async def go():
        async with client:
            submit = asyncio.create_task(client.submit(FORM, key="k", estimate=20, **options))
            await until(after)
            submit.cancel()
            with suppress(asyncio.CancelledError):
                await submit

    asyncio.run(go())


def test_a_cancel_between_tries_frees_budget_and_key(service, ledger):
    """A cancel in the pause before another try frees budget and key."""
    service.on_submit, budget = [bad.refuse(429, Retry_After="2")], Budget(100)
    client = AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger, budget=budget, policy=QUICK)
    cancelled(client, lambda: [state for state, _ in states(ledger)] == ["waiting"] and service.posts)
    assert (budget.committed, states(ledger)) == (0, [("refused", None)])


def test_a_refusal_after_the_cancel_frees_budget_and_key(service, ledger):
    """A refusal that comes after the cancel frees budget and key."""
    refuse, budget = bad.refuse(429, Retry_After="2"), Budget(100)
    service.on_submit = [lambda request: (request.service.linger(0.5), refuse(request))]
    client = AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger, budget=budget, policy=QUICK)
    cancelled(client, lambda: service.posts)
    assert (budget.committed, states(ledger)) == (0, [("refused", None)])


def test_a_cancel_in_the_queue_frees_budget_and_key(service, ledger):
    profile = Profile(api_key="sk_x", base_url=service.base_url, max_concurrency=1)
    service.on_submit, service.on_poll, budget = [bad.accept], [bad.still()], Budget(100)
    LipsyncClient(profile=profile, ledger=ledger).submit(FORM)
    client = AsyncLipsyncClient(profile=profile, ledger=ledger, budget=budget)
    cancelled(client, lambda: budget.committed)
    assert (budget.committed, states(ledger)[1:]) == (0, [("refused", None)])
    assert len(service.posts) == 1


@pytest.mark.parametrize("kind", [Claim, Sending, Seen])
def test_a_cancel_while_noting_frees_budget_and_key(service, tmp_path, kind):
    """A claim, that it is about to be sent, or how the job is that keeps it in the queue."""

    class Slow(Ledger):
        def record(self, event, profile):
            if isinstance(event, kind) and waiting.is_set():
                noting.set()
                time.sleep(0.5)
            return super().record(event, profile)

    waiting, noting, budget = threading.Event(), threading.Event(), Budget(100)
    profile = Profile(api_key="sk_x", base_url=service.base_url, max_concurrency=1 if kind is Seen else None)
    service.on_submit = [bad.accept]
    with Slow(tmp_path / "ledger.sqlite") as ledger:
        first = LipsyncClient(profile=profile, ledger=ledger).submit(FORM)
        with ledger._transaction() as db:
            db.execute("UPDATE submission SET looked_at = 0 WHERE job_id = ?", (first.id,))
        waiting.set()
        cancelled(AsyncLipsyncClient(profile=profile, ledger=ledger, budget=budget), noting.is_set)
        assert (budget.committed, states(ledger)[1:]) == (0, [("refused", None)])
    assert len(service.posts) == 1


def test_a_failing_journal_before_the_submit_frees_everything(face_of, service, tmp_path):
    """A journal that fails in its own way before the submit frees budget and key."""

    class Broken(Ledger):
        def record(self, event, profile):
            if type(event) is Sending:
                raise RuntimeError("API server: 503")
            return super().record(event, profile)

    budget = Budget(100)
    with Broken(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(RuntimeError, match="503"):
            face_of(api_key="sk_x", base_url=service.base_url, ledger=ledger, budget=budget).submit(FORM, estimate=20)
        assert (budget.committed, states(ledger)) == (0, [("refused", None)])
    assert service.posts == []


def test_ctrl_c_while_a_refusal_is_noted_leaves_it_refused(service, tmp_path):
    class Struck(Ledger):
        def record(self, event, profile):
            if isinstance(event, Refused) and not struck:
                struck.append(event)
                raise KeyboardInterrupt
            return super().record(event, profile)

    struck = []
    service.on_submit = [bad.refuse(402)]
    with Struck(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(KeyboardInterrupt):
            LipsyncClient("sk_x", service.base_url, ledger=ledger).submit(FORM, key="k")
        assert states(ledger) == [("refused", None)]


def test_a_stop_between_tries_frees_budget_and_key(service, ledger):
    """A stop in the pause before another try frees budget and key."""
    budget = Budget(100)
    service.on_submit = [bad.refuse(429, Retry_After="2")]

    def stop():
        wait_until(lambda: service.posts and states(ledger) == [("waiting", None)])
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop).start()
    with (
        pytest.raises(KeyboardInterrupt),
        LipsyncClient("sk_x", service.base_url, ledger=ledger, budget=budget) as client,
    ):
        client.submit(FORM, key="k", estimate=20)
    assert (budget.committed, states(ledger)) == (0, [("refused", None)])


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")
def test_a_lost_answer_is_told_without_any_file_descriptor(tmp_path):
    """Nothing has to be loaded to say that a submission is uncertain."""
    code = f"""
import os, resource
import httpx
from lipsync_nodes import ImageForm, Ledger, LipsyncClient, SubmissionUncertain

class Lost(httpx.BaseTransport):
    def handle_request(self, request):
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        try:
            while True:
                os.open(os.devnull, os.O_RDONLY)
        except OSError:
            raise httpx.ReadError("cut", request=request) from None

ledger = Ledger({str(tmp_path / "ledger.sqlite")!r})
form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
client = LipsyncClient("sk_x_0123456789", "https://x", ledger=ledger, http_client=httpx.Client(transport=Lost()))
try:
    client.submit(form, key="k")
except SubmissionUncertain as error:
    print(error.may_have_charged, [entry.state for entry in ledger.entries()], error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("True ['uncertain'] The submit was sent, but no answer came"), done.stderr
