"""Waiting for many jobs in one process, beside bare loops that poll the same service with the same bound in flight.

`base` is the base install, `fast` the extra with aiohttp. Both loops have sniffio. The service is a process of its own.
All waits start at once; jobs end at times with a median of 15 s where results are awaited.
"""

import json
import subprocess
from contextlib import contextmanager

from tests.bench.frame import ROOT, Row, peers

UNITS = {"CPU a poll": "ms", "memory a job": "kB", "loop blocked": "ms", "lag, median": "s", "lag, p99": "s"}


@contextmanager
def service(latency):
    """Run the service with a latency in ms. Yields its port."""
    command = [peers(), "-m", "tests.bench._stub", str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.terminate()


def waits(way, port, jobs, interval, bound, median=0):
    command = [peers(), "-m", "tests.bench._waits", way, port, *map(str, (jobs, interval, bound, median))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def compared(name, ours, peer, setting, targets, times=1, latency=0):
    """Yield a row for each target: the run of ours and the peer's with the least CPU a poll, by turns."""
    with service(latency) as port:
        runs = [(waits(ours, port, *setting), waits(peer, port, *setting)) for _ in range(times)]
    one, other = (min(kind, key=lambda facts: facts["CPU a poll"]) for kind in zip(*runs, strict=True))
    for fact, target in targets.items():
        yield Row(f"{name}: {fact}", one[fact], peer, other[fact], UNITS.get(fact, ""), target)


def rows():
    for jobs in (1000, 2000):
        cpu = {"CPU a poll": "<= 1.15"}
        yield from compared(f"{jobs} jobs, base", "base", "httpx", (jobs, 5, 32), cpu, times=3)
        cpu = {"CPU a poll": "<= 2.0"}
        yield from compared(f"{jobs} jobs, fast", "fast", "aiohttp", (jobs, 5, 250), cpu, times=3)
    speed = {"polls a second": ">= 0.8"}
    yield from compared("2000 jobs, 200 ms latency, fast", "fast", "aiohttp", (2000, 2, 250), speed, latency=200)
    ends = {
        "results": ">= 1.0",
        "CPU a poll": "",
        "GETs a job": "<= 1.2",
        "lag, median": "<= 1.3",
        "lag, p99": "",
        "memory a job": "<= 2.0",
        "loop blocked": "<= 1.5",
    }
    yield from compared("10,000 jobs, fast", "fast", "aiohttp", (10_000, 7.5, 256, 15), ends)
