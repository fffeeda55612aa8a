"""What the package costs beside the bare operation, measured in the same run; ratios only, these machines are noisy."""

import asyncio
import logging
import subprocess
import sys
import time

import httpx
import pytest

from lipsync_nodes import AsyncLipsyncClient, ImageForm, LipsyncClient
from lipsync_nodes.client._observers import observed
from lipsync_nodes.flows import Seen, concerns_ledger
from lipsync_nodes.ledger import Ledger

JOBS = 200


@pytest.fixture(autouse=True)
def quiet():
    """The rest of the suite logs everything; here that would be what is measured."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def best(measure, times=5):
    return min(measure() for _ in range(times))


def best_of_both(one, other, times=6):
    """Measure both by turns, so that a noisy moment strikes neither alone."""
    return map(min, zip(*((one(), other()) for _ in range(times)), strict=True))


def startup(code):
    """Seconds of processor time that a fresh Python takes for some code."""
    timed = f"import time; began = time.process_time(); {code}; print(time.process_time() - began)"
    return float(subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True).stdout)


def test_importing_the_package_is_cheap_beside_httpx(record_property, capsys):
    """Importing the package costs little beside importing httpx."""
    ours, theirs = (best(lambda code=code: startup(code)) for code in ("import lipsync_nodes", "import httpx"))
    with capsys.disabled():
        print(f"\nimport lipsync_nodes: {ours * 1000:.1f} ms, {ours / theirs:.3f} of import httpx")
    assert ours < theirs / 5


@pytest.fixture
def job_id(sandbox):
    sandbox.fault("job_status", polls=10**9)

    async def submit():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url) as client:
            return (await client.submit(ImageForm(image="https://x/i", audio="https://x/a"))).id

    return asyncio.run(submit())


def test_a_look_at_a_job_costs_little_beside_the_bare_request(sandbox, job_id, capsys, tmp_path):
    """Processor time of the loop's thread for many looks at once; the bare loop has the same bound in flight."""
    ledger = Ledger(tmp_path / "ledger.sqlite")

    async def bare():
        gate = asyncio.Semaphore(32)
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        async with httpx.AsyncClient(headers=headers) as client:

            async def one():
                async with gate:
                    (await client.get(f"{sandbox.base_url}/jobs/{job_id}")).json()

            began = time.thread_time()
            await asyncio.gather(*(one() for _ in range(JOBS)))
            return time.thread_time() - began

    async def ours():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
            began = time.thread_time()
            await asyncio.gather(*(client.job(job_id) for _ in range(JOBS)))
            return time.thread_time() - began

    one, other = best_of_both(lambda: asyncio.run(ours()), lambda: asyncio.run(bare()))
    ledger.close()
    with capsys.disabled():
        print(f"\na look at a job: {one / JOBS * 1e3:.2f} ms, {one / other:.2f} of the bare request")
    assert one < 2 * other


def test_writing_a_submit_down_costs_little_beside_the_submit(sandbox, capsys, tmp_path):
    """The ledger's three transactions, each on the disk before it returns, beside a submit to a server on loopback."""
    form = ImageForm(image="https://x/i", audio="https://x/a")

    async def submits(ledger):
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
            began = time.perf_counter()
            for _ in range(30):
                await client.submit(form)
            return time.perf_counter() - began

    ledger = Ledger(tmp_path / "ledger.sqlite")
    one, other = best_of_both(lambda: asyncio.run(submits(ledger)), lambda: asyncio.run(submits(None)))
    ledger.close()
    with capsys.disabled():
        print(f"\na submit with a ledger on disk: {one / 30 * 1e3:.1f} ms, {one / other:.2f} of one without")
    assert one < 10 * other


def test_a_poll_without_observers_costs_nothing_more(sandbox, job_id, capsys):
    """What the core does for observers at each look, without one, beside the look itself."""
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        job = client.job(job_id)
        look = best(lambda: _seconds(lambda: client.job(job_id), 50), 3)
        news = best(lambda: _seconds(lambda: concerns_ledger(Seen(job)) or observed(), 10_000), 3)
    with capsys.disabled():
        print(f"\nobservers, where there are none: {news * 1e6:.2f} us, {news / look:.5f} of a look")
    assert news < look / 100


def _seconds(do, times):
    began = time.perf_counter()
    for _ in range(times):
        do()
    return (time.perf_counter() - began) / times


def test_the_polls_are_where_the_simulation_puts_them(capsys, monkeypatch):
    """Without history not later than polls each 7.5 s, with it sooner; at no more GETs."""
    from tests.bench import simulation

    monkeypatch.setattr(simulation, "JOBS", 4000)
    rows = list(simulation.rows())
    with capsys.disabled():
        print(*(f"\n{row.name}: {row.ours:.2f}, fixed 7.5 s: {row.theirs:.2f}" for row in rows), sep="")
    assert [row.name for row in rows if row.missed] == []
