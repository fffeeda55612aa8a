"""Reads of the ledger that many waits share, on a real event loop with the ledger's own thread."""

import asyncio
import gc
import time
import weakref
from contextlib import suppress

import pytest

from lipsync_nodes import AsyncLipsyncClient, ConfigurationError
from lipsync_nodes.flows import Await
from lipsync_nodes.http import _aio as aio
from lipsync_nodes.http._pool import pool_of
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.service import Job


class Values:
    """What is in the ledger, and what was asked of it."""

    def __init__(self, **values):
        self.values, self.asked, self.error = values, [], None

    def of(self, keys):
        self.asked.append(list(keys))
        time.sleep(0.02)
        if self.error is not None:
            raise self.error
        return {key: self.values[key] for key in keys if key in self.values}


def on_a_loop(work):
    async def go():
        async with AsyncLipsyncClient("sk_x") as client:
            return await work(client._backend.transport)

    return asyncio.run(go())


def test_what_is_asked_for_at_once_is_read_together():
    """The first is read alone, and all that come meanwhile by the next read; the same key only once."""
    values = Values(**{f"k{number % 50}": number % 50 for number in range(1000)})

    async def work(transport):
        return await asyncio.gather(*(transport.read(values.of, f"k{number % 60}") for number in range(1000)))

    found = on_a_loop(work)
    assert found == [number % 60 if number % 60 < 50 else None for number in range(1000)]
    assert len(values.asked) == 1
    assert len(values.asked[0]) == 60


def test_each_caller_gets_an_error_of_its_own():
    """They add facts to it, such as their job's id."""
    values = Values()

    def broken(keys):
        values.of(keys)
        raise ConfigurationError("The ledger is locked.")

    async def work(transport):
        return await asyncio.gather(*(transport.read(broken, f"k{n}") for n in range(3)), return_exceptions=True)

    found = on_a_loop(work)
    assert {type(error) for error in found} == {ConfigurationError}
    assert len({id(error) for error in found}) == 3
    assert values.asked == [["k0", "k1", "k2"], *([f"k{n}"] for n in range(3))]


def test_a_cancel_is_that_of_one_caller():
    values = Values(k=1)

    async def work(transport):
        first, second = (asyncio.create_task(transport.read(values.of, "k")) for _ in range(2))
        await asyncio.sleep(0.005)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        return await second

    assert on_a_loop(work) == 1


def test_a_wait_for_a_webhook_looks_until_its_time_is_up(tmp_path):
    """All of a loop look with one query, ten times a second; who has given up is not looked for."""
    ended = Job(id="j1", status="completed")

    class Watched(Ledger):
        asked, known = [], {}

        def ended_of(self, job_ids):
            self.asked.append(sorted(job_ids))
            if len(self.asked) == 2:
                raise ConfigurationError("The ledger is locked.")
            return {job_id: self.known[job_id] for job_id in job_ids if job_id in self.known}

    async def work(transport):
        run = aio._Run(transport, None, None, ledger)
        waits = [asyncio.create_task(run.job_ended(Await(f"j{number}", 30))) for number in range(100)]
        assert await run.job_ended(Await("late", 0.35)) is None
        ledger.known["j1"] = ended
        assert await waits[1] == ended
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await asyncio.sleep(0.3)
        looks = len(ledger.asked)
        await asyncio.sleep(0.3)
        assert len(ledger.asked) == looks, "nobody waits, so nobody looks"
        assert pool_of(asyncio.get_running_loop()).reads == {}

    with Watched(tmp_path / "ledger.sqlite") as ledger:
        on_a_loop(work)
    together = [asked for asked in ledger.asked if len(asked) >= 100]
    assert len(together) >= 2
    assert len(ledger.asked) < 50, "one look for all"


@pytest.mark.usefixtures("polls")
def test_many_waits_read_the_ledger_a_few_times(sandbox, tmp_path):
    sandbox.fault("job_status", polls=10**9)
    reads = []

    class Counted(Ledger):
        def entries_of(self, job_ids):
            reads.append(len(ids := list(job_ids)))
            return super().entries_of(ids)

    async def go():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
            waits = [asyncio.create_task(client.wait(f"j{number}", poll_interval=5)) for number in range(400)]
            while sum(reads) < 400:
                await asyncio.sleep(0.02)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    with Counted(tmp_path / "ledger.sqlite") as ledger:
        asyncio.run(go())
    assert sum(reads) == 400


def test_a_loop_keeps_no_ledger_of_a_client_that_is_gone():
    """A host has a client for each of its jobs, and a loop for all."""

    async def work(transport):
        read = [weakref.ref(await read_once(transport)) for _ in range(3)]
        while pool_of(asyncio.get_running_loop()).reads:
            await asyncio.sleep(0.01)
        gc.collect()
        return [one() for one in read]

    async def read_once(transport):
        ledger = Ledger(":memory:")
        await transport.read(ledger.entries_of, "j")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await transport.read(ledger.ended_of, "j", every=0.05)
        return ledger

    async def bounded(transport):
        async with asyncio.timeout(10):
            return await work(transport)

    assert on_a_loop(bounded) == [None] * 3
