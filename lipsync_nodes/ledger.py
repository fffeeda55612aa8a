"""The ledger: a journal of submissions, so that nothing is paid twice and nothing paid is lost.

    waiting ──→ submitting ──→ live ──→ completed      a row before the POST, the job id right after its answer
       ↑            │  │         └────→ failed
       └────────────┘  ├──→ refused                    surely no job: may be submitted anew
                       └──→ uncertain                  perhaps a job: never sent again unless a person says so

It is a SQLite file of this host (WAL is not for network folders), private to its user, and holds no API key. A process
that dies between POST and answer leaves a `submitting` row whose lease runs out: from then on it counts as uncertain.
One that dies while `waiting` has sent nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from lipsync_nodes.catalogue import spec_of
from lipsync_nodes.contract import Form, Job
from lipsync_nodes.errors import ConfigurationError, InvalidRequest, redact
from lipsync_nodes.events import (
    Accepted,
    Claim,
    Claimed,
    Event,
    Found,
    Gone,
    Hold,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Superseded,
    Unsure,
)
from lipsync_nodes.media import fingerprint
from lipsync_nodes.settings import Profile, user_folder

__all__ = ["Entry", "Ledger", "content_key", "ledger_file"]

SCHEMA: Final = """
CREATE TABLE submission (
    row INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    key TEXT,
    endpoint TEXT NOT NULL,
    form TEXT NOT NULL,
    state TEXT NOT NULL,
    lease_until REAL,
    created_at REAL NOT NULL,
    sent_at REAL,
    ended_at REAL,
    looked_at REAL,
    job_id TEXT,
    job TEXT,
    reason TEXT,
    credits INTEGER,
    seconds REAL,
    target TEXT,
    saved_to TEXT
);
CREATE UNIQUE INDEX one_of_a_key ON submission (account, key)
    WHERE key IS NOT NULL AND state IN ('waiting', 'submitting', 'uncertain', 'live', 'completed');
CREATE INDEX by_job ON submission (job_id);
CREATE INDEX by_state ON submission (account, state);
PRAGMA user_version = 1;
"""
VERSION: Final = 1
BUSY_SECONDS: Final = 30.0
# How long a claim stands while nothing is sent: it is renewed with every pause.
WAITING_LEASE: Final = 5.0
LEASE_MARGIN: Final = 2.0
LONGEST_LEASE: Final = 3600.0
PAUSE: Final = 0.2
LOOK_EVERY: Final = 5.0
MINUTE: Final = 60.0
# A live job that nobody has heard of for so long holds no place among the concurrent ones.
FORGOTTEN_SECONDS: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission as the ledger knows it. Times are seconds since 1970."""

    row: int
    account: str
    key: str | None
    endpoint: str
    form: str
    state: str
    lease_until: float | None
    created_at: float
    sent_at: float | None
    ended_at: float | None
    looked_at: float | None
    job_id: str | None
    job: str | None
    reason: str | None
    credits: int | None
    seconds: float | None
    target: str | None
    saved_to: str | None

    @property
    def as_job(self) -> Job | None:
        """The job as it was last seen; None where there is none yet."""
        return Job.model_validate_json(self.job) if self.job else None


class Ledger:
    """A journal in a file, shared by threads, tasks and processes of this host.

    Args:
        path: the file; by default `LIPSYNC_LEDGER`, or one in the user's state folder. ":memory:" is for one process.
        clock: gives the wall clock, in seconds since 1970.

    """

    def __init__(self, path: str | Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self.path = str(path if path is not None else ledger_file())
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def __repr__(self) -> str:
        return f"Ledger({self.path!r})"

    def record(self, event: Event, profile: Profile) -> object:
        """Write an event down and answer it; see `lipsync_nodes.events`."""
        account = profile.account
        with self._transaction() as db:
            match event:
                case Claim(submission):
                    return self._claim(db, submission, account)
                case Sending(row, lease):
                    return self._sending(db, row, lease, profile)
                case Paused(row, seconds):
                    self._owned(db, row, "waiting", seconds + WAITING_LEASE)
                case Accepted(row, job):
                    self._revive(db, row, state="live", job_id=job.id, job=_text(job))
                    self._seen(db, job, account)
                case Refused(row, reason):
                    self._update(db, row, state="refused", ended_at=self._clock(), reason=redact(reason))
                case Unsure(row, reason):
                    self._revive(db, row, state="uncertain", reason=redact(reason))
                case Seen(job):
                    self._seen(db, job, account)
                case Gone(job_id):
                    self._gone(db, job_id, account)
        return None

    def entries(self, *states: str) -> list[Entry]:
        """Return what is known, oldest first; only rows in *states* if any are named."""
        marks = ", ".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        with self._transaction("DEFERRED") as db:
            return [Entry(*row) for row in db.execute(f"SELECT * FROM submission {where} ORDER BY row", states)]  # noqa: S608

    def entry_of(self, job_id: str) -> Entry | None:
        """Return the submission that made a job."""
        with self._transaction("DEFERRED") as db:
            row = db.execute("SELECT * FROM submission WHERE job_id = ? ORDER BY row DESC", (job_id,)).fetchone()
        return Entry(*row) if row else None

    def saved(self, job_id: str, path: Path) -> None:
        """Remember where a job's video was saved."""
        with self._transaction() as db:
            db.execute("UPDATE submission SET saved_to = ? WHERE job_id = ?", (str(path.absolute()), job_id))

    def usual_seconds(self, endpoint: str) -> float | None:
        """Return how long the service usually works on a job of this endpoint, in seconds; None if nothing is known."""
        with self._transaction("DEFERRED") as db:
            jobs = db.execute(
                "SELECT job FROM submission WHERE endpoint = ? AND state = 'completed' ORDER BY row DESC LIMIT 20",
                (endpoint,),
            ).fetchall()
        known = [ms / 1000 for (job,) in jobs if (ms := Job.model_validate_json(job).execution_time_ms)]
        return statistics.median(known) if known else None

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Claims and admission, each within one transaction.

    def _claim(self, db: sqlite3.Connection, wanted: Submission, account: str) -> Claimed | Found | Hold | Unsure:
        now = self._clock()
        row = db.execute(
            "SELECT * FROM submission WHERE account = ? AND key = ?"
            " AND state IN ('waiting', 'submitting', 'uncertain', 'live', 'completed')",
            (account, wanted.key),
        ).fetchone()
        if row is None:
            return Claimed(self._insert(db, wanted, account, now))
        found = Entry(*row)
        if found.endpoint != wanted.endpoint:
            raise InvalidRequest(
                f"The key {wanted.key!r} stands for a {found.endpoint} job already.",
                hint="Nothing was sent. Use another.",
            )
        if (job := found.as_job) is not None:
            return Found(job)
        # A lease of hours is none: the clock was set back.
        if found.state != "uncertain" and now < (found.lease_until or 0) < now + LONGEST_LEASE:
            return Hold(PAUSE)
        if found.state == "waiting":
            return self._take_over(db, found, wanted, "it was given up before it was sent")
        reason = found.reason or "the process that submitted it ended before an answer came"
        if not wanted.resubmit_uncertain:
            self._update(db, found.row, state="uncertain", reason=reason)
            return Unsure(found.row, reason, found.sent_at or found.created_at)
        return self._take_over(db, found, wanted, f"{reason}; submitted anew on request")

    def _take_over(self, db: sqlite3.Connection, found: Entry, wanted: Submission, reason: str) -> Claimed:
        """Give the key to a new row. The old one keeps its own story: its owner may yet be alive and tell its end."""
        now = self._clock()
        self._update(db, found.row, state="refused", ended_at=now, reason=reason)
        return Claimed(self._insert(db, wanted, found.account, now))

    def _insert(self, db: sqlite3.Connection, wanted: Submission, account: str, now: float) -> int:
        values = {
            "account": account,
            "key": wanted.key,
            "endpoint": wanted.endpoint,
            "form": redact(json.dumps(wanted.form_state, ensure_ascii=False)),
            "state": "waiting",
            "lease_until": now + WAITING_LEASE,
            "created_at": now,
            "credits": wanted.credits,
            "seconds": wanted.seconds,
            "target": wanted.target,
        }
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        cursor = db.execute(f"INSERT INTO submission ({names}) VALUES ({marks})", values)  # noqa: S608
        return int(cursor.lastrowid or 0)

    def _sending(self, db: sqlite3.Connection, row: int, lease: float, profile: Profile) -> Hold | Superseded | None:
        now = self._clock()
        hold = self._pace(db, row, profile, now)
        if hold is not None:
            owned = self._owned(db, row, "waiting", hold.seconds + WAITING_LEASE)
        else:
            owned = self._owned(db, row, "submitting", lease + LEASE_MARGIN)
            self._update(db, row, sent_at=now)
        return hold if owned else Superseded()

    def _owned(self, db: sqlite3.Connection, row: int, state: str, lease: float) -> bool:
        """Renew the claim on a row; False if it ran out and the key went to somebody else."""
        renewed = db.execute(
            "UPDATE submission SET state = ?, lease_until = ? WHERE row = ? AND state IN ('waiting', 'submitting')",
            (state, self._clock() + lease, row),
        )
        return renewed.rowcount == 1

    def _pace(self, db: sqlite3.Connection, row: int, profile: Profile, now: float) -> Hold | None:
        """Say whether this submit would be faster, or one more at a time, than the profile allows."""
        account = profile.account
        if profile.submits_per_minute is not None:
            sent = db.execute(
                "SELECT sent_at FROM submission WHERE account = ? AND sent_at > ? AND sent_at <= ? AND row <> ?"
                " ORDER BY sent_at DESC",
                (account, now - MINUTE, now, row),
            ).fetchall()
            if len(sent) >= profile.submits_per_minute:
                return Hold(max(PAUSE, sent[profile.submits_per_minute - 1][0] + MINUTE - now))
        if profile.max_concurrency is not None:
            live = db.execute(
                "SELECT row, job_id, looked_at FROM submission WHERE account = ? AND row <> ?"
                " AND (state = 'live' AND created_at > ? OR state = 'submitting' AND lease_until > ?)"
                " ORDER BY looked_at, row",
                (account, row, now - FORGOTTEN_SECONDS, now),
            ).fetchall()
            if len(live) >= profile.max_concurrency:
                return Hold(PAUSE * 5, look_at=self._due_for_a_look(db, live, now))
        return None

    def _due_for_a_look(self, db: sqlite3.Connection, live: list[Any], now: float) -> str | None:
        """Choose the live job that was not looked at for longest: one waiter looks, however many there are."""
        for row, job_id, looked_at in live:
            if job_id is not None and not now - LOOK_EVERY < (looked_at or 0) <= now:
                self._update(db, row, looked_at=now)
                return str(job_id)
        return None

    def _seen(self, db: sqlite3.Connection, job: Job, account: str) -> None:
        """Keep the end of a job. How it ended never changes; the URL of its video may."""
        if job.finished:
            db.execute(
                "UPDATE submission SET state = ?, job = ?, ended_at = ?"
                " WHERE job_id = ? AND account = ? AND state IN ('live', 'uncertain', ?)",
                (job.status.value, _text(job), self._clock(), job.id, account, job.status.value),
            )

    def _gone(self, db: sqlite3.Connection, job_id: str, account: str) -> None:
        """Free the job's key, but not silently: it was paid for."""
        db.execute(
            "UPDATE submission SET state = 'uncertain', job = NULL, reason = ?"
            " WHERE job_id = ? AND account = ? AND state = 'live'",
            (f"the service knows no job {job_id}", job_id, account),
        )

    def _revive(self, db: sqlite3.Connection, row: int, **values: Any) -> None:
        """Write down what became of a row; one whose key went to another row meanwhile has to do without."""
        db.execute("UPDATE submission SET key = NULL WHERE row = ? AND state = 'refused'", (row,))
        self._update(db, row, **values)

    @staticmethod
    def _update(db: sqlite3.Connection, row: int, **values: Any) -> None:
        setting = ", ".join(f"{name} = :{name}" for name in values)
        db.execute(f"UPDATE submission SET {setting} WHERE row = :row", {**values, "row": row})  # noqa: S608

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Open a transaction: IMMEDIATE to write, alone on this host; DEFERRED to read, beside whoever writes."""
        try:
            with self._lock:
                db = self._open()
                db.execute(f"BEGIN {kind}")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(
                f"The ledger {self.path} cannot be used: {error}.",
                hint="It guards against paying twice, so nothing is submitted without it. Free the file or its disk, "
                "or name another with LIPSYNC_LEDGER.",
            ) from error

    def _open(self) -> sqlite3.Connection:
        """Return the connection of this process: one is never taken across a fork."""
        if self._connection is None or self._process != os.getpid():
            if self.path != ":memory:":
                _make_private(Path(self.path))
            db = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            _migrate(db)
            self._connection, self._process = db, os.getpid()
        return self._connection


def _make_private(path: Path) -> None:
    """Create the file for its user alone before SQLite opens it (and gives its side files the same mode)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    if os.name == "posix":
        path.chmod(0o600)


def _migrate(db: sqlite3.Connection) -> None:
    """Bring the tables to this version; one process does it, the others find it done."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.DatabaseError(f"it was written by a newer lipsync-nodes (version {version})")
    if version < VERSION:
        db.execute("BEGIN EXCLUSIVE")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version < VERSION:
            for statement in SCHEMA.split(";\n"):
                db.execute(statement)
        db.execute("COMMIT")


def ledger_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the ledger is: `LIPSYNC_LEDGER`, or `ledger.sqlite` in the user's state folder."""
    if named := environ.get("LIPSYNC_LEDGER"):
        return Path(named)
    return user_folder(environ, xdg="XDG_STATE_HOME", fallback=".local/state") / "ledger.sqlite"


def content_key(form: Form, profile: Profile) -> str:
    """Return the submission key that says "same inputs, same account"; a local file counts by its content."""
    content = [spec_of(form).id, profile.account, fingerprint(form)]
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _text(job: Job) -> str:
    return redact(job.model_dump_json(by_alias=True))
