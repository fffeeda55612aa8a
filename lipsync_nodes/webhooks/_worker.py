"""Handles a webhook after the response: polls its job and, when the job has ended, calls on_job.

The ledger records what is pending, so that a restart continues after a crash. Only the times of the next tries are kept
in memory.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from lipsync_nodes._redaction import redact
from lipsync_nodes._shared import Shared
from lipsync_nodes.client import LipsyncClient
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.flows import Policy, WebhookHandled, WebhookReceived
from lipsync_nodes.ledger import ENDS, Ledger
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

# The number of threads, and how many of them may be in on_job, so that polls continue while an on_job hangs.
THREADS: Final = 8
CALLS: Final = 4
# The seconds after each failed try; the last one repeats. The service may show the end of a job a moment later.
PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 120.0)
# The seconds between two searches for webhooks that another receiver of the ledger did not finish.
SEARCH_EVERY: Final = 120.0
POLICY: Final = Policy(request_timeout=10.0)

OnJob = Callable[[Job], object]

_log = logging.getLogger("lipsync_nodes")


@dataclass(slots=True)
class _Pending:
    """A webhook that is not handled yet. When the job has ended, `job` is set, and on_job remains to be called."""

    webhook: WebhookReceived
    own: bool
    due: float
    tries: int = 0
    job: Job | None = None
    running: int = 0  # the id of the thread that handles it now


class Worker(Shared):
    """Handles webhooks in its own threads, which the first webhook starts. Thread-safe."""

    def __init__(self, profile: Profile, ledger: Ledger, on_job: OnJob | None) -> None:
        super().__init__(threading.Condition)
        self._profile, self._ledger, self._on_job = profile, ledger, on_job
        self._client = _Client(profile=profile, ledger=ledger, policy=POLICY)
        self._pending: dict[str, _Pending] = {}
        self._stop: threading.Event | None = None

    def _renew(self) -> None:
        super()._renew()
        self._pending, self._stop = {}, None

    def add(self, webhook: WebhookReceived, *, own: bool = True) -> None:
        """Add a webhook. If it names another job than the last one, it replaces it, but is not polled any sooner.

        If there is no on_job here, a webhook of another receiver (not *own*) is polled but stays pending, because that
        receiver may have an on_job.
        """
        with self._lock:
            last = self._pending.get(webhook.callback)
            if last is None or last.webhook != webhook:
                self._pending[webhook.callback] = _Pending(webhook, own, last.due if last else 0.0)
                self._lock.notify_all()

    def start(self) -> None:
        """Start the threads, unless they run."""
        with self._lock:
            if self._stop is None:
                stop = threading.Event()
                try:
                    for target in (*[self._work] * THREADS, self._search):
                        # Daemon threads, because those of an executor would keep the program from exiting.
                        threading.Thread(target=target, args=(stop,), name="lipsync-webhooks", daemon=True).start()
                except RuntimeError:  # no thread can be started now; perhaps later
                    stop.set()
                    self._lock.notify_all()
                    raise
                self._stop = stop

    def add_pending(self) -> None:
        """Add the pending webhooks in the ledger, from the last run or from another receiver."""
        for entry in self._ledger.pending_webhooks(self._profile):
            if self._on_job is not None or entry.state not in ENDS:
                self.add(WebhookReceived(entry.callback or "", entry.webhook_job_id or ""), own=False)

    def close(self) -> None:
        """Stop. Running polls are waited for, calls of on_job are not."""
        with self._lock:
            if self._stop is not None:
                self._stop.set()
                self._lock.notify_all()
                while self._is_polling():
                    self._lock.wait()
            self._pending, self._stop = {}, None
        self._client.close()

    def _is_polling(self) -> bool:
        # Not by this thread: it may be an observer of that poll that closes the receiver.
        running = [one for one in self._pending.values() if one.running not in {0, threading.get_ident()}]
        return any(one.job is None or self._on_job is None for one in running)

    def _search(self, stop: threading.Event) -> None:
        while not stop.wait(SEARCH_EVERY):
            with suppress(LipsyncError):  # the ledger may be readable next time
                self.add_pending()

    def _work(self, stop: threading.Event) -> None:
        while (pending := self._next(stop)) is not None:
            done = False
            try:
                done = self._handle(pending)
            except BaseException as error:  # noqa: BLE001  # on_job is third-party code
                quiet = pending.job is None and pending.tries < len(PAUSES)
                problem = "a webhook was not confirmed" if pending.job is None else "it has ended, but on_job failed"
                job_id, reason = redact(pending.webhook.job_id), redact(repr(error))
                _log.log(logging.DEBUG if quiet else logging.WARNING, "Job %s: %s: %s", job_id, problem, reason)
            with self._lock:
                pending.running = 0
                if done and self._pending.get(pending.webhook.callback) is pending:
                    del self._pending[pending.webhook.callback]
                self._lock.notify_all()

    def _next(self, stop: threading.Event) -> _Pending | None:
        """Return the next webhook when it is due; None when stopped."""
        with self._lock:
            while not stop.is_set():
                everything = self._pending.values()
                full = sum(one.running and one.job is not None for one in everything) >= CALLS
                ready = (one for one in everything if not one.running and not (full and one.job))
                first = min(ready, key=lambda one: one.due, default=None)
                left = first.due - time.monotonic() if first else threading.TIMEOUT_MAX
                if first and left <= 0:
                    first.due = time.monotonic() + PAUSES[min(first.tries, len(PAUSES) - 1)]
                    first.tries, first.running = first.tries + 1, threading.get_ident()
                    return first
                self._lock.wait(left)
        return None

    def _handle(self, pending: _Pending) -> bool:
        """Do one step: poll the job or, when it has ended, call on_job. Return whether the webhook is handled."""
        webhook = pending.webhook
        if not self._ledger.pending_webhooks(self._profile, webhook.callback):
            return True  # another receiver has handled it, or it is too old
        if pending.job is None:
            job = self._ledger.ended(webhook.job_id) or self._client.poll(webhook)
            if not job.finished:
                raise TimeoutError("it has not ended yet")
            pending.job, pending.tries, pending.due = job, 0, 0.0
            return False
        if self._on_job is not None and inspect.isawaitable(result := self._on_job(pending.job)):
            asyncio.run(_awaited(result))
        if self._on_job is not None or pending.own:
            self._ledger.record(WebhookHandled(webhook.callback), self._profile)
        return True


async def _awaited(result: Awaitable[object]) -> None:
    await result  # `asyncio.run` accepts only coroutines


class _Client(LipsyncClient):
    """A client that polls the job that a webhook names."""

    def poll(self, webhook: WebhookReceived) -> Job:
        """Poll once. If the submission has no known job yet, it gets this one."""
        return self._drive(self._backend.poll_for(webhook))
