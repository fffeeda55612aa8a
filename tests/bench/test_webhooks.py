"""What a receiver is for: how long after a job's end `wait` returns, with one and without, in the same run.

The polls behind the webhooks are 60 s apart. Without a receiver they are 6 s apart here, so that the ordinary run stays
quick; WEBHOOK_BENCH_POLL=60 pytest tests/bench/test_webhooks.py makes it the same.
"""

import asyncio
import logging
import os
import statistics
import time

import pytest

from lipsync_nodes import AsyncLipsyncClient
from lipsync_nodes.ledger import Ledger
from tests.conftest import FORMS
from tests.receiving import Receiving, rows

JOBS = 20
POLL = 60.0
POLL_WITHOUT = float(os.environ.get("WEBHOOK_BENCH_POLL", "6"))


@pytest.fixture(autouse=True)
def quiet():
    """The rest of the suite logs everything; here that would be what is measured."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_a_wait_returns_with_the_webhook(sandbox, tmp_path, capsys):
    """Jobs that end one after the other; who waits has a ledger object of its own, as another process has."""
    late = {}

    async def one(client, kind, number, **options):
        await asyncio.sleep(number / 8)
        job = await client.run(FORMS["image"], timeout=200, **options)
        ended = next(row.ended for row in rows(sandbox) if row.id == job.id)
        late.setdefault(kind, []).append(time.time() - ended)

    async def both(receiving):
        with Ledger(receiving.receiver.ledger.path) as ledger:
            async with AsyncLipsyncClient(profile=receiving.profile, ledger=ledger) as client:
                await asyncio.gather(
                    *(one(client, "with", n, webhook="auto", poll_interval=POLL) for n in range(JOBS)),
                    *(one(client, "without", n, poll_interval=POLL_WITHOUT) for n in range(JOBS)),
                )

    sandbox.fault("seconds", seconds=1.0, count=-1)
    with Receiving(sandbox.api_key, sandbox.base_url, tmp_path / "ledger.sqlite") as receiving:
        asyncio.run(both(receiving))
    median = {kind: statistics.median(seconds) for kind, seconds in late.items()}
    with capsys.disabled():
        print(
            f"\nfrom a job's end to wait returning, median of {JOBS}: {median['with']:.3f} s with a receiver (at most "
            f"{max(late['with']):.3f} s; polls every {POLL:.0f} s), "
            f"{median['without']:.1f} s without (polls every {POLL_WITHOUT:.0f} s)"
        )
    assert median["with"] < median["without"] / 2
    assert POLL_WITHOUT / 2 < median["without"] < POLL_WITHOUT * 1.5
