"""The sandbox's jobs on disk: a restart loses none, and the same seed gives the same ids."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lipsync_nodes.errors import ConfigurationError

__all__ = ["JobStore", "Row"]

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    open INTEGER NOT NULL, -- it has not ended yet, or its webhook is not delivered yet
    row TEXT NOT NULL
)
"""


@dataclass(slots=True)
class Row:
    """All that the sandbox knows of one job; the contract's part of it is `wire`.

    Attributes:
        form: the formState as it came, unknown fields too.
        base: the URL that the client reached the sandbox by, without a path.
        output: the video's file name in the outputs folder; empty if there is none.
        quirks: what the fault rules said when it was submitted.
        delivery: how its webhook fared.

    """

    endpoint: str
    form: dict[str, Any]
    base: str
    webhook: str | None = None
    id: str = ""
    status: str = "processing"
    error: str = ""
    output: str = ""
    created: float = field(default_factory=time.time)
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
        """Whether something is left to do for it after a restart."""
        return self.status == "processing" or self.delivery.get("state") == "pending"

    @property
    def milliseconds(self) -> int:
        """How long the sandbox has worked on it."""
        return int(1000 * ((self.ended or time.time()) - self.started)) if self.started else 0

    def wire(self, base: str, *, polls: int | None = None) -> dict[str, Any]:
        """Return the contract's job object; *polls* is how often it was asked for before, None in a webhook."""
        done = self.status != "processing"
        unknown = self.quirks.get("job_status")
        if unknown and polls is not None and polls < unknown["polls"]:
            return self._shown(unknown["status"], "lipsync", None)
        output = f"{base}/outputs/{self.id}.mp4" if self.output and not self.quirks.get("no_output") else None
        return self._shown(self.status, self.endpoint if done else "lipsync", output, self.error)

    def _shown(self, status: str, model: str, output: str | None, error: str = "") -> dict[str, Any]:
        return {
            "id": self.id,
            "model": model,
            "status": status,
            "output": output,
            "error": error,
            "executionTime": max(0, self.milliseconds),
            "timings": None,
        }


class JobStore:
    """The table of jobs. Safe between threads; one process at a time.

    Args:
        file: the database, made if it is not there.
        seed: gives the same ids in the same order; None for random ones.

    """

    def __init__(self, file: Path, seed: int | None = None) -> None:
        self._seed = seed
        self._lock = threading.RLock()
        try:
            self._base = _opened(file)
        except sqlite3.Error as error:
            raise ConfigurationError(
                f"The folder {file.parent} cannot be used: {error}.",
                hint=f"Is another sandbox running in it, or is {file.name} no file of a sandbox?",
            ) from None

    def close(self) -> None:
        """Close the database; the rows stay."""
        with self._lock:
            self._base.close()

    def add(self, row: Row) -> Row:
        """Give the row its id and keep it."""
        with self._lock:
            (n,) = self._base.execute("SELECT coalesce(max(n), 0) + 1 FROM jobs").fetchone()
            row.id = self._id(n)
            self._base.execute("INSERT INTO jobs VALUES (?, ?, ?, ?)", (n, row.id, row.open, _dump(row)))
        return row

    def get(self, job_id: str) -> Row | None:
        """Return the job of this id, or None."""
        with self._lock:
            found = self._base.execute("SELECT row FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return _load(found[0]) if found else None

    def change(self, job_id: str, **changes: Any) -> Row | None:
        """Set some attributes of a job and return it; None if it was forgotten meanwhile."""
        with self._lock:
            row = self.get(job_id)
            if row is None:
                return None
            for name, value in changes.items():
                setattr(row, name, value)
            self._base.execute("UPDATE jobs SET open = ?, row = ? WHERE id = ?", (row.open, _dump(row), job_id))
        return row

    def count_poll(self, job_id: str) -> Row | None:
        """Return the job and note that it was asked for; its `polls` says how often before."""
        with self._lock:
            row = self.get(job_id)
            if row and row.quirks.get("job_status"):
                self.change(job_id, polls=row.polls + 1)
        return row

    def newest(self, limit: int = 200) -> list[Row]:
        """Return the latest jobs, the newest first."""
        return list(self._rows("ORDER BY n DESC LIMIT ?", limit))

    def unfinished(self) -> list[Row]:
        """Return the jobs with something left to do, the oldest first."""
        return list(self._rows("WHERE open ORDER BY n LIMIT ?", -1))

    def clear(self) -> None:
        """Forget all jobs."""
        with self._lock:
            self._base.execute("DELETE FROM jobs")

    def _rows(self, which: str, limit: int) -> Iterator[Row]:
        with self._lock:
            found = self._base.execute(f"SELECT row FROM jobs {which}", (limit,)).fetchall()  # noqa: S608  # constants
        return (_load(text) for (text,) in found)

    def _id(self, n: int) -> str:
        if self._seed is None:
            return str(uuid.uuid4())
        bits = random.Random(f"{self._seed}:{n}").getrandbits(128)  # noqa: S311  # ids, not secrets
        return str(uuid.UUID(int=bits, version=4))


def _opened(file: Path) -> sqlite3.Connection:
    """Open the database for this process alone; nothing is left open if that fails."""
    base = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=0.5)
    try:
        # The exclusive lock keeps a second sandbox out of the same folder, and goes with the process.
        for order in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
            base.execute(f"PRAGMA {order}")
        base.execute(_TABLE)
    except BaseException:
        base.close()
        raise
    return base


def _dump(row: Row) -> str:
    return json.dumps(asdict(row))


def _load(text: str) -> Row:
    data: Mapping[str, Any] = json.loads(text)
    return Row(**data)
