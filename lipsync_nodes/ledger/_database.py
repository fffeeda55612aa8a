"""The SQLite file of the ledger: opened once in each process, private to its user, and watched for being replaced."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self, TypeVar

from lipsync_nodes._shared import Shared
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.ledger._batches import Batches, Write
from lipsync_nodes.ledger._schema import _migrate

BUSY_SECONDS: Final = 30.0
MEMORY: Final = ":memory:"

T = TypeVar("T")
_Inode = tuple[int, int] | None
# Connections of the parent process. According to SQLite, a child must not even close them.
_FORKED: Final[list[sqlite3.Connection]] = []


class Database(Shared):
    """A SQLite file that threads, tasks and processes of this host share."""

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = MEMORY if str(path) == MEMORY else str(Path(path).expanduser().absolute())
        self._connection: sqlite3.Connection | None = None
        self._close: weakref.finalize[[], Database] | None = None
        self._batches = Batches()
        self._files: tuple[_Inode, ...] = ()

    def _renew(self) -> None:
        super()._renew()
        if self._connection is not None:
            _FORKED.append(self._connection)
        if self._close is not None:
            self._close.detach()
        self._connection, self._close, self._batches = None, None, Batches()

    def close(self) -> None:
        """Close the file. It is opened again when it is needed."""
        with self._lock:
            if self._close is not None:
                self._close()
            self._connection, self._close, self._files = None, None, ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Open a transaction: IMMEDIATE to write, one at a time; DEFERRED to read, also while another one writes."""
        with self._usable(), self._lock:
            db = self._open()
            try:
                db.execute(f"BEGIN {kind}")
                yield db
                db.execute("COMMIT")
            except BaseException:  # Ctrl-C may come right after BEGIN
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _written(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work in a transaction, and return its result after the commit; see `_batches`."""
        write = Write(work)
        with self._usable():
            while not write.done:
                self._batches.do(write, self._write)
            result: T = write.result()
            return result

    def _write(self, closed: Callable[[], list[Write]]) -> None:
        """Do a batch in one transaction. If that fails, it is the error of each write."""
        with self._lock:
            writes, begun = closed(), False
            try:
                db = self._open()
                db.execute("BEGIN IMMEDIATE")
                begun = True
                for write in writes:
                    write.run(db)
                db.execute("COMMIT")
            except BaseException as error:
                undone = self._undone() or not begun
                if not isinstance(error, Exception):  # Ctrl-C; the other threads write again
                    for write in writes:
                        write.done = not undone
                    raise
                for write in writes:
                    write.error = error
            for write in writes:
                write.done = True

    def _undone(self) -> bool:
        """Undo the transaction, if there is one, and return whether there was."""
        if self._connection is None or not self._connection.in_transaction:
            return False
        self._connection.execute("ROLLBACK")
        return True

    @property
    def _is_blank(self) -> bool:
        """Whether it is in memory and was never written to. Opening it would take 0.4 MB, for each wait of a host."""
        return self.path == MEMORY and self._connection is None

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn an error of SQLite or of the file into one of ours."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            busy = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            raise ConfigurationError(
                code="ledger.unusable", path=self.path, reason=error, remedy="free_ledger", retryable=busy
            ) from error

    def _open(self) -> sqlite3.Connection:
        """Return the connection of this process."""
        if self._connection is None:
            if self.path != MEMORY:
                _make_private(Path(os.path.realpath(self.path)))
            # After a fork, the child must use the file that the parent had open.
            opened = self._files[0] if self._files else _files(self.path)[0]
            db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            # One damaged text must not hide all other rows.
            db.text_factory = lambda text: text.decode("utf-8", "replace")
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                _migrate(db, self.path)
            except BaseException:
                db.close()
                raise
            self._connection = db
            # For a client that is forgotten instead of closed. `__del__` may come after the connection's own finalizer.
            self._close = weakref.finalize(self, db.close)
            self._close.atexit = False
            # SQLite creates the side files when it first reads, and keeps them while the file is open.
            self._files = (opened, *_files(self.path)[1:])
        return self._connection

    def _check_files(self) -> None:
        """Refuse to submit if the open file was deleted or replaced: other processes would not see it."""
        found = _files(self.path)
        if any(inode not in {None, now} for inode, now in zip(self._files, found, strict=True)):
            raise ConfigurationError(code="ledger.replaced", path=self.path, remedy="put_ledger_back")


def _make_private(path: Path) -> None:
    """Create the file with mode 600 before SQLite opens it. SQLite gives its side files the same mode.

    An existing file is not opened here, because closing it would drop the locks that SQLite has on it in this process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if os.name == "posix":
        path.chmod(0o600)


def _files(path: str) -> tuple[_Inode, ...]:
    """Return the inodes of the file and its side files. Another inode under the same name is another file."""
    real = os.path.realpath(path)
    return tuple(_inode(f"{real}{side}") for side in ("", "-wal", "-shm"))


def _inode(path: str) -> _Inode:
    try:
        found = os.stat(path)  # noqa: PTH116  # some microseconds faster, before each submission
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
