"""Writes of several threads in one transaction, because each commit waits for the disk.

The first thread that writes leads a batch: it waits for the database, and meanwhile other threads join. Then it does
all writes in one transaction. Each write has its own savepoint, so one that fails does not undo the others. A caller
gets its result after the commit.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any


class Write:
    """Some work in a transaction, and its result or error once it is done."""

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self._work = work
        self._result: Any = None
        self.error: Exception | None = None
        self.done = False

    def run(self, db: sqlite3.Connection) -> None:
        """Do the work. An error undoes this work only, unless it has ended the transaction."""
        db.execute("SAVEPOINT work")
        try:
            self._result, self.error = self._work(db), None
        except Exception as error:
            if not db.in_transaction:  # if the disk is full, for example
                raise
            db.execute("ROLLBACK TO work")
            self.error = error
        db.execute("RELEASE work")

    def result(self) -> Any:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return self._result


class _Batch:
    def __init__(self) -> None:
        self.writes: list[Write] = []
        self.over = threading.Event()


class Batches:
    """The batch that can still be joined. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: _Batch | None = None

    def do(self, write: Write, run: Callable[[Callable[[], list[Write]]], None]) -> None:
        """Do a write together with others. It is not done afterwards if the thread that led was interrupted.

        *run* is called by the thread that leads, with a function that closes the batch and returns its writes.
        """
        batch: _Batch | None = None
        leads = False
        try:
            with self._lock:
                leads = self._open is None
                self._open = batch = self._open or _Batch()
                batch.writes.append(write)
            if leads:
                run(lambda: self._closed(batch))
            else:
                batch.over.wait()
        except BaseException:  # Ctrl-C
            with self._lock:
                if batch is not None and batch is self._open:
                    batch.writes.remove(write)
            raise
        finally:
            if leads and batch is not None:
                self._closed(batch)
                batch.over.set()

    def _closed(self, batch: _Batch) -> list[Write]:
        """Let no more threads join a batch, and return its writes."""
        with self._lock:
            if self._open is batch:
                self._open = None
        return batch.writes
