"""What is done about a webhook after it was answered: its job is looked at, at a pace of ours, and its end is told.

It runs in a thread with an event loop of its own, so that it serves a receiver in any framework and blocks none.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable
from typing import Final

from lipsync_nodes import flow
from lipsync_nodes.client import AsyncLipsyncClient
from lipsync_nodes.contract import Job
from lipsync_nodes.errors import LipsyncError, redact
from lipsync_nodes.events import Called, Told
from lipsync_nodes.flow import Policy
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile

__all__ = ["Follower", "OnJob"]

_log = logging.getLogger("lipsync_nodes")

OnJob = Callable[[Job], object]

# Seconds before each look at one job. It may take the service a moment to say what its own webhook said.
PAUSES: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
# Between two looks at whatever jobs: webhooks may come in a burst.
PACE: Final = 0.05


class Follower:
    """Follows calls up. Safe between threads; it starts with its first call.

    Args:
        profile: whose jobs these are.
        ledger: where what is seen is written down.
        on_job: called once a job has ended; if it fails, it is called again, later.

    """

    def __init__(self, profile: Profile, ledger: Ledger, on_job: OnJob | None = None) -> None:
        self._profile = profile
        self._ledger = ledger
        self._on_job = on_job
        self._lock = threading.Lock()
        self._busy: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = 0.0

    def busy_with(self, call: Called) -> bool:
        """Tell whether this very call is being followed up: then it is written down, too."""
        return self._busy.get(call.callback) == call.job_id

    def follow(self, call: Called) -> None:
        """Look at the job of a call, soon; of each callback one job at a time, that of the latest call."""
        with self._lock:
            loop = self._running()
            begun = call.callback in self._busy
            self._busy[call.callback] = call.job_id
            if not begun:
                asyncio.run_coroutine_threadsafe(self._follow(call.callback), loop)

    def close(self) -> None:
        """Stop at once; what was not followed up is in the ledger."""
        with self._lock:
            thread, loop = self._thread, self._loop
            self._thread = self._loop = None
            self._busy.clear()
        if thread is not None and loop is not None and thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the loop of the thread; after a fork there is none."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            self._busy.clear()
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="lipsync-webhooks", daemon=True)
            self._thread.start()
        return self._loop

    async def _follow(self, callback: str) -> None:
        client = _Looking(profile=self._profile, ledger=self._ledger, policy=Policy(request_timeout=10.0))
        async with client:
            for pause in PAUSES:
                await asyncio.sleep(pause)
                if await self._told(Called(callback, self._busy[callback]), client):
                    break
            else:
                _log.warning("Job %s: its webhook came, but it has not ended yet.", redact(self._busy[callback]))
                # Whoever calls again at once is not to cause two looks within a second.
                await asyncio.sleep(PAUSES[1])
        with self._lock:
            self._busy.pop(callback, None)

    async def _told(self, call: Called, client: _Looking) -> bool:
        """Look at the job unless its end is known, tell of it and note that; False if it is to be tried again."""
        try:
            job = await asyncio.to_thread(self._ledger.ended, call.job_id)
            if job is None:
                await self._take_turn()
                job = await client.look(call)
            if not job.finished:
                return False
            if self._on_job is not None:
                await _call(self._on_job, job)
            await asyncio.to_thread(self._ledger.record, Told(call.callback), self._profile)
        except LipsyncError as error:
            _log.debug("A webhook's job was not confirmed: %s", error)
            return False
        except Exception as error:  # noqa: BLE001  # on_job is somebody else's code
            _log.warning("Job %s has ended, but on_job failed: %s", redact(call.job_id), redact(repr(error)))
            return False
        return True

    async def _take_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._turn = max(now, self._turn + PACE)
        await asyncio.sleep(self._turn - now)


class _Looking(AsyncLipsyncClient):
    """A client that looks at a job on behalf of a webhook."""

    async def look(self, call: Called) -> Job:
        """Look once; the job becomes that of the callback's submission, if it has none yet."""
        return await self._drive(flow.look(call.job_id, self._policy, callback=call.callback))


async def _call(on_job: OnJob, job: Job) -> None:
    """Call a function that may block, or a coroutine function."""
    told = await asyncio.to_thread(on_job, job)
    if inspect.isawaitable(told):
        await told


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and leave nothing behind."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()
