"""The ledger: it records submissions, so that no job is paid for twice and no paid job is lost.

It is a SQLite file on a local disk (WAL does not work on network folders). It is private to its user and contains no
API key. `_rules` decides what is recorded, and who may submit when.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import starmap
from pathlib import Path
from typing import Any, Final

from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.flows import Budget, Claim, Event, Sending, WebhookReceived
from lipsync_nodes.ledger._database import MEMORY
from lipsync_nodes.ledger._entry import KEEPS_KEY, UNSAVED, Entry, job_kept
from lipsync_nodes.ledger._keys import spellings
from lipsync_nodes.ledger._rows import IN_ACCOUNTS, IN_KEYS, listed
from lipsync_nodes.ledger._targets import belongs_to, own_names
from lipsync_nodes.ledger._tokens import new_secret
from lipsync_nodes.ledger._waits import WaitReads
from lipsync_nodes.ledger._webhook_rules import WebhookRules
from lipsync_nodes.service import Job
from lipsync_nodes.settings import EMBEDDED_ACCOUNT, Profile, named_path, user_folder, variable

# A webhook that could not be handled for this long is given up. The job's output has expired by then.
PENDING_SECONDS: Final = 7 * 86400.0
# How many submissions `each` reads at a time.
PAGE: Final = 500
# The names of the accounts. SQLite would read all rows for SELECT DISTINCT.
ACCOUNTS: Final = """
WITH RECURSIVE one (name) AS (
    SELECT min(account) FROM submission
    UNION ALL SELECT (SELECT min(account) FROM submission WHERE account > name) FROM one WHERE name IS NOT NULL
) SELECT name FROM one WHERE name IS NOT NULL
"""
OF_THIS_PROCESS: Final = frozenset({"_lock", "_new_lock", "_connection", "_batches", "_files", "_secret"})


class Ledger(WaitReads):
    """The record of submissions, in a file that threads, tasks and processes of this host share.

    Args:
        path: the file. Default: `LIPSYNC_LEDGER`, or a file in the user's state folder. ":memory:" is for one process.
        clock: returns the current time, in seconds since 1970.

    """

    def __init__(self, path: str | Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(ledger_file() if path is None else path)
        self._clock = clock
        self._secret = ""

    def __repr__(self) -> str:
        # Tracebacks also show an object whose __init__ failed.
        return f"Ledger({self.path!r})" if "path" in vars(self) else "<Ledger>"

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to open the same file."""
        if self.path == MEMORY:
            raise ConfigurationError(code="ledger.in_memory", remedy="give_ledger_a_file")
        return {name: value for name, value in vars(self).items() if name not in OF_THIS_PROCESS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Ledger.__init__(self, state["path"], clock=state["_clock"])
        vars(self).update(state)

    def record(self, event: Event, profile: Profile) -> object:
        """Record an event and return the answer; see `flows._events`."""

        def enter(db: sqlite3.Connection) -> object:
            if isinstance(
                event, Claim | Sending | WebhookReceived
            ):  # a submission follows, which all processes must see
                self._check_files()
            return WebhookRules(db, profile, self._clock()).enter(event)

        return self._written(enter)

    def entries(self, *states: str) -> list[Entry]:
        """Return all submissions, oldest first; only those in *states*, if any are given. See also `each`."""
        marks = ", ".join("?" * len(states))
        where = f"WHERE state IN ({marks})" if states else ""
        with self._transaction("DEFERRED") as db:
            return [Entry(*row) for row in db.execute(f"SELECT * FROM submission {where} ORDER BY row", states)]  # noqa: S608

    def each(self, profile: Profile) -> Iterator[Entry]:
        """Yield all submissions of an account, oldest first. Only some are in memory at a time."""
        rows: list[Any] = [(0,)]
        while rows:
            with self._transaction("DEFERRED") as db:
                rows = db.execute(
                    "SELECT * FROM submission WHERE row > ? ORDER BY row LIMIT ?", (rows[-1][0], PAGE)
                ).fetchall()
            yield from (entry for entry in starmap(Entry, rows) if profile.owns(entry.account))

    def left_of(self, budget: Budget, profile: Profile, tags: Mapping[str, str]) -> int:
        """Return what is left of a budget for an account's submissions with these tags, whichever process sent them."""
        sent = (entry for entry in self.each(profile) if entry.state not in {"waiting", "refused"})
        return budget.left_after(sum(entry.credits or 0 for entry in sent if entry.tags.items() >= tags.items()))

    def latest(self, profile: Profile, count: int) -> list[Entry]:
        """Return the latest submissions of an account, oldest first."""
        latest = "SELECT * FROM submission WHERE account = ? ORDER BY row DESC LIMIT ?"
        with self._transaction("DEFERRED") as db:
            rows = [row for account in _owned(db, profile) for row in db.execute(latest, (account, count))]
        return [Entry(*row) for row in sorted(rows)[-count:]]

    def unfinished(self, profile: Profile) -> list[Entry]:
        """Return the submissions of an account that may still run, or whose video was not saved to its file.

        A missing job that was replaced by another is not among them.
        """
        with self._transaction("DEFERRED") as db:
            accounts = listed(_owned(db, profile))
            rows = db.execute(
                f"SELECT * FROM submission WHERE {IN_ACCOUNTS} AND state IN ('live', 'missing') AND ended_at IS NULL"  # noqa: S608
                " UNION ALL SELECT * FROM submission INDEXED BY by_target"
                f" WHERE {UNSAVED} AND state = 'completed' AND {IN_ACCOUNTS} ORDER BY row",
                (accounts, accounts),
            )
            return [Entry(*row) for row in rows]

    def unsettled(self, profile: Profile) -> list[Entry]:
        """Return the submissions of an account whose outcome is unknown, and which are not being sent right now."""
        with self._transaction("DEFERRED") as db:
            rows = db.execute(
                f"SELECT * FROM submission INDEXED BY by_state WHERE {IN_ACCOUNTS}"  # noqa: S608
                " AND state IN ('uncertain', 'submitting') AND (state = 'uncertain' OR coalesce(lease_until, 0) <= ?)"
                " ORDER BY row",
                (listed(_owned(db, profile)), self._clock()),
            )
            return [Entry(*row) for row in rows]

    def without_video(self) -> int:
        """Return a number that grows with each submission of which it becomes known that it has no video."""
        with self._transaction("DEFERRED") as db:
            (times,) = db.execute("SELECT times FROM without_video").fetchone()
        return int(times)

    def entry_of(self, job_id: str) -> Entry | None:
        """Return the submission of a job."""
        if self._is_blank:
            return None
        with self._transaction("DEFERRED") as db:
            return _latest_of(db, job_id)

    def knows(self, job_id: str) -> bool:
        """Return whether a job was submitted with this ledger."""
        return self.entry_of(job_id) is not None

    def holds(self, key: str, profile: Profile) -> bool:
        """Return whether a submission has this key: the next one with it is not paid for, or its outcome is unknown."""
        if self._is_blank:
            return False
        with self._transaction("DEFERRED") as db:
            return bool(
                db.execute(
                    f"SELECT 1 FROM submission WHERE {IN_ACCOUNTS} AND {IN_KEYS} AND {KEEPS_KEY}"  # noqa: S608
                    " AND state <> 'waiting' LIMIT 1",
                    (listed(profile.accounts), listed(spellings(key))),
                ).fetchone()
            )

    def entry(self, row: int | None) -> Entry | None:
        """Return the submission in a row."""
        with self._transaction("DEFERRED") as db:
            found = db.execute("SELECT * FROM submission WHERE row = ?", (row,)).fetchone()
        return Entry(*found) if found else None

    def ended(self, job_id: str) -> Job | None:
        """Return a job that has ended; None if its end is not known, or if an API key was masked in its URL."""
        return self.ended_of([job_id]).get(job_id)

    def pending_webhooks(self, profile: Profile, callback: str | None = None) -> list[Entry]:
        """Return the submissions with a webhook that is not handled yet, oldest first, or the one of *callback*."""
        with self._transaction("DEFERRED") as db:
            rows = db.execute(
                f"SELECT * FROM submission WHERE {IN_ACCOUNTS} AND webhook_at > ? AND handled_at IS NULL"  # noqa: S608
                f"{'' if callback is None else ' AND callback = ?'} ORDER BY webhook_at",
                (listed(profile.accounts), self._clock() - PENDING_SECONDS, *(() if callback is None else (callback,))),
            )
            return [Entry(*row) for row in rows]

    def secret(self) -> str:
        """Return the secret for webhook tokens. It is in the same file as the submissions that the tokens belong to."""
        if not self._secret:
            with self._transaction() as db:
                db.execute("INSERT INTO secret SELECT ? WHERE NOT EXISTS (SELECT * FROM secret)", (new_secret(),))
                (self._secret,) = db.execute("SELECT callbacks FROM secret").fetchone()
        return self._secret

    def saved(self, job_id: str, path: Path) -> None:
        """Record where a job's video was saved."""
        with self._transaction() as db:
            db.execute("UPDATE submission SET saved_to = ? WHERE job_id = ?", (os.path.realpath(path), job_id))

    def verified(self, job_id: str, verification: Mapping[str, Any]) -> None:
        """Record a verification of a job's video: JSON types, without NaN. It replaces the previous one.

        A job that is not in this ledger is ignored.
        """
        text = redact(json.dumps(dict(verification), allow_nan=False))
        if not self._is_blank:
            with self._transaction() as db:
                db.execute("UPDATE submission SET verification = ? WHERE job_id = ?", (text, job_id))

    def place(self, job_id: str, wanted: Path) -> Path:
        """Choose the file for a job's video and reserve it: *wanted*, or a name with the job id beside it.

        A file that has, or is reserved for, the video of another job is not chosen.
        """
        with self._transaction() as db:
            mine = _latest_of(db, job_id)
            for file in own_names(Path(os.path.realpath(wanted)), job_id):
                if mine and mine.is_saved_as(file):
                    return file
                if not belongs_to(file, mine, _aimed_at(db, file, wanted, job_id)):
                    db.execute("UPDATE submission SET target = ? WHERE job_id = ?", (str(file), job_id))
                    return file
        raise AssertionError  # there are infinitely many names

    def release(self, job_id: str, *, key: str | None = None) -> None:
        """Release a job's submission key, so that the next submission with it is a new job.

        The job can be kept under another *key*, unless that key belongs to another submission.
        """
        with self._transaction() as db:
            db.execute(
                "UPDATE submission SET key = :key WHERE job_id = :job_id AND NOT EXISTS"  # noqa: S608
                " (SELECT 1 FROM submission AS other WHERE other.account = submission.account AND other.key = :key"
                " AND other.row <> submission.row"
                f" AND other.{KEEPS_KEY})",
                {"key": None if key is None else str(key), "job_id": job_id},
            )

    def job_under(self, key: str, profile: Profile) -> Job | None:
        """Return the latest job of a key, however it ended."""
        with self._transaction("DEFERRED") as db:
            row = db.execute(
                f"SELECT job, job_id FROM submission WHERE {IN_ACCOUNTS} AND {IN_KEYS} AND job IS NOT NULL"  # noqa: S608
                " ORDER BY row DESC",
                (listed(profile.accounts), listed(spellings(key))),
            ).fetchone()
        return job_kept(*row) if row else None

    def release_key(self, key: str, profile: Profile) -> None:
        """Release a submission key if it has a job. A key that is being submitted, or is uncertain, is not released."""
        with self._transaction() as db:
            db.execute(
                f"UPDATE submission SET key = NULL WHERE {IN_ACCOUNTS} AND {IN_KEYS}"  # noqa: S608
                f" AND job_id IS NOT NULL AND {KEEPS_KEY}",
                (listed(profile.accounts), listed(spellings(key))),
            )

    def usual_seconds(self, endpoint: str, *, preview: bool = False) -> float | None:
        """Return how many seconds the service, or a preview, usually takes for this endpoint; None if not known."""
        with self._transaction("DEFERRED") as db:
            jobs = db.execute(
                "SELECT job, job_id FROM submission WHERE endpoint = ? AND state = 'completed'"
                " AND (account LIKE ?) = ? ORDER BY row DESC LIMIT 20",
                (endpoint, f"{EMBEDDED_ACCOUNT}%", preview),
            ).fetchall()
        times = [job.execution_time_ms for kept in jobs if (job := job_kept(*kept))]
        known = [ms / 1000 for ms in times if ms is not None]  # 0 counts too
        return statistics.median(known) if known else None


def _latest_of(db: sqlite3.Connection, job_id: str) -> Entry | None:
    row = db.execute("SELECT * FROM submission WHERE job_id = ? ORDER BY row DESC", (job_id,)).fetchone()
    return Entry(*row) if row else None


def _aimed_at(db: sqlite3.Connection, file: Path, wanted: Path, job_id: str) -> Iterator[Entry]:
    """Yield the submissions of other jobs that may have this file. The names are compared without regard to case."""
    names = (str(file), str(wanted.absolute()))
    unsaved = f"SELECT * FROM submission WHERE {UNSAVED} AND target COLLATE NOCASE IN (?, ?) AND job_id <> ?"  # noqa: S608
    yield from starmap(Entry, db.execute(unsaved, (*names, job_id)))
    if file.exists():  # otherwise the file is free again
        saved = "SELECT * FROM submission WHERE saved_to COLLATE NOCASE IN (?, ?) AND job_id <> ?"
        yield from starmap(
            Entry, db.execute(f"{saved} AND state NOT IN ('failed', 'refused', 'stopped')", (*names, job_id))
        )


def _owned(db: sqlite3.Connection, profile: Profile) -> list[str]:
    """Return the names of a profile's accounts in the ledger. Without an API key, they are all of its server."""
    return [account for (account,) in db.execute(ACCOUNTS) if profile.owns(account)]


def callback_secret(profile: Profile, ledger: Ledger) -> str:
    """Return the secret for webhook tokens: the profile's if it has one, otherwise the ledger's."""
    shared = profile.webhook.secret if profile.webhook else None
    return shared.get_secret_value() if shared else ledger.secret()


def ledger_file(environ: Mapping[str, str] | None = None) -> Path:
    """Return the path of the ledger: `LIPSYNC_LEDGER`, or `ledger.sqlite` in the user's state folder."""
    if named := variable("LIPSYNC_LEDGER", environ):
        return named_path(named)
    return user_folder(environ, xdg="XDG_STATE_HOME", fallback=".local/state") / "ledger.sqlite"
