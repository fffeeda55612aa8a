"""What is done about a webhook after it was answered: its job is looked at, at a pace of ours, and its end is told.

It runs in a thread with an event loop of its own, so that it serves a receiver in any framework and blocks none.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from lipsync_nodes._shared import Shared
from lipsync_nodes.client import AsyncLipsyncClient
from lipsync_nodes.errors import LipsyncError, redact
from lipsync_nodes.flows import Policy, WebhookHandled, WebhookReceived, poll
from lipsync_nodes.ledger import ENDS, Ledger
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

__all__ = [
    "Follower",
    "OnJob",
]


_log = logging.getLogger("lipsync_nodes")

OnJob = Callable[[Job], object]

# Seconds before each look at one job. It may take the service a moment to say what its own webhook said.
PAUSES: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
# Whoever calls again at once is not to cause two looks within a second.
LEAST_PAUSE: Final = 1.0
POLL: Final = Policy(request_timeout=10.0)
# Between two looks at whatever jobs: webhooks may come in a burst.
PACE: Final = 0.05
# Seconds between two rounds: the service, or whoever is to be told, may be away for hours.
ROUND: Final = 120.0
# So many threads of their own for on_job: one that hangs keeps nobody from being woken.
TELLERS: Final = 4


class Follower(Shared):
    """Follows calls up. Safe between threads; it starts with its first call.

    Args:
        profile: whose jobs these are.
        ledger: where what is seen is written down.
        on_job: called once a job has ended; if it fails, it is called again, for as long as the ledger remembers.

    """

    def __init__(self, profile: Profile, ledger: Ledger, on_job: OnJob | None = None) -> None:
        super().__init__()
        self._profile = profile
        self._ledger = ledger
        self._on_job = on_job
        self._busy: dict[str, str] = {}
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = 0.0

    def busy_with(self, call: WebhookReceived) -> bool:
        """Tell whether this very call is being followed up: then it is written down, too."""
        return self._busy.get(call.callback) == call.job_id

    def follow(self, call: WebhookReceived, *, left: bool = False) -> None:
        """Look at the job of a call, soon; of each callback one job at a time, that of the latest call.

        Args:
            call: what came.
            left: whether it came before, perhaps to another receiver.

        """
        with self._lock:
            loop = self._running()
            begun = call.callback in self._busy
            self._busy[call.callback] = call.job_id
            if not begun:
                asyncio.run_coroutine_threadsafe(self._follow(call.callback, PAUSES, left=left), loop)

    def resume(self) -> None:
        """Follow up what was left: by the last run of this program, or by another receiver."""
        for call in self._left():
            self.follow(call, left=True)

    def close(self) -> None:
        """Stop at once; what was not followed up is in the ledger."""
        with self._lock:
            thread, loop = self._thread, self._loop
            self._thread = self._loop = None
        if thread is not None and loop is not None and thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            if thread is not threading.current_thread():  # a coroutine of on_job's
                thread.join()
        with self._lock:
            if self._loop is None:  # it may have been started anew
                self._busy.clear()

    def _running(self) -> asyncio.AbstractEventLoop:
        """Return the loop of the thread; after a fork there is none."""
        if self._loop is None or self._thread is None or not self._thread.is_alive():
            self._busy.clear()
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="lipsync-webhooks", daemon=True)
            self._thread.start()
            self._tellers = asyncio.Semaphore(TELLERS)
            asyncio.run_coroutine_threadsafe(self._rounds(), self._loop)
        return self._loop

    def _left(self) -> list[WebhookReceived]:
        """Return the calls that are not followed up; without on_job, a job that has ended is for whoever has one."""
        return [
            WebhookReceived(entry.callback or "", entry.called_id or "")
            for entry in self._ledger.calls(self._profile)
            if self._on_job is not None or entry.state not in ENDS
        ]

    async def _follow(self, callback: str, pauses: Sequence[float], *, left: bool) -> None:
        """Follow the calls of one callback up, until they are done or, like all that goes wrong, left to the rounds."""
        call = None
        try:
            async with _Looking(profile=self._profile, ledger=self._ledger, policy=POLL) as client:
                while not self._done_with(callback, call):
                    call = await self._follow_latest(callback, client, pauses, left=left)
        except Exception as error:  # noqa: BLE001  # nobody else would hear of it
            _log.warning("A webhook could not be followed up: %s", redact(f"{error!r}"))
            with self._lock:
                self._busy.pop(callback, None)

    def _done_with(self, callback: str, call: WebhookReceived | None) -> bool:
        """Tell whether no other call of a callback came while one was followed up; then the callback is not busy."""
        with self._lock:
            done = call is not None and self._busy.get(callback, call.job_id) == call.job_id
            if done:
                self._busy.pop(callback, None)
            return done

    async def _follow_latest(
        self, callback: str, client: _Looking, pauses: Sequence[float], *, left: bool
    ) -> WebhookReceived:
        for pause in pauses:
            await asyncio.sleep(pause)
            call = WebhookReceived(callback, self._busy[callback])
            if not (trouble := await self._trouble(call, client, left=left)):
                return call
            _log.debug("Job %s: %s", redact(call.job_id), redact(trouble))
        _log.warning("Job %s: %s It is looked at again later.", redact(call.job_id), redact(trouble))
        await asyncio.sleep(LEAST_PAUSE)
        return call

    async def _trouble(self, call: WebhookReceived, client: _Looking, *, left: bool) -> str:
        """Look at the job unless its end is known, tell of it and note that; or say what is in the way."""
        await self._take_turn()
        try:
            job = await asyncio.to_thread(self._ledger.ended, call.job_id) or await client.poll(call)
            if not job.finished:
                return "Its webhook came, but it has not ended yet."
            if self._on_job is not None and not await self._told(self._on_job, job):
                return "It has ended, but on_job failed."
            if self._on_job is not None or not left:  # else another receiver may have one to tell
                await asyncio.to_thread(self._ledger.record, WebhookHandled(call.callback), self._profile)
        except LipsyncError as error:
            return f"Its webhook came, but was not confirmed: {error}"
        return ""

    async def _told(self, on_job: OnJob, job: Job) -> bool:
        """Tell somebody else's code, which may block, or be a coroutine function, or fail."""
        try:
            async with self._tellers:
                told = await asyncio.wrap_future(_in_thread(on_job, job))
            if inspect.isawaitable(told):
                await told
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if _is_ending():
                raise
            _log.warning("Job %s has ended, but on_job failed: %s", redact(job.id), redact(f"{error!r}"))
            return False
        return True

    async def _rounds(self) -> None:
        """Look again and again at what could not be followed up at once: the ledger alone remembers it."""
        async with asyncio.TaskGroup() as tasks:  # for an on_job that hangs keeps nobody else from being told
            while True:
                await asyncio.sleep(ROUND)
                try:
                    calls = await asyncio.to_thread(self._left)
                except LipsyncError as error:
                    _log.warning("What webhooks told could not be read: %s", error)
                    continue
                for call in calls:
                    tasks.create_task(self._again(call))
                    await asyncio.sleep(PACE)  # new calls come first

    async def _again(self, call: WebhookReceived) -> None:
        with self._lock:
            if call.callback in self._busy:
                return
            self._busy[call.callback] = call.job_id
        await self._follow(call.callback, PAUSES[:1], left=True)

    async def _take_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._turn = max(now, self._turn + PACE)
        await asyncio.sleep(self._turn - now)


class _Looking(AsyncLipsyncClient):
    """A client that looks at a job on behalf of a webhook."""

    async def poll(self, call: WebhookReceived) -> Job:
        """Look once; the job becomes that of the callback's submission, unless it is: then it keeps the id as it is."""
        entry = await asyncio.to_thread(self._ledger.entry_of, call.job_id)
        callback = None if entry and entry.callback == call.callback else call.callback
        return await self._drive(poll(call.job_id, self._policy, callback=callback))


def _in_thread(on_job: OnJob, job: Job) -> Future[object]:
    """Call on_job in a thread that keeps no program from its end, as those of an executor do."""
    done: Future[object] = Future()
    done.set_running_or_notify_cancel()

    def call() -> None:
        try:
            done.set_result(on_job(job))
        except StopIteration as error:  # no future takes that one
            done.set_exception(RuntimeError(f"{error!r}"))
        except BaseException as error:  # noqa: BLE001  # whoever waits has to know of it
            done.set_exception(error)

    threading.Thread(target=call, name="lipsync-on-job", daemon=True).start()
    return done


def _is_ending() -> bool:
    """Tell whether it is this task that is cancelled, and not one of somebody else's that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop until it is stopped, and leave nothing behind."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()
