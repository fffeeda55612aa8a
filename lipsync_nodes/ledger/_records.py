"""Records many submissions in a host's own store, each under its submission key."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import Any, Final, Protocol

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.flows import Accepted, Claim, Claimed, Event, Found, Gone, Hold, Refused, Seen, Superseded, Uncertain
from lipsync_nodes.ledger._file import Ledger
from lipsync_nodes.ledger._paced import PacedJournal
from lipsync_nodes.ledger._rules import PAUSE
from lipsync_nodes.settings import Profile

_OUTCOMES: Final = (Accepted, Refused, Uncertain)


class KeyedStore(Protocol):
    """A host's own store of JSON objects by key. It must outlive the process. Only one process may use it at a time."""

    def get(self, key: str) -> Any:
        """Return the object of a key, or None if there is none."""

    def set(self, key: str, value: Any) -> None:
        """Store an object, replacing the previous one."""

    def delete(self, key: str) -> None:
        """Delete the object of a key, if there is one."""


class RecordsJournal:
    """Records the submissions of a batch: a `PacedJournal` for each, under its submission key. Thread-safe.

    A record is only written right before the POST, so until its outcome is recorded, a key waits for its first caller.
    *generation* and *ledger* are those of a `PacedJournal`.
    """

    def __init__(self, store: KeyedStore, generation: int | str = 0, *, ledger: Ledger) -> None:
        self._store = store
        self._generation = generation
        self._ledger = ledger
        self._lock = Lock()  # a host's store need not be safe for threads
        self._by_row: list[PacedJournal] = []
        self._by_job: dict[str, PacedJournal] = {}
        self._claimed: dict[str, int] = {}  # the row of each key whose outcome is not recorded yet

    def adopt(self, key: str, job_id: str) -> None:
        """Tell the submission key of a job that another process submitted."""
        self._by_job[job_id] = self._of(key)

    def record(self, event: Event, profile: Profile) -> object:
        """Record an event and return the answer; see `RecordJournal.record`."""
        with self._lock:
            match event:
                case Claim():
                    return self._claim(event, profile)
                case Seen(job=job):
                    journal = self._by_job.get(job.id)
                case Gone(job_id):
                    journal = self._by_job.get(job_id)
                case Accepted(row, job):
                    journal = self._by_job[job.id] = self._by_row[row]
                case _:
                    journal = self._by_row[event.row]  # type: ignore[union-attr]  # only a ledger records webhooks
            answer: object = None
            try:
                answer = journal.record(event, profile) if journal else None
            finally:
                if isinstance(event, _OUTCOMES) or isinstance(answer, Superseded):
                    self._give_back(event.row)  # type: ignore[union-attr]  # only `Sending` has that answer
            return answer

    def _give_back(self, row: int) -> None:
        self._claimed = {key: claimed for key, claimed in self._claimed.items() if claimed != row}

    def _claim(self, event: Claim, profile: Profile) -> object:
        key = event.submission.key
        if key is None:
            raise InvalidRequest(code="record.wants_a_key", remedy="give_submission_key")
        if key in self._claimed:
            return Hold(PAUSE)
        journal = self._of(key)
        answer: Any = journal.record(event, profile)
        if isinstance(answer, Found):
            self._by_job[answer.job.id] = journal
            return answer
        self._by_row.append(journal)
        if isinstance(answer, Claimed):
            self._claimed[key] = len(self._by_row) - 1
        return replace(answer, row=len(self._by_row) - 1)

    def knows(self, job_id: str) -> bool:
        """Return whether a job belongs to one of the submissions."""
        return job_id in self._by_job

    def holds(self, key: str, profile: Profile) -> bool:
        """Return whether a submission has this key; see `RecordJournal.holds`."""
        with self._lock:
            return self._of(key).holds(key, profile)

    def release(self, job_id: str) -> None:
        """Record that the host has finished with a job, so that a new generation gets a new one."""
        with self._lock:
            if journal := self._by_job.get(job_id):
                journal.release(job_id)

    def _of(self, key: str) -> PacedJournal:
        return PacedJournal(_Slot(self._store, str(key)), self._generation, ledger=self._ledger)


class _Slot:
    """The record of one key, as a `RecordStore`."""

    def __init__(self, store: KeyedStore, key: str) -> None:
        self._store = store
        self._key = key

    def get(self) -> Any:
        return self._store.get(self._key)

    def set(self, record: dict[str, Any]) -> None:
        self._store.set(self._key, record)

    def delete(self) -> None:
        self._store.delete(self._key)
