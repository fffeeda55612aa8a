"""Notifies waiting callers when a job has ended in the ledger, whichever process of this host recorded it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from weakref import WeakMethod

from lipsync_nodes._shared import Shared
from lipsync_nodes.errors import LipsyncError

__all__ = ["Watch"]

CHECK_EVERY: Final = 0.1

Notify = Callable[[], object]


class Watch(Shared):
    """Asks a ledger in one thread which jobs have ended, as long as there are waiting callers. Thread-safe.

    Args:
        ended: the ledger's method that returns which of some jobs have ended.

    """

    def __init__(self, ended: Callable[[Collection[str]], set[str]]) -> None:
        super().__init__()
        self._ended = WeakMethod(ended)
        self._waiting: dict[object, tuple[str, Notify]] = {}
        self._running = False

    def _renew(self) -> None:
        super()._renew()
        self._waiting, self._running = {}, False

    @contextmanager
    def listening(self, job_id: str, notify: Notify) -> Iterator[None]:
        """While the block runs, call *notify* when the job has ended, in another thread and maybe repeatedly."""
        this = object()
        with self._lock:
            self._waiting[this] = job_id, notify
            if not self._running:
                threading.Thread(target=self._run, name="lipsync-ledger-watch", daemon=True).start()
                self._running = True
        try:
            yield
        finally:
            with self._lock:
                self._waiting.pop(this, None)  # after a fork, the child has no waiting callers

    def _run(self) -> None:
        while waiting := self._who_waits():
            ended: Collection[str] = ()
            with suppress(LipsyncError):  # waiting callers also poll
                ask = self._ended()
                ended = ask({job_id for job_id, _ in waiting}) if ask else ()
            for job_id, notify in waiting:
                if job_id in ended:
                    with suppress(RuntimeError):  # the caller's event loop has ended
                        notify()
            time.sleep(CHECK_EVERY)

    def _who_waits(self) -> list[tuple[str, Notify]]:
        with self._lock:
            self._running = bool(self._waiting)
            return list(self._waiting.values())
