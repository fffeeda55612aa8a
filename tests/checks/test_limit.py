"""How long the check before a submission may take: a part of the timeout, and no longer than somebody waits for it."""

import asyncio
import os
import sys
import threading
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest

from lipsync_nodes import AsyncLipsyncClient, ImageForm, LipsyncClient
from lipsync_nodes.checks import _looks
from lipsync_nodes.checks._limit import Abandoned
from tests.checks.made import FACE, SPEECH, codes

FORM = ImageForm(image=FACE, audio=SPEECH)


@pytest.fixture
def slow(monkeypatch):
    """Have the look at a picture take a minute, unless its limit ends it. Returns when each began and ended."""
    began, ended = threading.Event(), threading.Event()

    def look(inputs):
        began.set()
        try:
            for _ in range(1200):
                inputs.limit.check()
                time.sleep(0.05)
        finally:
            ended.set()
        yield from ()

    monkeypatch.setitem(sys.modules, "lipsync_nodes.checks._slow_in_a_test", SimpleNamespace(findings=look))
    monkeypatch.setattr(_looks, "LOOKS", (_looks.Look("_slow_in_a_test", ("image",)),))
    monkeypatch.setattr(_looks, "_memory", _looks._Memory())
    return SimpleNamespace(began=began, ended=ended)


def test_a_timeout_limits_the_check_too(slow, face, sandbox):
    """A half of it is left for the submission. What was not looked at is named."""
    told, start = [], time.monotonic()
    job = face.run(FORM, timeout=20, poll_interval=0.1, on_check=told.append)
    assert 9 < time.monotonic() - start < 20
    assert job.output
    assert codes(told[0], "info") == ["length.rounded_up", "check.out_of_time"]
    assert len(sandbox.received("submit")) == 1


def test_what_is_not_waited_for_ends(slow, sandbox):
    """After a cancellation, nothing is sent, and the look ends."""

    async def cancelled():
        async with AsyncLipsyncClient(api_key="sk_test_0123456789", base_url=sandbox.base_url) as client:
            work = asyncio.create_task(client.submit(FORM))
            await asyncio.to_thread(slow.began.wait, 10)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work

    asyncio.run(cancelled())
    assert slow.ended.wait(2)
    assert sandbox.received("submit") == []


def test_checks_leave_the_threads_of_the_loop_free(slow, sandbox):
    """As many checks as there may be at a time: other work of the program goes on."""

    async def many():
        async with AsyncLipsyncClient(api_key="sk_test_0123456789", base_url=sandbox.base_url) as client:
            work = [asyncio.create_task(client.check(FORM)) for _ in range(40)]
            await asyncio.to_thread(slow.began.wait, 10)
            await asyncio.wait_for(asyncio.to_thread(lambda: None), 5)
            for one in work:
                one.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    asyncio.run(many())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_fork_does_not_wait_for_a_check(slow, sandbox):
    client = LipsyncClient(api_key="sk_test_0123456789", base_url=sandbox.base_url)
    stop = threading.Event()
    thread = threading.Thread(target=_check_until, args=(client, stop))
    thread.start()
    try:
        assert slow.began.wait(10)
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            os._exit(0 if _looks._memory._places.acquire(timeout=1) else 1)
        seconds = time.monotonic() - start
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert seconds < 2
    finally:
        stop.set()
        thread.join()


def _check_until(client, stop):
    with suppress(Abandoned):
        client._backend.verdict(FORM, None, None, allow_long=False, fetch=False, stop=stop)
