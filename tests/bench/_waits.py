"""Many waits in one process: `python -m tests.bench._waits WAY PORT JOBS INTERVAL BOUND MEDIAN`.

WAY is `base` or `fast` for this package, `httpx` or `aiohttp` for a bare loop. It prints what they cost as JSON. With a
MEDIAN, jobs end at times with this median (lognormal), and all results are awaited. With 0, no job ends; one interval
passes, and two more are measured.
"""

import asyncio
import gc
import json
import math
import random
import sys
import time
from pathlib import Path
from statistics import quantiles

RUNS, SIGMA, TICK = 2, 0.42, 0.005
chance = random.Random(1)


def memory():
    """Return the memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


class Bench:
    """What is waited for, and what it costs."""

    def __init__(self, way, port, jobs, interval, bound, median):
        self.way, self.port, self.jobs, self.bound = way, int(port), int(jobs), int(bound)
        self.interval, self.median = float(interval), float(median)
        self.base = f"http://127.0.0.1:{self.port}/api/v1"
        self.gate, self.lags = asyncio.Semaphore(self.bound), []
        self.blocked = self.before = self.peak = 0.0

    def ids(self):
        """Return the ids of the jobs, each with its end."""
        began = time.time()
        for number in range(self.jobs):
            seconds = self.median * math.exp(chance.gauss(0, SIGMA)) if self.median else 1e6
            yield f"j-{number}-{int((began + seconds) * 1000)}"

    def ended(self, job_id):
        self.lags.append(time.time() - int(job_id.rpartition("-")[2]) / 1000)

    async def bare(self, job_id, get):
        """Wait as a simple program does: the first poll is spread, the number of polls in flight is bounded."""
        await asyncio.sleep(random.random() * self.interval)
        while True:
            async with self.gate:
                job = await get(f"{self.base}/jobs/{job_id}")
            if job["status"] == "completed":
                return self.ended(job_id)
            await asyncio.sleep(self.interval)

    async def by_httpx(self):
        import httpx

        async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_x"}) as client:

            async def get(url):
                return (await client.get(url)).json()

            await get(f"{self.base}/jobs/j-0-0")
            return await self.all(self.bare(job, get) for job in self.ids())

    async def by_aiohttp(self):
        import aiohttp

        connector = aiohttp.TCPConnector(limit=self.bound)
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer sk_x"}, connector=connector) as client:

            async def get(url):
                async with client.get(url) as response:
                    return await response.json()

            await get(f"{self.base}/jobs/j-0-0")
            return await self.all(self.bare(job, get) for job in self.ids())

    async def by_us(self):
        from lipsync_nodes import AsyncLipsyncClient
        from lipsync_nodes.http import _pool

        if self.way == "fast":
            from lipsync_nodes.http._fast import Fast

            _pool.aiohttp._kind = Fast  # imported before, as in a bare loop
        _pool.aiohttp._started = True

        async def one(job_id):
            await client.wait(job_id, timeout=7200, poll_interval=self.interval)
            self.ended(job_id)

        async with AsyncLipsyncClient("sk_x", self.base) as client:
            await client.wait("j-0-0")  # loads what is loaded late
            return await self.all(one(job) for job in self.ids())

    async def watch(self):
        """Measure the peak of the memory, and for how long the loop is blocked at most.

        The latter in processor time of its thread: other programs on this machine block it too.
        """
        while True:
            before = time.thread_time()
            await asyncio.sleep(TICK)
            self.blocked = max(self.blocked, time.thread_time() - before)
            self.peak = max(self.peak, memory())

    async def all(self, waits):
        gc.collect()
        gc.freeze()  # what is imported is not part of the waits
        self.before, watching = memory(), asyncio.create_task(self.watch())
        await asyncio.sleep(10 * TICK)
        gets, spent, began = await self.gets(), time.process_time(), time.monotonic()
        tasks = [asyncio.create_task(one) for one in waits]
        if self.median:
            await asyncio.gather(*tasks)
        else:
            await asyncio.sleep(self.interval)  # each job was polled once
            gets, spent, began = await self.gets(), time.process_time(), time.monotonic()
            await asyncio.sleep(self.interval * RUNS)
        spent, gets, seconds = time.process_time() - spent, await self.gets() - gets, time.monotonic() - began
        watching.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        facts = {
            "CPU a poll": 1e3 * spent / gets,
            "polls a second": gets / seconds,
            "GETs a job": gets / self.jobs,
            "memory a job": 1e3 * (self.peak - self.before) / self.jobs,
            "loop blocked": 1e3 * self.blocked,
        }
        if self.lags:
            cuts = quantiles(self.lags, n=100)
            facts |= {"results": len(self.lags), "lag, median": cuts[49], "lag, p99": cuts[98]}
        return facts

    async def gets(self):
        """Ask the service how many polls it has answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /polls HTTP/1.1\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(head.rpartition(b": ")[2]))
        writer.close()
        return int(body)


async def main():
    bench = Bench(*sys.argv[1:])
    print(json.dumps(await {"httpx": bench.by_httpx, "aiohttp": bench.by_aiohttp}.get(bench.way, bench.by_us)()))


if __name__ == "__main__":
    asyncio.run(main())
