"""Wakes whoever waits for a job as soon as the ledger hears of its end, from this process or from another of this host.

What is written through the same `Ledger` rings at once. For what other processes write, one thread looks at SQLite's
`data_version`, some microseconds each time, for as long as anybody waits.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lipsync_nodes._shared import Shared

__all__ = [
    "Bell",
]


WATCH_EVERY: Final = 0.1

Ring = Callable[[], object]


class Bell(Shared):
    """Rings for jobs. Safe between threads; a ring is called from whichever thread heard of the end.

    Args:
        path: the ledger's file. ":memory:" is written by this process alone, and is not watched.

    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._rings: dict[str, list[Ring]] = {}
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def _renew(self) -> None:
        """Forget those who wait in the parent, and the thread that looks on there."""
        super()._renew()
        self._rings, self._thread, self._over = {}, None, threading.Event()

    @contextmanager
    def listening(self, job_id: str, ring: Ring) -> Iterator[None]:
        """Have *ring* called when the job has ended, perhaps more than once, for as long as the block runs."""
        with self._lock:
            self._rings.setdefault(job_id, []).append(ring)
            self._watch()
        try:
            yield
        finally:
            with self._lock:
                rings = self._rings.pop(job_id, [])  # none in the child of a fork
                if left := [other for other in rings if other is not ring]:
                    self._rings[job_id] = left
                if not self._rings:
                    self._over.set()

    def ring(self, *job_ids: str) -> None:
        """Wake those who wait for these jobs."""
        with self._lock:
            rings = [ring for job_id in job_ids for ring in self._rings.get(job_id, ())]
        for ring in rings:
            with suppress(RuntimeError):  # an event loop that has ended meanwhile
                ring()

    def _watch(self) -> None:
        """See to it that the file is watched."""
        watched = self._thread is not None and self._thread.is_alive() and not self._over.is_set()
        if self._path != ":memory:" and not watched:
            self._over = threading.Event()
            self._thread = threading.Thread(
                target=self._look_on, args=(self._over,), name="lipsync-ledger-watch", daemon=True
            )
            self._thread.start()

    def _look_on(self, over: threading.Event) -> None:
        """Look on until nobody waits; if the file cannot be read, those who wait still have their polls."""
        # It opens what is there: to create a file is the ledger's own business.
        file = f"{Path(self._path).as_uri()}?mode=rw"
        with suppress(sqlite3.Error):
            with self._lock:  # as for all that SQLite does: no fork comes in the middle of it
                db = sqlite3.connect(file, uri=True, isolation_level=None)
            try:
                seen = None
                while not over.wait(WATCH_EVERY):
                    with self._lock:
                        (version,) = db.execute("PRAGMA data_version").fetchone()
                        ended = self._ended(db) if version != seen else []
                    seen = version
                    self.ring(*ended)
            finally:
                with self._lock:
                    db.close()

    def _ended(self, db: sqlite3.Connection) -> list[str]:
        found = db.execute(
            "SELECT job_id FROM submission WHERE state IN ('completed', 'failed', 'stopped')"
            " AND job_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(self._rings)),),
        )
        return [job_id for (job_id,) in found]
