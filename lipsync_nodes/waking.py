"""Wakes whoever waits for a job as soon as the ledger hears of its end, from this process or from another of this host.

What is written through the same `Ledger` rings at once. For what other processes write, one thread looks at SQLite's
`data_version`, some microseconds each time, for as long as anybody waits.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["Bell"]

WATCH_EVERY: Final = 0.1

Ring = Callable[[], object]


class Bell:
    """Rings for jobs. Safe between threads; a ring is called from whichever thread heard of the end.

    Args:
        path: the ledger's file. ":memory:" is written by this process alone, and is not watched.

    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._rings: dict[str, list[Ring]] = {}
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

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
                self._rings[job_id].remove(ring)
                if not self._rings[job_id]:
                    del self._rings[job_id]
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
        """See to it that the file is watched; after a fork the thread is not there, although its object is."""
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
        with suppress(sqlite3.Error), closing(sqlite3.connect(file, uri=True, isolation_level=None)) as db:
            seen = None
            while not over.wait(WATCH_EVERY):
                (version,) = db.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    self.ring(*self._ended(db))

    def _ended(self, db: sqlite3.Connection) -> list[str]:
        with self._lock:
            waited_for = json.dumps(list(self._rings))
        found = db.execute(
            "SELECT job_id FROM submission WHERE state IN ('completed', 'failed', 'stopped')"
            " AND job_id IN (SELECT value FROM json_each(?))",
            (waited_for,),
        )
        return [job_id for (job_id,) in found]
