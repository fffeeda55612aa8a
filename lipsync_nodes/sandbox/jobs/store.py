"""The jobs on disk. A restart loses none of them, and the same seed gives the same job ids."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from lipsync_nodes.errors import ConfigurationError

__all__ = ["API_PATH", "JobStore", "StoredJob"]

API_PATH: Final = "/api/v1"
"""The path of the API below the sandbox's URL."""

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    open INTEGER NOT NULL, -- it has not ended, or its webhook has not been delivered
    row TEXT NOT NULL
)
"""


@dataclass(slots=True)
class StoredJob:
    """Everything that the sandbox knows about one job. `api_object` is what the API shows.

    Attributes:
        form: the formState as it was received, unknown fields included.
        base: the URL at which the client reached the sandbox, without a path.
        cause: the `code`, `facts` and `remedy` of `error`; empty if it is the sentence of a fault rule.
        output: the video's file name in the outputs folder; empty if there is none.
        doubt: why `credits` may be too high; empty if the estimate is exact.
        picture: the facts of the video: its size, length, frame rate, lip sync, and a warning.
        created, started, ended: when, by the sandbox's clock.
        quirks: what the fault rules for jobs do to it; decided when it was submitted.
        delivery: the state of its webhook.

    """

    endpoint: str
    form: dict[str, Any]
    base: str
    webhook: str | None = None
    id: str = ""
    status: str = "processing"
    error: str = ""
    cause: dict[str, Any] = field(default_factory=dict)  # older rows have none
    output: str = ""
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    polls: int = 0
    lengths: dict[str, float] = field(default_factory=dict)
    credits: int | None = None
    doubt: str = ""
    picture: dict[str, Any] = field(default_factory=dict)
    quirks: dict[str, Any] = field(default_factory=dict)
    delivery: dict[str, Any] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether there is something left to do, even after a restart."""
        return self.status == "processing" or self.delivery.get("state") == "pending"

    @property
    def path(self) -> str:
        """The path that it was submitted to, which fault rules compare with theirs."""
        return f"{API_PATH}/{self.endpoint}"

    def milliseconds(self, now: float) -> int:
        """Return how long the sandbox has been processing it."""
        return max(0, int(1000 * ((self.ended or now) - self.started))) if self.started else 0

    def api_object(self, base: str, now: float, *, polls: int | None = None) -> dict[str, Any]:
        """Return the API's job object at the time *now*. *polls* is the number of earlier polls, None in a webhook."""
        shown = self._object(base, polls)
        return shown | {"executionTime": self.milliseconds(now), "timings": None}

    def _object(self, base: str, polls: int | None) -> dict[str, Any]:
        done = self.status != "processing"
        other = self.quirks.get("job_status")
        if other and polls is not None and polls < other["polls"]:
            return {"id": self.id, "model": "lipsync", "status": other["status"], "output": None, "error": ""}
        output = f"{base}/outputs/{self.id}.mp4" if self.output and not self.quirks.get("no_output") else None
        model = self.endpoint if done else "lipsync"
        return {"id": self.id, "model": model, "status": self.status, "output": output, "error": self.error}


_NAMES: Final = tuple(field.name for field in fields(StoredJob))


class JobStore:
    """The table of jobs. Thread-safe, for one process at a time.

    Args:
        file: the SQLite database; it is created if it does not exist.
        seed: gives the same job ids in the same order; None for random ones.

    """

    def __init__(self, file: Path, seed: int | None = None) -> None:
        self._seed = seed
        self._lock = threading.RLock()
        try:
            self._database = _open(file)
        except sqlite3.Error as error:
            raise ConfigurationError(
                code="sandbox.folder_unusable",
                folder=file.parent,
                reason=error,
                file=file.name,
                remedy="is_it_shared",
            ) from None
        self._close = weakref.finalize(self, self._database.close)  # for a sandbox that is forgotten instead of closed
        self._close.atexit = False
        # In memory, because an index of random ids would double the cost of an insert.
        self._numbers: dict[str, int] = dict(self._database.execute("SELECT id, n FROM jobs ORDER BY n"))

    def close(self) -> None:
        """Close the database. The jobs stay in it."""
        with self._lock:
            self._close()

    def add(self, job: StoredJob) -> StoredJob:
        """Give the job its id and store it."""
        with self._lock:
            n = next(reversed(self._numbers.values()), 0) + 1
            job.id = self._id(n)
            self._database.execute("INSERT INTO jobs VALUES (?, ?, ?, ?)", (n, job.id, job.open, _dump(job)))
            self._numbers[job.id] = n
        return job

    def get(self, job_id: str) -> StoredJob | None:
        """Return the job with this id, or None."""
        with self._lock:
            number = self._numbers.get(job_id)
            found = self._database.execute("SELECT row FROM jobs WHERE n = ?", (number,)).fetchone()
        return _load(found[0]) if found else None

    def change(self, job_id: str, **changes: Any) -> StoredJob | None:
        """Set attributes of a job and return it; None if the job is no longer in the store."""
        with self._lock:
            job = self.get(job_id)
            if job is None:
                return None
            job = replace(job, **changes)
            changed = (job.open, _dump(job), self._numbers[job_id])
            self._database.execute("UPDATE jobs SET open = ?, row = ? WHERE n = ?", changed)
        return job

    def count_poll(self, job_id: str) -> StoredJob | None:
        """Return the job and count the poll. The `polls` of the returned job is the number of earlier polls."""
        with self._lock:
            job = self.get(job_id)
            if job and job.quirks.get("job_status"):
                self.change(job_id, polls=job.polls + 1)
        return job

    def newest(self, limit: int = 200) -> list[StoredJob]:
        """Return the latest jobs, newest first."""
        return list(self._select("ORDER BY n DESC LIMIT ?", limit))

    def unfinished(self) -> list[StoredJob]:
        """Return the jobs with something left to do, oldest first."""
        return list(self._select("WHERE open ORDER BY n LIMIT ?", -1))

    def restore(self, jobs: Iterable[StoredJob]) -> None:
        """Replace all jobs with those of an exported state, which have their ids."""
        rows = [(n, job.id, job.open, _dump(job)) for n, job in enumerate(jobs, 1)]
        with self._lock:
            self.clear()
            self._database.executemany("INSERT INTO jobs VALUES (?, ?, ?, ?)", rows)
            self._numbers = {job_id: n for n, job_id, *_ in rows}

    def latest_moment(self) -> float:
        """Return the latest time that a job has; 0 without jobs."""
        times = ((job.created, job.ended or 0.0) for job in self.newest())
        return max((max(pair) for pair in times), default=0.0)

    def clear(self) -> None:
        """Delete all jobs."""
        with self._lock:
            self._database.execute("DELETE FROM jobs")
            self._numbers = {}

    def _select(self, which: str, limit: int) -> Iterator[StoredJob]:
        with self._lock:
            found = self._database.execute(f"SELECT row FROM jobs {which}", (limit,)).fetchall()  # noqa: S608  # constants
        return (_load(text) for (text,) in found)

    def _id(self, n: int) -> str:
        if self._seed is None:
            return str(uuid.uuid4())
        bits = random.Random(f"{self._seed}:{n}").getrandbits(128)  # noqa: S311  # ids, not secrets
        return str(uuid.UUID(int=bits, version=4))


def _open(file: Path) -> sqlite3.Connection:
    """Open the database for this process alone."""
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=0.5)
    try:
        # The exclusive lock keeps a second sandbox out of this folder. It ends with the process.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
            database.execute(f"PRAGMA {pragma}")
        database.execute(_TABLE)
        database.execute("SELECT n, id, open, row FROM jobs LIMIT 0")  # another program's may have others
    except BaseException:
        database.close()
        raise
    return database


def _dump(job: StoredJob) -> str:
    return json.dumps({name: getattr(job, name) for name in _NAMES})  # `asdict` copies deeply, ten times as slowly


def _load(text: str) -> StoredJob:
    data: Mapping[str, Any] = json.loads(text)
    return StoredJob(**data)
