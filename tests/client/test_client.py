"""Every method of the client, on both faces, over real HTTP to the sandbox."""

import asyncio
import inspect
import threading
import time
from pathlib import Path

import httpx
import httpx2
import pytest

from lipsync_nodes import (
    AsyncLipsyncClient,
    AuthenticationError,
    BudgetExceeded,
    ConfigurationError,
    DownloadError,
    ImageForm,
    InvalidRequest,
    Job,
    JobFailed,
    JobNotFound,
    JobStatus,
    JobTimeout,
    LipsyncClient,
    estimate_credits,
)
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.service import spec_of
from tests.conftest import QUICK, Face

QUICKLY = {"timeout": 10, "poll_interval": 0.03}


def submits(sandbox):
    return sandbox.received("submit")


def test_both_clients_have_the_same_methods():
    """Both faces have the same methods with the same arguments."""
    methods = {name for name in vars(LipsyncClient) if not name.startswith("_")}
    assert methods == {name for name in vars(AsyncLipsyncClient) if not name.startswith("_")}
    for name in methods - {"close"} | {"__init__"}:
        sync, both = (inspect.signature(getattr(kind, name)) for kind in (LipsyncClient, AsyncLipsyncClient))
        assert sync == both, name


def test_submit_posts_the_form_once_and_gives_the_job(face, sandbox, form):
    job = face.submit(form)
    assert (job.id, job.status) == (sandbox.jobs()[0]["id"], JobStatus.PROCESSING)
    (request,) = submits(sandbox)
    assert request.body == {"formState": form.form_state()}
    assert request.headers["content-type"] == "application/json"


def test_submit_hands_the_webhook_over(face, sandbox, form):
    sandbox.fault("drop")
    face.submit(form, webhook="https://hooks.example/done")
    assert submits(sandbox)[0].body["webhook"] == "https://hooks.example/done"


@pytest.mark.parametrize("webhook", ["http://hooks.example/done", "hooks.example", "ftp://x/y", "https://"])
def test_a_webhook_without_https_is_refused(face, sandbox, form, webhook):
    """A webhook that is not https is refused before anything is sent."""
    with pytest.raises(InvalidRequest, match="webhook"):
        face.submit(form, webhook=webhook)
    assert not submits(sandbox)


def test_job_asks_once(face, sandbox, form):
    job = face.job(face.submit(form).id)
    assert isinstance(job, Job)
    assert len(sandbox.received("poll")) == 1


def test_job_of_an_unknown_id(face):
    with pytest.raises(JobNotFound) as caught:
        face.job("00000000-0000-0000-0000-000000000000")
    assert caught.value.status_code == 404


def test_wait_polls_until_the_video_is_there(face, sandbox, form):
    """Wait looks until the video is there and tells of each look."""
    sandbox.fault("job_status", status="queued", polls=2)
    seen = []
    job = face.wait(face.submit(form).id, on_update=lambda job: seen.append(job.status.value), **QUICKLY)
    assert job.output.startswith(sandbox.url)
    assert seen == ["queued", "queued", "completed"]


def test_wait_ends_at_its_deadline_and_can_be_repeated(face, sandbox, form):
    """Wait ends at its deadline and the job can be waited for again."""
    sandbox.fault("job_status", status="processing", polls=20)  # a wait of 0.2 s has no time for so many looks
    job_id = face.submit(form).id
    with pytest.raises(JobTimeout) as caught:
        face.wait(job_id, timeout=0.2, poll_interval=0.03)
    assert caught.value.job_id == job_id
    assert face.wait(job_id, **QUICKLY).output


@pytest.mark.parametrize("name", ["timeout", "poll_interval"])
@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_waiting_without_an_end_is_refused(face, name, seconds):
    with pytest.raises(InvalidRequest, match=name):
        face.wait("j", **{name: seconds})


def test_run_submits_and_waits(face, sandbox, form):
    seen = []
    job = face.run(form, on_update=seen.append, **QUICKLY)
    assert job.status is JobStatus.COMPLETED
    assert len(submits(sandbox)) == 1
    assert {job.id for job in seen} == {job.id}


def test_run_of_a_job_that_fails(face, sandbox, form):
    sandbox.fault("fail", error="Invalid audio format")
    with pytest.raises(JobFailed, match="Invalid audio format") as caught:
        face.run(form, **QUICKLY)
    assert caught.value.job_id == sandbox.jobs()[0]["id"]
    assert caught.value.may_have_charged


def numbered(count):
    return [ImageForm(image="https://x/i.png", audio="https://x/a.mp3", seed=number) for number in range(count)]


def test_run_many_gives_jobs_in_the_order_of_the_forms(face, sandbox):
    jobs = face.run_many(numbered(7), concurrency=3, **QUICKLY)
    assert len({job.id for job in jobs}) == len(submits(sandbox)) == 7
    seed_of = {row["id"]: row["form"]["seed"] for row in sandbox.jobs()}
    assert [seed_of[job.id] for job in jobs] == list(range(7))


def test_run_many_runs_no_more_at_a_time_than_asked(face, sandbox):
    sandbox.fault("seconds", seconds=0.15, count=-1)
    began = time.monotonic()
    face.run_many(numbered(6), concurrency=2, **QUICKLY)
    assert time.monotonic() - began >= 3 * 0.15


def test_run_many_puts_an_error_in_its_place(face, sandbox):
    sandbox.fault("fail", after=1)
    outcomes = face.run_many(numbered(3), concurrency=1, return_exceptions=True, **QUICKLY)
    assert [type(outcome) for outcome in outcomes] == [Job, JobFailed, Job]


def test_run_many_submits_nothing_more_after_a_failure(face, sandbox):
    """Run many submits nothing more after a failure and tells of what is there."""
    sandbox.fault("fail", after=1)
    with pytest.raises(JobFailed) as caught:
        face.run_many(numbered(5), concurrency=1, **QUICKLY)
    assert len(submits(sandbox)) == 2
    assert sandbox.jobs()[1]["id"] in "".join(caught.value.__notes__)


def test_run_many_tells_which_form_an_update_is_about(face):
    seen = []
    face.run_many(numbered(3), on_update=lambda index, _job: seen.append(index), **QUICKLY)
    assert set(seen) == {0, 1, 2}


def test_run_many_of_nothing_is_nothing(face):
    assert face.run_many([]) == []


@pytest.mark.parametrize("option", ["concurency", "keep_errors", "key"])
def test_run_many_names_an_option_that_it_has_not(face, sandbox, option):
    with pytest.raises(TypeError, match=rf"run_many\(\) got unexpected keyword arguments: {option}$"):
        face.run_many(numbered(2), **{option: 3})
    assert not submits(sandbox)


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"estimates": [1]}])
def test_run_many_refuses_what_makes_no_sense(face, options):
    with pytest.raises(InvalidRequest):
        face.run_many(numbered(2), **options)


def test_download_saves_the_video_by_job_and_by_url(face, form, tmp_path):
    job = face.run(form, **QUICKLY)
    saved = face.download(job, tmp_path / "deep" / "video.mp4")
    assert saved.read_bytes()[4:8] == b"ftyp"
    assert face.download(job.output, tmp_path / "again.mp4").read_bytes() == saved.read_bytes()


def test_download_into_a_folder_names_the_file_by_the_job(face, form, tmp_path):
    job = face.run(form, **QUICKLY)
    assert face.download(job, tmp_path) == tmp_path / f"{job.id}.mp4"


def test_download_of_a_job_without_output(face, form, tmp_path):
    with pytest.raises(DownloadError, match="no output"):
        face.download(face.submit(form), tmp_path)


def test_a_wrong_key_is_told_and_not_repeated(face_of, sandbox, form):
    sandbox.fault("status", code=401, where="submit")
    key = "sk_wrong_0123456789"
    with pytest.raises(AuthenticationError, match="LIPSYNC_API_KEY") as caught:
        face_of(api_key=key, base_url=sandbox.base_url).submit(form)
    assert key not in f"{caught.value!s}{caught.value!r}"


def test_a_budget_refuses_before_anything_is_sent(face_of, sandbox, form):
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, budget=20)
    lengths = {field.name: 12 for field in spec_of(form).timed}
    with pytest.raises(BudgetExceeded):
        face.submit(form, estimate=estimate_credits(form, lengths=lengths))
    with pytest.raises(BudgetExceeded):
        face.submit(form)
    assert not submits(sandbox)
    assert face.submit(form, estimate=20).id


def test_a_budget_counts_all_submits_of_a_client(sandbox, form):
    with LipsyncClient(sandbox.api_key, sandbox.base_url, budget=30) as client:
        client.submit(form, estimate=20)
        with pytest.raises(BudgetExceeded, match="10 of the budget of 30"):
            client.submit(form, estimate=20)


def test_a_key_needs_a_ledger(face, form):
    with pytest.raises(ConfigurationError, match="ledger"):
        face.submit(form, key="once")


def test_the_same_key_is_submitted_once(face_of, sandbox, form, tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)
    first = face.run(form, key="once", **QUICKLY)
    assert face.submit(form, key="once") == face.run(form, key="once", **QUICKLY) == first
    assert face.submit(form, key="twice").id != first.id
    assert face.submit(form).id != face.submit(form).id
    assert len(submits(sandbox)) == 4
    ledger.close()


def test_a_download_is_remembered(face_of, sandbox, form, tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)
    job = face.run(form, **QUICKLY)
    saved = face.download(job, tmp_path / "v.mp4")
    assert ledger.entry_of(job.id).saved_to == str(saved)
    ledger.close()


def test_a_download_that_cannot_be_noted_is_there(face_of, sandbox, form, tmp_path):
    """A download that cannot be noted is there all the same and the error says so."""
    ledger = Ledger(tmp_path / "ledger.sqlite")
    face = face_of(api_key=sandbox.api_key, base_url=sandbox.base_url, ledger=ledger)
    job = face.run(form, **QUICKLY)
    ledger.close()
    (tmp_path / "ledger.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationError, match=r"saved all the same.*v\.mp4") as caught:
        face.download(job, tmp_path / "v.mp4")
    assert caught.value.job_id == job.id
    assert (tmp_path / "v.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("kind", [LipsyncClient, AsyncLipsyncClient], ids=["sync", "async"])
def test_a_client_that_was_handed_in_stays_open(sandbox, form, library, kind):
    """A client of httpx or httpx2 can be handed in and stays open."""
    settings = {"api_key": sandbox.api_key, "base_url": sandbox.base_url, "policy": QUICK}

    def go():
        with library.Client() as given, LipsyncClient(http_client=given, **settings) as client:
            job = client.run(form, **QUICKLY)
            client.close()
            assert not given.is_closed
            return job

    async def go_async():
        async with library.AsyncClient() as given, AsyncLipsyncClient(http_client=given, **settings) as client:
            job = await client.run(form, **QUICKLY)
            await client.close()
            assert not given.is_closed
            return job

    assert (go() if kind is LipsyncClient else asyncio.run(go_async())).output


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
def test_a_client_that_was_handed_in_is_judged_by_the_same_rules(sandbox, form, library):
    sandbox.fault("cut_after", where="submit")
    with library.Client() as given, LipsyncClient(sandbox.api_key, sandbox.base_url, http_client=given) as client:
        with pytest.raises(Exception, match="no answer came") as caught:
            client.submit(form)
    assert caught.value.may_have_charged
    assert len(submits(sandbox)) == len(sandbox.jobs()) == 1


def test_the_clients_of_a_loop_share_its_connections(sandbox, form):
    """The clients of a loop share its connections and the last one closes them."""
    from lipsync_nodes.http._pool import pool_of

    async def go():
        pool = pool_of(asyncio.get_running_loop())
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url) as one:
            job_id = (await one.submit(form)).id
            async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url) as two:
                await two.job(job_id)
                assert pool.users == 2
            assert pool.users == 1
            await one.job(job_id)
        assert (pool.users, pool._clients, pool._idle) == (0, {}, {})

    asyncio.run(go())


def test_a_client_can_be_used_again_in_another_loop(sandbox, form):
    client = AsyncLipsyncClient(sandbox.api_key, sandbox.base_url)

    async def once():
        try:
            return await client.submit(form)
        finally:
            await client.close()

    assert asyncio.run(once()).id != asyncio.run(once()).id


def test_a_coroutine_function_may_listen(sandbox, form):
    seen = []

    async def listen(job):
        await asyncio.sleep(0)
        seen.append(job.id)

    job = Face(AsyncLipsyncClient, api_key=sandbox.api_key, base_url=sandbox.base_url).run(
        form, on_update=listen, **QUICKLY
    )
    assert set(seen) == {job.id}


def test_a_loop_is_never_blocked_while_it_waits(sandbox, form):
    """A task beside a wait gets its turn all the time: nothing in the async client holds the loop."""
    sandbox.fault("seconds", seconds=1.5)

    async def go():
        gaps, last = [], time.monotonic()

        async def tick():
            nonlocal last
            while True:
                await asyncio.sleep(0.005)
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        ticking = asyncio.create_task(tick())
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url) as client:
            await client.run(form, **QUICKLY)
        ticking.cancel()
        return gaps

    gaps = asyncio.run(go())
    assert len(gaps) > 20


def test_the_folder_of_a_target_is_not_tried_out_on_the_loop(sandbox, form, tmp_path, monkeypatch):
    threads = []
    make = Path.mkdir
    monkeypatch.setattr(Path, "mkdir", lambda *args, **how: [threads.append(threading.get_ident()), make(*args, **how)])

    async def go():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url) as client:
            await client.submit(form, target=tmp_path / "new" / "v.mp4")
        return threading.get_ident()

    loop = asyncio.run(go())
    assert (tmp_path / "new").is_dir()
    assert threads
    assert loop not in threads


def test_a_cancelled_submit_is_still_written_down(sandbox, form, tmp_path):
    """Whoever is cancelled while a submit is on its way does not lose the id of the job it pays for."""
    sandbox.fault("delay", where="submit", seconds=1.5)
    ledger = Ledger(tmp_path / "ledger.sqlite")

    async def go():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
            submitting = asyncio.create_task(client.submit(form, key="k"))
            while not submits(sandbox):
                await asyncio.sleep(0.01)
            submitting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await submitting
            assert not ledger.entries("live"), "it did not wait for the answer"
        while not ledger.entries("live"):
            await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(go(), 30))
    (entry,) = ledger.entries()
    assert entry.job_id == sandbox.jobs()[0]["id"]
    ledger.close()


def test_many_threads_may_share_a_client(sandbox, form):
    jobs = []
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        threads = [threading.Thread(target=lambda: jobs.append(client.run(form, **QUICKLY))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({job.id for job in jobs}) == 8


def test_a_wait_for_a_new_job_begins_with_a_pause(face, sandbox, form):
    """A wait for a fresh job begins with a pause and bears that it is not yet known."""
    job = face.submit(form)
    sandbox.fault("status", where="poll", code=404, count=2)
    assert face.wait(job.id, poll_interval=0.01, just_submitted=True).output
    sandbox.fault("status", where="poll", code=404)
    with pytest.raises(JobNotFound):
        face.wait(job.id, poll_interval=0.01)


@pytest.mark.parametrize("option", ["keys", "timeout"])
def test_a_wrong_option_is_refused_before_anything_is_paid(face, sandbox, form, option):
    """A submission key under a wrong name would not keep anybody from paying twice; `run` has a timeout, not this."""
    with pytest.raises(InvalidRequest, match=f"no option {option}"):
        face.submit(form, **{option: 12})
    assert sandbox.received("submit") == []


def test_a_wait_without_a_ledger_opens_none(sandbox):
    """Each open ledger takes 0.4 MB, and a host has a client for each of a thousand waits."""

    async def waits():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url) as client:
            seen = asyncio.Event()
            wait = asyncio.create_task(client.wait(job_id, poll_interval=0.05, on_update=lambda _: seen.set()))
            await seen.wait()
            wait.cancel()
            return client._backend._ledger._connection

    sandbox.fault("job_status", polls=10**9)
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        job_id = client.submit(ImageForm(image="https://x/i.png", audio="https://x/a.mp3")).id
    assert asyncio.run(waits()) is None
