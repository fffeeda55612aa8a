"""`run_many` of 1,000 forms: jobs a second with a ledger on disk, beside the same without a ledger.

The service is the instant sandbox in another process. The figures are the best of runs that take turns.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lipsync_nodes import AsyncLipsyncClient, ImageForm, Ledger, LipsyncClient
from tests.bench.frame import Row, by_turns

KEY = "sk_bench_0123456789"
JOBS = 1_000
FORM = ImageForm(image="https://x.example/i.png", audio="https://x.example/a.mp3")
POLL_SECONDS = 0.05


@contextmanager
def sandbox():
    """Start the sandbox in another process; yields its URL."""
    command = [sys.executable, "-m", "tests.bench._instant"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield running.stdout.readline().strip()
        running.stdin.close()


def blocking(url, ledger, concurrency):
    with LipsyncClient(KEY, url, ledger=ledger) as client:
        return client.run_many([FORM] * JOBS, concurrency=concurrency, poll_interval=POLL_SECONDS)


def on_a_loop(url, ledger, concurrency):
    async def run():
        async with AsyncLipsyncClient(KEY, url, ledger=ledger) as client:
            return await client.run_many([FORM] * JOBS, concurrency=concurrency, poll_interval=POLL_SECONDS)

    return asyncio.run(run())


def seconds(run, url, concurrency, *, ledger):
    with tempfile.TemporaryDirectory() as folder:
        kept = Ledger(Path(folder) / "ledger.sqlite") if ledger else None
        began = time.perf_counter()
        jobs = run(url, kept, concurrency)
        passed = time.perf_counter() - began
        if kept:
            kept.close()
    assert len({job.id for job in jobs}) == JOBS
    return passed


def both(run, url, concurrency):
    """Return the seconds with and without a ledger."""
    return by_turns(*(partial(seconds, run, url, concurrency, ledger=ledger) for ledger in (True, False)), times=3)


def rows():
    with sandbox() as url:
        for run in (on_a_loop, blocking):
            for concurrency in (4, 32):
                ours, without = both(run, url, concurrency)
                name = f"run_many {run.__name__.replace('_', ' ')}, {concurrency} at a time"
                yield Row(name, JOBS / ours, "without a ledger", JOBS / without, "jobs/s", ">= 0.85")
