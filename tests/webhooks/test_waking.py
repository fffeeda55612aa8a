"""Webhooks over real HTTP: a wait is woken, whatever the order; a lost answer is settled; nothing is paid twice."""

import asyncio
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress

import httpx
import pytest

from lipsync_nodes import AsyncLipsyncClient, JobFailed, JobTimeout, LipsyncClient, SubmissionUncertain
from lipsync_nodes.ledger import Ledger
from tests.conftest import FORMS
from tests.faults.bad_service import wait_until
from tests.receiving import Receiving, only_entry, rows
from tests.webhooks.conftest import FORM, LONG, timed


def call_back(row):
    """Deliver by hand a webhook that the sandbox was told to drop."""
    assert httpx.post(row.webhook, json={"id": row.id, "status": "completed"}, timeout=60).status_code == 200


def test_a_run_is_woken_long_before_it_would_look(client, sandbox, path):
    sandbox.fault("seconds", seconds=0.3)
    job, seconds = timed(lambda: client.run(FORM, webhook="auto", poll_interval=LONG))
    assert job.output == sandbox.jobs()[0]["output"]
    assert seconds < LONG / 2
    assert len(sandbox.received("poll")) == 1, "the receiver looked, and nobody else"
    entry = only_entry(path)
    assert (entry.state, entry.webhook_job_id) == ("completed", job.id)


def test_a_wait_for_a_job_of_before_is_woken_and_told_of_it(client, sandbox):
    sandbox.fault("job_status", status="processing")  # at the first look; the webhook comes after it
    sandbox.fault("drop")
    seen = []

    def tell(job):
        seen.append(job.status.value)
        if not job.finished:
            call_back(*rows(sandbox))

    job = client.submit(FORM, webhook="auto")
    done, seconds = timed(lambda: client.wait(job.id, poll_interval=LONG, on_update=tell))
    assert done.output
    assert seconds < LONG / 2
    assert seen == ["processing", "completed"]


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


def test_a_thousand_waits_never_block_the_loop(sandbox, receiving, path):
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
                waits = [client.wait(job.id, timeout=30, poll_interval=LONG)]
                waits += [_awaits(client, ledger, job.id) for _ in range(999)]
                jobs = await asyncio.gather(*waits)
                threads = threading.active_count()
                pulse.cancel()
                return jobs, threads

    async def _awaits(client, ledger, job_id):
        from lipsync_nodes.flows import Await
        from lipsync_nodes.http import _aio as aio

        return await aio._Run(client._backend.transport, None, None, ledger).job_ended(Await(job_id, 30))

    before = threading.active_count()
    jobs, threads = asyncio.run(many())
    assert {job.status.value for job in jobs} == {"completed"}
    assert threads < before + 50
    assert statistics.median(gaps) < 0.05 + 10 * statistics.median(alone), "a busy machine is no fault"


def test_a_wait_of_many_threads_can_be_stopped(sandbox, receiving, path):
    """Ctrl-C in a `run_many` wakes its waiters; so does their time-out."""
    sandbox.fault("seconds", seconds=30)
    sandbox.fault("drop")
    with LipsyncClient(profile=receiving.profile, ledger=receiving.ledger) as client:
        with pytest.raises(JobTimeout):
            client.run(FORM, webhook="auto", poll_interval=LONG, timeout=3)


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
        wait_until(lambda: only_entry(path).handled_at)
        wait_until(lambda: rows(sandbox)[0].delivery["state"] == "delivered")
        if order == "twice":
            wait_until(lambda: rows(sandbox)[0].delivery["deliveries"] == 2)
    entry = only_entry(path)
    assert (entry.state, entry.job_id, entry.webhook_job_id) == (
        "completed",
        job.id,
        None if order == "never" else job.id,
    )
    assert len(sandbox.received("submit")) == len(sandbox.jobs()) == 1


def test_out_of_order_each_job_gets_its_own_webhook(client, sandbox, path):
    """Three jobs whose webhooks come in the opposite order."""
    sandbox.fault("drop", count=-1)
    jobs = [client.submit(form, webhook="auto") for form in FORMS.values()]
    for row in rows(sandbox):  # the newest is the first
        call_back(row)
    assert [client.wait(job.id, poll_interval=LONG).id for job in jobs] == [job.id for job in jobs]
    with Ledger(path) as ledger:
        wait_until(lambda: all(entry.handled_at for entry in ledger.entries()))
        entries = ledger.entries()
    assert [(entry.job_id, entry.webhook_job_id) for entry in entries] == [(job.id, job.id) for job in jobs]
    called = [entry.webhook_at for entry in entries]
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


def test_a_quick_webhook_settles_a_lost_answer(client, sandbox, path):
    """The job ends, and its webhook comes, while the answer of the POST is still awaited in vain."""
    sandbox.fault("early")
    sandbox.fault("cut_after", where="submit")
    job, seconds = timed(lambda: client.run(FORM, webhook="auto", timeout=LONG))
    assert job.output
    assert seconds < LONG / 2
    assert (only_entry(path).state, len(sandbox.jobs())) == ("completed", 1)


def test_whoever_asks_later_with_the_same_key_is_given_the_job(client, sandbox, path):
    sandbox.fault("cut_after", where="submit")
    sandbox.fault("drop")
    with pytest.raises(SubmissionUncertain, match="its webhook tells of it"):
        client.submit(FORM, webhook="auto", key="k")
    with pytest.raises(SubmissionUncertain, match="A webhook may still settle it"):
        client.submit(FORM, webhook="auto", key="k")
    coming = threading.Timer(0.5, call_back, rows(sandbox))
    coming.start()
    job = client.run(FORM, webhook="auto", key="k", poll_interval=LONG, timeout=30)
    coming.join()
    assert job.output
    assert client.submit(FORM, key="k").id == job.id, "whatever it asks for"
    assert (only_entry(path).state, len(sandbox.jobs())) == ("completed", 1)


def test_patience_ends_at_the_deadline(client, sandbox):
    sandbox.fault("cut_before", where="submit")
    with pytest.raises(SubmissionUncertain):
        client.run(FORM, webhook="auto", key="k", timeout=3)
    assert sandbox.jobs() == []
