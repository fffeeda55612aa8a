"""What ends a call from outside, or breaks beside it: the id of a paid job is kept, and nothing more is paid."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from lipsync_nodes import (
    AsyncLipsyncClient,
    DownloadError,
    ImageForm,
    JobTimeout,
    LipsyncClient,
    LipsyncError,
    SubmissionUncertain,
    VideoForm,
)
from lipsync_nodes._redaction import conceal, redact
from lipsync_nodes.flows import Accepted, Claim, Sending, Submission
from lipsync_nodes.http import Recorder
from lipsync_nodes.http import _aio as aio
from lipsync_nodes.http import _pool as pool
from lipsync_nodes.http import _sync as sync
from lipsync_nodes.http._run import finished
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import hookimpl, plugins
from lipsync_nodes.service import Job, shorten
from lipsync_nodes.settings import Profile
from tests.conftest import QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
OTHER = VideoForm(video="https://x/v.mp4", audio="https://x/a.mp3")


@pytest.fixture
def service():
    with BadService() as service:
        yield service


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def states(ledger):
    return [(entry.state, entry.job_id) for entry in ledger.entries()]


def notes(error):
    return " ".join(getattr(error, "__notes__", ()))


def send_when(number, happened, then=lambda: None):
    """Send this process a signal as soon as something has happened, and *then* let it go on."""

    def watch():
        while not happened():
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), number)
        then()

    threading.Thread(target=watch).start()


class Stumbling(Ledger):
    """A journal that fails once, in its own way, where the id of a job is to be written down."""

    def record(self, event, profile):
        if isinstance(event, Accepted) and not hasattr(self, "stumbled"):
            self.stumbled = True
            raise RuntimeError("API server: 503")
        return super().record(event, profile)


def test_a_failing_journal_leaves_the_job_id_in_a_note(face_of, service, tmp_path):
    """A journal that fails in its own way leaves the id in a note."""
    with Stumbling(tmp_path / "ledger.sqlite") as ledger, pytest.raises(RuntimeError, match="503") as caught:
        face_of(api_key="sk_x", base_url=service.base_url, ledger=ledger).run(FORM)
    assert service.paid[0] in notes(caught.value)


def test_an_error_of_a_listener_is_no_failed_poll(face_of, service, ledger):
    """Who listens may fail in our words and it is no failed look."""

    def tell(job):
        if job.finished:
            raise DownloadError("the disk is full")

    listening = {"timeout": 5, "poll_interval": 0.05, "on_update": tell}
    with pytest.raises(DownloadError, match="the disk is full"):
        face_of(api_key="sk_x", base_url=service.base_url, ledger=ledger).run(FORM, **listening)
    assert states(ledger) == [("completed", service.paid[0])]
    assert len(service.polls) == 1


def test_busy_threads_do_not_hold_a_job_id_back(service, ledger, tmp_path):
    """Transfers that fill the loops threads do not hold an id back."""

    def slowly(request):
        request.service.linger(0.5)
        bad.accept(request)

    def hang(request):
        hung.release()
        request.service.linger()

    hung = threading.Semaphore(0)
    service.on_submit, service.on_output = [slowly], [hang]

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger, policy=QUICK) as client:
            submit = asyncio.create_task(client.submit(FORM, key="k"))
            while not service.posts:
                await asyncio.sleep(0.01)
            urls = [f"{service.url}/output/{number}.mp4" for number in range(40)]
            loads = [asyncio.create_task(client.download(url, tmp_path / "videos/")) for url in urls]
            while not hung.acquire(blocking=False):
                await asyncio.sleep(0.01)
            job = await submit
            assert states(ledger) == [("live", job.id)]
            for load in loads:
                load.cancel()
            service.__exit__()
            await asyncio.gather(*loads, return_exceptions=True)

    asyncio.run(go())


def test_a_submit_cancelled_before_it_is_sent_is_not_uncertain(service, tmp_path):
    """A submit that is cancelled just before it is sent is not uncertain."""

    class Slow(Ledger):
        def record(self, event, profile):
            if isinstance(event, Sending):
                sending.set()
            time.sleep(0.3)  # also what is noted last: closing waits for it
            return super().record(event, profile)

    sending = threading.Event()

    async def go(ledger):
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            submit = asyncio.create_task(client.submit(FORM, key="k"))
            while not sending.is_set():
                await asyncio.sleep(0.01)
            submit.cancel()

    with Slow(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(go(ledger))
        assert (states(ledger), service.posts) == ([("refused", None)], [])


@pytest.mark.usefixtures("polls")
def test_a_loop_without_clients_is_forgotten(service):
    """A loop whose clients are closed is forgotten however busy it was."""

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url) as client:
            await asyncio.gather(*(client.job("job-1") for _ in range(2 * pool.IN_FLIGHT)), return_exceptions=True)

    before = len(pool._pools)
    asyncio.run(go())
    assert len(pool._pools) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_submit_is_uncertain(service, ledger, number):
    """Whatever ends a submit on its way leaves an uncertain one."""
    service.on_submit = [bad.hang]
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    send_when(number, lambda: service.posts)
    try:
        with pytest.raises((KeyboardInterrupt, SystemExit)) as caught:
            with LipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
                client.submit(FORM, key="k")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert states(ledger) == [("uncertain", None)]
    assert "whether it made a job is unknown" in notes(caught.value)


@pytest.mark.parametrize("kind", [httpx.Client, httpx.AsyncClient])
def test_a_raising_hook_of_httpx_leaves_an_uncertain_submit(service, ledger, kind):
    """A hook of the callers own client that raises leaves an uncertain submit."""

    def refuse(_response):
        raise RuntimeError("a mistake of the caller's")

    async def refuse_later(response):
        refuse(response)

    def submit():
        with httpx.Client(event_hooks={"response": [refuse]}) as given:
            LipsyncClient("sk_x", service.base_url, ledger=ledger, http_client=given).submit(FORM, key="k")

    async def submit_later():
        async with httpx.AsyncClient(event_hooks={"response": [refuse_later]}) as given:
            async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger, http_client=given) as client:
                await client.submit(FORM, key="k")

    with pytest.raises(RuntimeError, match="of the caller's"):
        submit() if kind is httpx.Client else asyncio.run(submit_later())
    assert states(ledger) == [("uncertain", None)]


def test_ctrl_c_in_a_wait_names_the_job_also_without_a_ledger(service):
    service.on_poll = [bad.still()]
    send_when(signal.SIGINT, lambda: service.polls)
    with pytest.raises(KeyboardInterrupt) as caught, LipsyncClient("sk_x", service.base_url) as client:
        client.run(FORM, timeout=20, poll_interval=0.1)
    assert service.paid[0] in notes(caught.value)


def test_ctrl_c_while_waiting_for_the_ledger_keeps_the_id(ledger):
    """Ctrl-C while a ledger is waited for keeps the id and leaves the ledger open to all."""
    profile = Profile(api_key="sk_x_0123456789", base_url="https://h.example")
    row = ledger.record(Claim(Submission("lipsync-image", "/lipsync-image", {}, key="k")), profile).row
    ledger.record(Sending(row, 60), profile)
    code = (
        f"import sqlite3, sys; db = sqlite3.connect({ledger.path!r}, isolation_level=None); "
        "db.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read(); db.execute('COMMIT')"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        writing = threading.Event()

        def record(event):
            writing.set()
            return ledger.record(event, profile)

        told = []
        send_when(signal.SIGINT, writing.is_set, holder.stdin.close)
        run = sync._Run(None, None, None, Recorder(record, told.append, bool), ledger)
        with pytest.raises(KeyboardInterrupt):
            finished(run.record(Accepted(row, Job(id="paid-1"))))
    assert states(ledger) == [("live", "paid-1")]
    assert told == [Accepted(row, Job(id="paid-1"))]


def test_ctrl_c_ends_many_before_anything_more_is_paid(service, monkeypatch):
    class Pool(ThreadPoolExecutor):
        def shutdown(self, *args, **options):
            ending.set()
            super().shutdown(*args, **options)

    def slow(form, *_args, **_options):
        threads.add(threading.current_thread())
        ending.wait()
        return {}

    threads, ending = set(), threading.Event()
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", Pool)
    monkeypatch.setattr("lipsync_nodes.client._submission.published", slow)
    send_when(signal.SIGINT, lambda: threads)
    with pytest.raises(KeyboardInterrupt), LipsyncClient("sk_x", service.base_url) as client:
        client.run_many([FORM] * 6, concurrency=3, timeout=9, poll_interval=0.1)
    for thread in threads:
        thread.join()
    assert service.posts == []


def test_many_name_the_jobs_that_go_on_beside_the_first_error(face_of, service):
    service.on_submit = [lambda request: (bad.refuse(402) if "image" in request.path else bad.accept)(request)]
    service.on_poll = [bad.still()]
    with pytest.raises(LipsyncError) as caught:
        face_of(api_key="sk_x", base_url=service.base_url).run_many(
            [FORM, OTHER], concurrency=2, timeout=3, poll_interval=0.1
        )
    assert not isinstance(caught.value, JobTimeout)
    assert service.paid[0] in notes(caught.value)


@pytest.mark.parametrize("status", [500, 422])
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error": "\\ud800"}'], ids=["deep", "half an emoji"])
def test_an_odd_refusal_is_still_told_in_our_words(face_of, service, ledger, status, body):
    service.on_submit = [lambda request: request.answer(status, body)]
    with pytest.raises(LipsyncError) as caught:
        face_of(api_key="sk_x", base_url=service.base_url, ledger=ledger).submit(FORM, key="k")
    assert isinstance(caught.value, SubmissionUncertain) == (status == 500)
    assert states(ledger)[0][0] == ("uncertain" if status == 500 else "refused")


@pytest.mark.parametrize("date", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 9999 00:00:00 +9999"])
def test_a_date_beyond_all_calendars_is_no_pace(service, date):
    service.on_submit = [bad.refuse(429, Retry_After=date)]
    with pytest.raises(LipsyncError), LipsyncClient("sk_x", service.base_url, policy=QUICK) as client:
        client.submit(FORM)
    assert len(service.posts) == 1


def test_a_key_is_masked_before_a_text_is_cut():
    """A key is masked before a text is cut and one within another whole."""
    conceal("plainkey")
    conceal("plainkey-with-a-tail-0123456789")
    assert "tail" not in redact("it says plainkey-with-a-tail-0123456789")
    assert "plain" not in shorten("x" * 295 + " plainkey-with-a-tail-0123456789")


@pytest.mark.parametrize("url", ["https://[bad/x.mp4", f"https://{'a' * 300}.example/x", "https://xn--/x"])
def test_a_malformed_output_is_told_in_our_words(face, url, tmp_path):
    with pytest.raises(DownloadError):
        face.download(Job(id="j1", status="completed", output=url), tmp_path / "video.mp4")


@pytest.mark.parametrize("watched", [False, True], ids=["nobody", "an observer"])
def test_a_submit_leaves_at_once_in_a_busy_loop(service, ledger, watched):
    """The ledger gives it up after its time; who consents then must not meet it later."""

    class Observer:
        @hookimpl
        def lipsync_job_event(self, event):
            pass

    def hang(_request):
        hung.release()
        _request.service.linger()

    hung, sleep = threading.Semaphore(0), threading.Event()
    service.on_poll = [hang]

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            looks = [asyncio.create_task(client.job(f"job-{number}")) for number in range(2 * pool.IN_FLIGHT)]
            loop = asyncio.get_running_loop()
            busy = [loop.run_in_executor(None, sleep.wait) for _ in range(40)]
            while not hung.acquire(blocking=False):
                await asyncio.sleep(0.01)
            submit = asyncio.create_task(client.submit(FORM, key="k"))
            while not service.posts:
                await asyncio.sleep(0.01)
            sleep.set()
            await submit
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, *busy, return_exceptions=True)

    late = threading.Timer(30, sleep.set)  # a test that fails has an end, too
    late.start()
    if watched:
        plugins().register(observer := Observer())
    try:
        asyncio.run(go())
        assert late.is_alive()
    finally:
        late.cancel()
        if watched:
            plugins().unregister(observer)


def test_a_wait_ends_in_time_however_busy_the_loops_threads_are(service, ledger):
    """A wait behind a webhook that never comes: it reads the ledger at its begin."""
    service.on_poll = [bad.still()]
    sleep = threading.Event()
    profile = Profile(
        api_key="sk_x_0123456789",
        base_url=service.base_url,
        webhook={"base": "https://hooks.example", "secret": "s" * 32},
    )

    async def go():
        async with AsyncLipsyncClient(profile=profile, ledger=ledger, policy=QUICK) as client:
            job = await client.submit(FORM, webhook="auto")
            busy = [asyncio.get_running_loop().run_in_executor(None, sleep.wait) for _ in range(40)]
            with pytest.raises(JobTimeout):
                await client.wait(job.id, timeout=0.5)
            sleep.set()
            await asyncio.gather(*busy)

    late = threading.Timer(30, sleep.set)
    late.start()
    asyncio.run(go())
    assert late.is_alive()
    late.cancel()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_whatever_ends_many_names_all_their_jobs(service, kind):
    service.on_poll = [bad.still()]

    async def go():
        async with AsyncLipsyncClient("sk_x", service.base_url) as client, asyncio.timeout(None) as ends:
            watch = asyncio.create_task(end(ends))
            await client.run_many([FORM] * 3, concurrency=3, timeout=20, poll_interval=0.1)
            await watch

    async def end(ends):
        while not all_are_waited_for():
            await asyncio.sleep(0.01)
        ends.reschedule(0)

    def all_are_waited_for():
        return len({path for path, _ in service.polls}) == 3

    def now():
        send_when(signal.SIGINT, all_are_waited_for)
        with LipsyncClient("sk_x", service.base_url) as client:
            client.run_many([FORM] * 3, concurrency=3, timeout=20, poll_interval=0.1)

    with pytest.raises((KeyboardInterrupt, TimeoutError)) as caught:
        now() if kind == "sync" else asyncio.run(go())
    told = notes(caught.value if kind == "sync" else caught.value.__cause__)
    assert all(job_id in told for job_id in service.paid)


def test_ctrl_c_before_a_submit_leaves_nothing_uncertain(service, tmp_path):
    """Ctrl-C just before a submit is sent leaves nothing uncertain."""

    class Slow(Ledger):
        def record(self, event, profile):
            answer = super().record(event, profile)
            if isinstance(event, Sending):
                sending.set()
                time.sleep(30)  # the signal ends it at once
            return answer

    sending = threading.Event()
    send_when(signal.SIGINT, sending.is_set)
    with Slow(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(KeyboardInterrupt), LipsyncClient("sk_x", service.base_url, ledger=ledger) as client:
            client.submit(FORM, key="k")
        assert (states(ledger), service.posts) == ([("refused", None)], [])


def test_a_client_closes_at_once_in_another_loop(service, tmp_path):
    """A client closes at once in another loop than the one that was left at work."""

    class Slow(Ledger):
        def record(self, event, profile):
            time.sleep(0.5)
            return super().record(event, profile)

    async def leave(client):
        submit = asyncio.create_task(client.submit(FORM, key="k"))
        await asyncio.sleep(0.1)
        assert not submit.done()

    async def close(client):
        began = time.monotonic()
        await client.close()
        return time.monotonic() - began

    with Slow(tmp_path / "ledger.sqlite") as ledger:
        client = AsyncLipsyncClient("sk_x", service.base_url, ledger=ledger)
        asyncio.run(leave(client))
        assert asyncio.run(close(client)) < aio.KEPT_SECONDS / 2
