"""Records the submissions of a task's own code, which uses a client of the hook."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import count
from threading import Lock
from typing import Any, Final, Self

from airflow.providers.common.compat.sdk import AirflowException, get_current_context

from lipsync_nodes import Ledger, Profile
from lipsync_nodes.host import (
    Accepted,
    Claim,
    Claimed,
    Event,
    Found,
    PreparedForm,
    RecordsJournal,
    Refused,
    Seen,
    Submission,
    Superseded,
    Uncertain,
    inputs_of,
)
from lipsync_nodes_airflow.journal import RECORD, HostJournal, Reporting, generation_of, place_of, store_of_task

__all__ = ["options_of_running_task"]


def options_of_running_task() -> dict[str, Any]:
    """Return the options of a client that records its submissions in the running task; none outside of a task."""
    try:
        context = get_current_context()
    except (AirflowException, RuntimeError):
        return {}
    store, ti, place = store_of_task(context), context["ti"], place_of(context)
    journal: CodeJournal | CodeHostJournal
    if store is not None:
        journal = CodeJournal(store, ti.max_tries, ledger=Ledger())
    else:
        journal = CodeHostJournal(place, generation_of(context))
    journal.running = f"{ti.run_id}/{ti.try_number}"
    return {"ledger": journal, "key_of": partial(_key_of_code, place)}


class _KeyOfCode(str):
    """The submission key that a task's own code has not given. It gets the number of the submission in front."""

    __slots__ = ("content", "place")

    place: str
    content: str

    def __new__(cls, place: str, content: str) -> Self:
        key = super().__new__(cls, place + content)
        key.place, key.content = place, content
        return key

    def numbered(self, number: int) -> str:
        """Return the key of the first, second, … submission of these inputs."""
        return f"{self.place}{number}/{self.content}"


def _key_of_code(place: str, form: PreparedForm, profile: Profile) -> _KeyOfCode:
    inputs = json.dumps([form.spec.id, profile.account, inputs_of(form)], sort_keys=True)
    return _KeyOfCode(place, sha256(inputs.encode()).hexdigest())


# The keys of the submissions that have a job in this try, or may get one now.
_TAKEN: Final[set[str]] = set()
_TAKING: Final = Lock()


class _OfCode:
    """Records the submissions of a task's own code.

    The same inputs twice in one try are two jobs: the submissions are numbered. A submission that failed leaves its
    number to the next one, so code that repeats it does not pay for a second job.

    A job that has ended is kept for retries, and given up when the task is cleared.
    """

    running: str  # the run and the try

    def record(self, event: Event, profile: Profile) -> object:
        if isinstance(event, Claim) and isinstance(event.submission.key, _KeyOfCode):
            return self._claim_next(event.submission, event.submission.key, profile)
        failed = isinstance(event, Accepted | Refused | Uncertain)  # unless it is recorded
        try:
            answer: object = super().record(event, profile)  # type: ignore[misc]  # of the journal after it
            failed = isinstance(event, Refused | Uncertain) and not isinstance(answer, Found)
            failed |= isinstance(answer, Superseded)
        finally:
            if failed:
                _TAKEN.discard(_taken_of(self).pop(event.row, ""))  # type: ignore[union-attr]  # these have a row
        if isinstance(event, Seen) and event.job.finished:
            self.release(event.job.id)  # type: ignore[attr-defined]
        return answer

    def holds(self, key: str, profile: Profile) -> bool:
        """Return whether the next submission with this key gets a job of an earlier try."""
        held: bool = super().holds(self._next(key) if isinstance(key, _KeyOfCode) else key, profile)  # type: ignore[misc]
        return held

    def _next(self, key: _KeyOfCode) -> str:
        """Return the key with the number that is next in this try."""
        return next(it for n in count(1) if f"{self.running} {(it := key.numbered(n))}" not in _TAKEN)

    def _claim_next(self, submission: Submission, key: _KeyOfCode, profile: Profile) -> object:
        with _TAKING:
            claim = Claim(replace(submission, key=self._next(key)))
            answer = super().record(claim, profile)  # type: ignore[misc]
            if isinstance(answer, Claimed | Found):
                _TAKEN.add(taken := f"{self.running} {claim.submission.key}")
            if isinstance(answer, Claimed):
                _taken_of(self)[answer.row] = taken
        return answer


def _taken_of(journal: object) -> dict[int, str]:
    taken: dict[int, str] = vars(journal).setdefault("_taken", {})
    return taken


class CodeJournal(_OfCode, Reporting, RecordsJournal):
    """The records of a task's own code in the state of the task, one for each submission."""

    def __init__(self, store: Any, max_tries: int, *, ledger: Ledger) -> None:
        super().__init__(_ShortKeys(store), max_tries, ledger=ledger)


class CodeHostJournal(_OfCode, HostJournal):
    """The ledger of this machine, for a task's own code."""


class _ShortKeys:
    """The state of a task. A submission key may be too long for it, so its hash is used."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: str) -> Any:
        return self._store.get(_short(key))

    def set(self, key: str, value: Any) -> None:
        self._store.set(_short(key), value)

    def delete(self, key: str) -> None:
        self._store.delete(_short(key))


def _short(key: str) -> str:
    return f"{RECORD}-{sha256(key.encode()).hexdigest()[:32]}"
