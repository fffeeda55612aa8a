"""A thousand waiting triggers in one loop: it is never blocked by them, and they share their connections."""

import asyncio
import gc
import logging
import resource
import time
import tracemalloc
from itertools import pairwise

import pytest

pytestmark = pytest.mark.usefixtures("lipsync_default")

TRIGGERS, INTERVAL = 1000, 4.0


async def longest_block(work):
    """Run *work* and return the longest that the loop was not there for others, in seconds: of work, and on the clock.

    Work is the processor time of the loop's thread; the clock also counts what other processes take of a busy machine.
    """
    worst, going = (0.0, 0.0), True

    async def watch():
        nonlocal worst
        while going:
            worked, before = time.thread_time(), time.perf_counter()
            await asyncio.sleep(0.001)
            stall = time.thread_time() - worked, time.perf_counter() - before - 0.001
            worst = tuple(map(max, worst, stall))

    watching = asyncio.create_task(watch())
    await work()
    going = False
    await watching
    return worst


async def bare(base_url, key):
    """The same polls with nothing but asyncio and one client."""
    import random

    import httpx

    gate = asyncio.Semaphore(32)
    async with httpx.AsyncClient(verify=False) as client:

        async def one():
            await asyncio.sleep(random.uniform(0, INTERVAL))
            async with gate:
                await client.get(f"{base_url}/jobs/x", headers={"Authorization": f"Bearer {key}"})

        await asyncio.gather(*(one() for _ in range(TRIGGERS)))


@pytest.mark.airflow_processes  # it measures the loop, so nothing else may run beside it
def test_a_thousand_waiting_triggers(airflow_home, sandbox, capsys, monkeypatch):
    from lipsync_nodes.http._pool import pool_of
    from lipsync_nodes_airflow.triggers import LipsyncJobTrigger

    monkeypatch.setattr(logging.root.manager, "disable", logging.INFO)  # a triggerer logs no debugging
    logging.root.manager._clear_cache()
    sandbox.fault("status", where="poll", code=503, count=-1)
    deadline = time.time() + 3600

    async def waiting():
        running, asked = [], []

        async def one():
            async for _ in LipsyncJobTrigger("lipsync_default", "x", deadline, INTERVAL).run():
                pass

        async def work():
            for _ in range(TRIGGERS):
                running.append(asyncio.create_task(one()))
                await asyncio.sleep(0)  # as Airflow's triggerer does
            for _ in range(6):
                asked.append(len(sandbox.received("poll")))
                await asyncio.sleep(1)

        gc.collect()
        gc.freeze()  # the heap of the whole suite is not the triggers'
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tasks = [asyncio.create_task(one()) for _ in range(100)]
        await asyncio.sleep(5)
        each = (tracemalloc.get_traced_memory()[0] - before) / 100
        tracemalloc.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        blocked = await longest_block(work)
        clients = len(pool_of(asyncio.get_running_loop())._clients)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return each, blocked, clients, [after - before for before, after in pairwise(asked)]

    each, blocked, clients, polls = asyncio.run(waiting())
    gc.unfreeze()
    alone = asyncio.run(longest_block(lambda: bare(sandbox.base_url, sandbox.api_key)))
    with capsys.disabled():
        print(
            f"\n{TRIGGERS} triggers: loop blocked for {blocked[0] * 1000:.0f} ms at most, "
            f"{blocked[1] * 1000:.0f} on the clock (bare asyncio and GETs: {alone[0] * 1000:.0f}, "
            f"{alone[1] * 1000:.0f}), {each / 1024:.1f} KiB for each, {clients} clients, polls in each second {polls}, "
            f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB in all"
        )
    assert clients <= 2
    assert max(polls) < 2 * TRIGGERS / INTERVAL, "they are spread over the interval"
    assert blocked[0] < max(0.1, 2 * alone[0])
    assert blocked[1] < max(0.25, 5 * alone[1]), "nothing waits in the loop, which takes no processor time"
    assert each < 64 * 1024
