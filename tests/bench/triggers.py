"""Airflow: what 1,000 triggers that wait at once add to the memory of the triggerer.

All triggers run in one process, as in the triggerer, each for another job of a local service that never ends. One of
them runs first, so that what is loaded once does not count. The peer is a loop around one `httpx` client.
"""

import os
import subprocess
import sys
from contextlib import contextmanager

from tests.bench.frame import ROOT, Row, fresh

TRIGGERS, INTERVAL = 1000, 7.5


@contextmanager
def service():
    command = [sys.executable, "-m", "tests.bench._stub", "5"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def ours(url):
    os.environ["AIRFLOW_CONN_LIPSYNC_DEFAULT"] = (
        f'{{"conn_type": "lipsync", "host": "{url}/api/v1", "password": "sk_key"}}'
    )
    import time

    from lipsync_nodes_airflow.triggers import LipsyncJobTrigger

    async def wait(number):
        async for _ in LipsyncJobTrigger(
            "lipsync_default", f"j-{number}-9999999999999", time.time() + 900, INTERVAL
        ).run():
            pass

    return grown(wait)


def bare(url):
    import asyncio

    import httpx

    client = httpx.AsyncClient(headers={"Authorization": "Bearer sk_key"}, timeout=60)

    async def wait(number):
        while True:
            (await client.get(f"{url}/jobs/j-{number}-9999999999999")).json()
            await asyncio.sleep(INTERVAL)

    return grown(wait)


def grown(wait):
    """Return how many MB a thousand waits add to one."""
    import asyncio

    from tests.bench._waits import memory

    async def many():
        waits = [asyncio.create_task(wait(0))]
        await asyncio.sleep(INTERVAL)
        before = memory()
        waits += [asyncio.create_task(wait(number)) for number in range(1, TRIGGERS + 1)]
        await asyncio.sleep(4 * INTERVAL)  # all are polled
        running, after = sum(not one.done() for one in waits), memory()
        print(f"{after - before if running == len(waits) else float('inf'):.1f}", flush=True)
        os._exit(0)

    asyncio.run(many())


def rows():
    with service() as url:
        mine, theirs = (fresh(which, url, python=sys.executable) for which in (ours, bare))
    yield Row("1,000 triggers", mine, unit="MB", target="<= 40")
    yield Row("1,000 triggers", mine, "a bare httpx loop", theirs, "MB")
