"""Webhooks over real HTTP: a wait is woken, whatever the order; a lost answer is settled; nothing is paid twice."""

import asyncio
import json
import logging
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress

import httpx
import pytest
from standardwebhooks import Webhook as Signer
from starlette.applications import Starlette
from starlette.routing import Mount

from lipsync_nodes import (
    AsyncLipsyncClient,
    ConfigurationError,
    Job,
    JobFailed,
    JobTimeout,
    LipsyncClient,
    SubmissionUncertain,
    following,
)
from lipsync_nodes.callbacks import callback_of, new_callback, new_secret, token_of
from lipsync_nodes.events import (
    Accepted,
    Called,
    Claim,
    Found,
    Heed,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Superseded,
    Unsure,
)
from lipsync_nodes.ledger import SCHEMA, Ledger
from lipsync_nodes.settings import Profile, Webhook, load_profile
from lipsync_nodes.webhooks import WebhookReceiver
from tests.conftest import FORMS, QUICK, Face
from tests.faults.bad_service import BadService, wait_until
from tests.receiving import Receiving

FORM = FORMS["image"]
LONG = 60.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def receiving(sandbox, path):
    with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
        yield receiving


@pytest.fixture(params=[LipsyncClient, AsyncLipsyncClient], ids=["sync", "async"])
def client(request, receiving, path):
    """Each face of the client, with a ledger of its own on the receiver's file, as another process has."""
    with Ledger(path) as ledger:
        yield Face(request.param, profile=receiving.profile, ledger=ledger)


def timed(call):
    began = time.monotonic()
    return call(), time.monotonic() - began


def rows(sandbox):
    """Return all that the sandbox knows of its jobs, the newest first: it alone is told the tokens."""
    return sandbox._up.service.store.newest()


def only_entry(path):
    with Ledger(path) as ledger:
        (entry,) = ledger.entries()
    return entry


# Waking.


def test_a_run_is_woken_long_before_it_would_look(client, sandbox, path):
    sandbox.fault("seconds", seconds=0.3)
    job, seconds = timed(lambda: client.run(FORM, webhook="auto", poll_interval=LONG))
    assert job.output == sandbox.jobs()[0]["output"]
    assert seconds < LONG / 2
    assert len(sandbox.received("poll")) == 1, "the receiver looked, and nobody else"
    entry = only_entry(path)
    assert (entry.state, entry.called_id) == ("completed", job.id)


def test_a_wait_for_a_job_of_before_is_woken_and_told_of_it(client, sandbox):
    sandbox.fault("seconds", seconds=0.5)
    seen = []
    job = client.submit(FORM, webhook="auto")
    done, seconds = timed(lambda: client.wait(job.id, poll_interval=LONG, on_update=seen.append))
    assert done.output
    assert seconds < LONG / 2
    assert [job.status.value for job in seen] == ["processing", "completed"]


def test_a_failed_job_wakes_as_well(client, sandbox, path):
    sandbox.fault("fail", error="no face")
    sandbox.fault("seconds", seconds=0.3)
    with pytest.raises(JobFailed, match="no face"):
        client.run(FORM, webhook="auto", poll_interval=LONG)
    assert only_entry(path).state == "failed"


def test_the_ledger_object_that_both_share_wakes_at_once(sandbox, receiving):
    sandbox.fault("seconds", seconds=0.3)
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
        job = client.submit(FORM, webhook="auto")
        client.wait(job.id, poll_interval=LONG)
    late = time.time() - rows(sandbox)[0].ended
    assert late < LONG / 2


def test_a_ledger_in_memory_serves_one_process(sandbox):
    with Receiving(sandbox.api_key, sandbox.base_url, ":memory:") as receiving:
        sandbox.fault("seconds", seconds=0.3)
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            assert client.run(FORM, webhook="auto", poll_interval=LONG, timeout=20).output


def test_another_process_is_woken_through_the_ledger(sandbox, receiving, path):
    sandbox.fault("seconds", seconds=2.0)
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
        job = client.submit(FORM, webhook="auto")
    code = f"""
import time
from lipsync_nodes import LipsyncClient
from lipsync_nodes.ledger import Ledger
with LipsyncClient({sandbox.api_key!r}, {sandbox.base_url!r}, ledger=Ledger({str(path)!r})) as client:
    print(client.wait({job.id!r}, poll_interval=60, timeout=50).status, time.time())
"""
    # The account is the same: profile and base URL are.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    status, ended = done.stdout.split()
    assert (status, done.stderr) == ("completed", "")
    assert float(ended) - rows(sandbox)[0].ended < LONG / 2, "a poll would have been later"


def test_a_thousand_waits_are_one_watch_and_never_block_the_loop(sandbox, receiving, path):
    """All wait for jobs whose webhook wakes them; the loop goes on meanwhile."""
    sandbox.fault("seconds", seconds=1.0, count=-1)
    alone, gaps = [], []

    async def beat(gaps):
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - began - 0.01)

    async def many():
        with Ledger(path) as ledger:
            async with AsyncLipsyncClient(profile=receiving.profile, ledger=ledger) as client:
                with suppress(TimeoutError):
                    await asyncio.wait_for(beat(alone), 1)
                job = await client.submit(FORM, webhook="auto")
                pulse = asyncio.create_task(beat(gaps))
                waits = [client._drive(client._wait(job.id, 30, LONG)) for _ in range(1)]
                waits += [_awaits(client, ledger, job.id) for _ in range(999)]
                jobs = await asyncio.gather(*waits)
                names = [thread.name for thread in threading.enumerate()]
                pulse.cancel()
                return jobs, names

    async def _awaits(client, ledger, job_id):
        from lipsync_nodes.flow import Await

        return await client._transport._await(Await(job_id, 30), ledger)

    jobs, names = asyncio.run(many())
    assert {job.status.value for job in jobs} == {"completed"}
    assert names.count("lipsync-ledger-watch") <= 2
    assert statistics.median(gaps) < 0.05 + 10 * statistics.median(alone), "a busy machine is no fault"


def test_a_wait_of_many_threads_can_be_stopped(sandbox, receiving, path):
    """Ctrl-C in a `run_many` wakes its waiters; so does their time-out."""
    sandbox.fault("seconds", seconds=30)
    sandbox.fault("drop")
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
        with pytest.raises(JobTimeout):
            client.run(FORM, webhook="auto", poll_interval=LONG, timeout=0.5)


# Whatever the order: one result, one row.

ORDERS = {
    "before the answer of the POST": [("early", {})],
    "twice": [("duplicate", {"times": 2})],
    "after a poll already ended it": [("delay", {"where": "webhook", "seconds": 1.0})],
    "never": [("drop", {})],
}


@pytest.mark.parametrize("order", ORDERS)
def test_one_result_and_one_row_whenever_the_webhook_comes(order, client, sandbox, path):
    for action, options in ORDERS[order]:
        sandbox.fault(action, **options)
    polls = LONG if order in {"before the answer of the POST", "twice"} else 0.2
    job, seconds = timed(lambda: client.run(FORM, webhook="auto", poll_interval=polls, key="k"))
    assert job.output
    assert seconds < LONG / 2
    if order != "never":
        wait_until(lambda: only_entry(path).told_at)
        wait_until(lambda: rows(sandbox)[0].delivery["state"] == "delivered")
        if order == "twice":
            wait_until(lambda: rows(sandbox)[0].delivery["deliveries"] == 2)
    entry = only_entry(path)
    assert (entry.state, entry.job_id, entry.called_id) == ("completed", job.id, None if order == "never" else job.id)
    assert len(sandbox.received("submit")) == len(sandbox.jobs()) == 1


def test_out_of_order_each_job_gets_its_own_webhook(client, sandbox, path):
    """Three jobs whose webhooks come in the opposite order."""
    for seconds, endpoint in ((4.1, "lipsync-video"), (2.1, "lipsync-image"), (0.1, "lipsync-image-multi")):
        sandbox.fault("delay", where="webhook", seconds=seconds, path=f"*/{endpoint}")
    jobs = [client.submit(form, webhook="auto") for form in FORMS.values()]
    assert [client.wait(job.id, poll_interval=LONG).id for job in jobs] == [job.id for job in jobs]
    with Ledger(path) as ledger:
        wait_until(lambda: all(entry.told_at for entry in ledger.entries()))
        entries = ledger.entries()
    assert [(entry.job_id, entry.called_id) for entry in entries] == [(job.id, job.id) for job in jobs]
    called = [entry.called_at for entry in entries]
    assert called == sorted(called, reverse=True)


# A submit whose answer was lost.


@pytest.mark.parametrize("fault", ["cut_after", "truncate", "body"])
def test_the_webhook_settles_a_submit_whose_answer_was_lost(fault, client, sandbox, path):
    options = {"truncate": {"bytes": 5}, "body": {"body": {"status": "processing"}, "act": True}}.get(fault, {})
    sandbox.fault(fault, where="submit", **options)
    sandbox.fault("seconds", seconds=0.5)
    job = client.run(FORM, webhook="auto", key="k", poll_interval=LONG, timeout=30)
    assert job.output
    assert len(sandbox.received("submit")) == len(sandbox.jobs()) == 1
    entry = only_entry(path)
    assert (entry.state, entry.job_id, entry.key) == ("completed", job.id, "k")


def test_a_webhook_that_is_quicker_than_the_lost_answer_settles_it_at_once(client, sandbox, path):
    """The job ends, and its webhook comes, while the answer of the POST is still awaited in vain."""
    sandbox.fault("early")
    sandbox.fault("cut_after", where="submit")
    job, seconds = timed(lambda: client.run(FORM, webhook="auto", timeout=LONG))
    assert job.output
    assert seconds < LONG / 2
    assert (only_entry(path).state, len(sandbox.jobs())) == ("completed", 1)


def test_whoever_asks_later_with_the_same_key_is_given_the_job(client, sandbox, path):
    sandbox.fault("cut_after", where="submit")
    sandbox.fault("seconds", seconds=1.0)
    with pytest.raises(SubmissionUncertain, match="its webhook tells of it"):
        client.submit(FORM, webhook="auto", key="k")
    with pytest.raises(SubmissionUncertain, match="A webhook may still settle it"):
        client.submit(FORM, webhook="auto", key="k")
    job = client.run(FORM, webhook="auto", key="k", poll_interval=LONG, timeout=30)
    assert job.output
    assert client.submit(FORM, key="k").id == job.id, "whatever it asks for"
    assert (only_entry(path).state, len(sandbox.jobs())) == ("completed", 1)


def test_patience_ends_at_the_deadline(client, sandbox):
    sandbox.fault("cut_before", where="submit")
    with pytest.raises(SubmissionUncertain):
        client.run(FORM, webhook="auto", key="k", timeout=1.0)
    assert sandbox.jobs() == []


# The receiver.


def test_what_came_before_a_crash_is_followed_up_at_the_next_start(sandbox, path, monkeypatch):
    from lipsync_nodes.following import Follower

    with monkeypatch.context() as dead:
        dead.setattr(Follower, "follow", lambda *_: None)  # it dies right after it has answered
        with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
            with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
                sandbox.fault("cut_after", where="submit")
                with pytest.raises(SubmissionUncertain):
                    client.submit(FORM, webhook="auto", key="k")
                wait_until(lambda: only_entry(path).called_id)
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
        wait_until(lambda: only_entry(path).told_at)
        assert [(told.id, told.output) for told in told] == [(job.id, job.output)] * 2
        assert len(sandbox.received("poll")) <= 4


@pytest.fixture
def soon(monkeypatch):
    """The rounds over what could not be followed up at once, in a hurry."""
    monkeypatch.setattr(following, "PAUSES", (0.0, 0.05))
    monkeypatch.setattr(following, "LEAST_PAUSE", 0.05)
    monkeypatch.setattr(following, "ROUND", 0.2)


FAILURES = [
    OSError("Airflow is away"),
    ConfigurationError("no such asset"),
    SystemExit(1),
    StopIteration("nothing is next"),
    asyncio.CancelledError("a task of its own"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("is_async", [False, True])
def test_on_job_is_called_again_for_as_long_as_it_fails_and_each_failure_is_said(
    sandbox, path, soon, caplog, failure, is_async
):
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
        wait_until(lambda: only_entry(path).told_at)
    assert len(told) == 6
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert sum("on_job failed: " in words and type(failure).__name__ in words for words in said) == 5
    assert len(sandbox.received("poll")) == 1


def test_a_receiver_without_on_job_leaves_what_is_to_be_told_to_the_one_that_has_it(sandbox, path, soon):
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
            wait_until(lambda: only_entry(path).called_id)
            with WebhookReceiver(
                receiving.profile, ledger
            ):  # it finds one that runs, and its rounds one that has ended
                wait_until(lambda: only_entry(path).state == "completed")
                wait_until(lambda: len(told) > 2)
        with Ledger(path) as ledger, WebhookReceiver(receiving.profile, ledger):
            tries = len(told)
            wait_until(lambda: len(told) > tries + 2)
        back.set()
        wait_until(lambda: only_entry(path).told_at)


def test_what_the_service_does_not_confirm_is_looked_at_again_and_said(sandbox, path, soon, caplog):
    sandbox.fault("status", where="poll", code=503, count=4)
    with Receiving(sandbox.api_key, sandbox.base_url, path) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.submit(FORM, webhook="auto")
        wait_until(lambda: only_entry(path).state == "completed")
    assert any("was not confirmed: " in record.message for record in caplog.records)


def test_a_job_ends_under_the_id_that_it_was_submitted_under_however_the_look_spells_it(path):
    done = {"id": "JOB-1", "status": "completed", "output": "https://x.example/o.mp4"}
    told = []
    with BadService() as service, Receiving("sk_x", service.base_url, path, on_job=told.append) as receiving:
        service.on_poll = [lambda request: request.answer(200, done)]
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            job = client.submit(FORM, webhook="auto")
            service.call_back()
            wait_until(lambda: only_entry(path).told_at)
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
            wait_until(lambda: len(begun) == following.TELLERS)
            job, seconds = timed(lambda: client.run(FORM, webhook="auto", poll_interval=LONG, timeout=LONG))
        going_on.set()
    assert job.id not in begun[: following.TELLERS]
    assert seconds < LONG / 2


def test_an_on_job_that_hangs_in_a_round_keeps_no_other_job_from_being_told(sandbox, path, soon):
    going_on, told, hanging = threading.Event(), [], []

    def on_job(job):
        told.append(job.id)
        if told.count(job.id) > len(following.PAUSES) and not hanging:
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


def test_a_call_that_names_another_job_while_the_last_is_given_up_is_not_lost(sandbox, receiving, path, monkeypatch):
    monkeypatch.setattr(following, "PAUSES", (0.0,))
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
        assert told.wait(10)


def test_it_mounts_in_an_application_and_its_tokens_are_in_no_access_log(sandbox, path, caplog):
    caplog.set_level(logging.DEBUG)
    options = {
        "mount": lambda receiver: Starlette(routes=[Mount("/hooks/lipsync", receiver)], lifespan=receiver.lifespan),
        "path": "/hooks/lipsync",
        "server": {"access_log": True, "log_level": "trace"},
    }
    with Receiving(sandbox.api_key, sandbox.base_url, path, **options) as receiving:
        with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
            client.run(FORM, webhook="auto", poll_interval=LONG, timeout=20)
    of_uvicorn = [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]
    assert any("POST /hooks/lipsync/cb_***" in line for line in of_uvicorn)
    token = rows(sandbox)[0].webhook.rpartition("/")[2]
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not any(token in line for line in ours)


def test_aiohttp_serves_it_in_a_few_lines(sandbox, path):
    """As ComfyUI's server would."""
    web = pytest.importorskip("aiohttp.web", exc_type=ImportError)

    async def serve_and_run():
        with Ledger(path) as ledger:
            profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
            with WebhookReceiver(profile, ledger) as receiver:

                async def webhook(request):
                    body = request.content.iter_any()
                    return web.Response(status=await receiver.handle("POST", request.path, request.headers, body))

                app = web.Application()
                app.router.add_post("/lipsync/{token}", webhook)
                runner = web.AppRunner(app)
                await runner.setup()
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                base = f"http://127.0.0.1:{runner.addresses[0][1]}/lipsync"
                ours = profile.model_copy(update={"webhook": Webhook(base=base)})
                async with AsyncLipsyncClient(profile=ours, ledger=ledger) as client:
                    job = await client.run(FORM, webhook="auto", poll_interval=LONG, timeout=20)
                await runner.cleanup()
                return job

    assert asyncio.run(serve_and_run()).output


def test_a_token_made_on_another_host_is_heeded_if_the_secret_is_shared(sandbox, tmp_path):
    """The submitter and the receiver have ledgers of their own, as Airflow's workers have none in common."""
    shared = {"secret": "shared by all hosts, 0123456789"}
    with Ledger(tmp_path / "here.sqlite") as ledger:
        there = Profile(
            api_key=sandbox.api_key, base_url=sandbox.base_url, webhook={"base": "http://127.0.0.1:1", **shared}
        )
        told = []
        with WebhookReceiver(there, ledger, on_job=told.append) as receiver:
            with LipsyncClient(profile=there) as client:
                job = client.submit(FORM, webhook="auto")
            path = rows(sandbox)[0].webhook
            headers = {"Content-Type": "application/json; charset=utf-8"}
            body = json.dumps({"id": job.id, "status": "completed"}).encode()
            assert receiver.receive("POST", path, headers, body) == 200
            wait_until(lambda: told)
        assert told[0].id == job.id
        (entry,) = ledger.entries()
        assert (entry.state, entry.job_id) == ("completed", job.id)


def test_where_the_service_signs_what_is_not_signed_is_refused(sandbox, path):
    secret = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
    profile = Profile(
        api_key=sandbox.api_key,
        base_url=sandbox.base_url,
        webhook={"base": "http://127.0.0.1:1", "signing_secret": secret},
    )
    with Ledger(path) as ledger, WebhookReceiver(profile, ledger) as receiver:
        with LipsyncClient(profile=profile, ledger=ledger) as client:
            job = client.submit(FORM, webhook="auto")
        to = rows(sandbox)[0].webhook
        body = json.dumps({"id": job.id}).encode()
        plain = {"Content-Type": "application/json"}
        from datetime import UTC, datetime

        now = datetime.now(UTC)
        signature = Signer(secret).sign("m1", now, body.decode())
        signed = {**plain, "Webhook-Id": "m1", "Webhook-Timestamp": str(int(now.timestamp()))}
        for headers in (
            plain,
            {**signed, "Webhook-Signature": "v1"},
            {**signed, "Webhook-Signature": "v1,AAAA"},
            {**signed, "Webhook-Signature": signature, "Webhook-Timestamp": "12345"},
        ):
            assert receiver.receive("POST", to, headers, body) == 404
        assert receiver.receive("POST", to, {**signed, "Webhook-Signature": signature}, b"\xff" + body) == 404
        assert receiver.receive("POST", to, {**signed, "Webhook-Signature": signature}, body) == 200
        wait_until(lambda: only_entry(path).told_at)


# What is refused before anything is sent.


def test_auto_needs_a_base_and_a_ledger(sandbox, face_of):
    bare = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    based = bare.model_copy(update={"webhook": Webhook(base="https://hooks.example/lipsync")})
    with Ledger(":memory:") as ledger:
        with pytest.raises(ConfigurationError, match="needs the public URL"):
            face_of(profile=bare, ledger=ledger).submit(FORM, webhook="auto")
    with pytest.raises(ConfigurationError, match="needs a ledger"):
        face_of(profile=based).submit(FORM, webhook="auto")
    assert sandbox.received("submit") == []


def test_the_base_is_a_setting_and_has_to_be_https(monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_WEBHOOK", "https://hooks.example/lipsync/")
    assert load_profile().webhook == Webhook(base="https://hooks.example/lipsync")
    for base in ("http://hooks.example", "ftp://x", "https://u@x", "https://x/?q"):
        monkeypatch.setenv("LIPSYNC_WEBHOOK", base)
        with pytest.raises(ConfigurationError, match="webhook"):
            load_profile()
    file = tmp_path / "profiles.toml"
    file.write_text('[default]\nwebhook = {base = "https://x.example", secret = "too short"}\n')
    file.chmod(0o600)
    monkeypatch.delenv("LIPSYNC_WEBHOOK")
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    with pytest.raises(ConfigurationError, match="secret") as caught:
        load_profile()
    assert "too short" not in str(caught.value)


# The rules of the ledger.


def entered(ledger, *events):
    return [ledger.record(event, Profile(name="p")) for event in events][-1]


def claimed(ledger, callback, **options):
    submission = Submission("lipsync-image", "/p", {}, key="k", callback=callback, **options)
    return entered(ledger, Claim(submission)).row


DONE = Job(id="j1", status="completed", output="https://x/o.mp4")


def test_a_submit_that_was_to_replace_another_is_called_off_if_it_was_not_sent():
    """A person allowed it because the first one was uncertain; its webhook came in time to save the money."""
    with Ledger(":memory:") as ledger:
        one = claimed(ledger, "one")
        entered(ledger, Sending(one, 60), Unsure(one, "no answer came"))
        two = claimed(ledger, "two", resubmit_uncertain=True)
        assert entered(ledger, Called("one", "j1"), Seen(DONE, "one"), Sending(two, 60)) == Superseded()
        assert entered(ledger, Claim(Submission("lipsync-image", "/p", {}, key="k"))) == Found(DONE)


def test_the_answer_of_the_post_knows_its_job_better_than_a_webhook():
    with Ledger(":memory:") as ledger:
        row = claimed(ledger, "one")
        entered(ledger, Sending(row, 60), Called("one", "j1"), Seen(DONE, "one"), Accepted(row, Job(id="j2")))
        (entry,) = ledger.entries()
        assert (entry.job_id, entry.state) == ("j2", "live")
        assert "j1" in entry.reason


def test_a_submit_whose_webhook_has_come_is_neither_refused_nor_sent_again():
    with Ledger(":memory:") as ledger:
        row = claimed(ledger, "one")
        entered(ledger, Sending(row, 60), Paused(row, 1), Called("one", "j1"), Seen(DONE, "one"))
        assert entered(ledger, Sending(row, 60)) == Found(DONE)
        assert entered(ledger, Refused(row, "402"), Unsure(row, "lost")) == Found(DONE)
        assert ledger.entries()[0].state == "completed"


def test_a_webhook_of_another_account_is_refused():
    with Ledger(":memory:") as ledger:
        entered(ledger, Sending(claimed(ledger, "one"), 60))
        assert ledger.record(Called("one", "j1"), Profile(name="other")) is Heed.REFUSE


def test_a_ledger_of_before_there_were_webhooks_is_brought_to_this_version(path):
    with closing(sqlite3.connect(path)) as old:
        old.executescript(SCHEMA)
        old.execute(
            "INSERT INTO submission (account, endpoint, form, state, created_at) VALUES ('a', 'e', '{}', 'x', 1)"
        )
        old.commit()
    with Ledger(path) as ledger:
        assert [(entry.account, entry.callback) for entry in ledger.entries()] == [("a", None)]
        assert ledger.secret() == ledger.secret()


# Tokens.


def test_a_token_is_genuine_for_its_secret_alone():
    secret, callback = new_secret(), new_callback()
    token = token_of(callback, secret)
    assert callback_of(token, secret) == callback
    assert callback_of(token, new_secret()) is None
    odd = ("", "cb_", "é" * 67, "cb_" + "\ud800" * 64)
    for wrong in (*odd, callback, token[3:], token[:-1], token + "A", token.upper()):
        assert callback_of(wrong, secret) is None
    for position in range(len(token)):
        other = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert callback_of(other, secret) is None


def test_no_two_submissions_have_the_same_token(sandbox, receiving):
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger, policy=QUICK) as client:
        for _ in range(5):
            client.submit(FORM, webhook="auto")
    tokens = {row.webhook for row in rows(sandbox)}
    assert len(tokens) == 5
    assert all(httpx.URL(token).path.startswith("/cb_") for token in tokens)
    assert not any(submit.leaks_key for submit in sandbox.received("submit"))
