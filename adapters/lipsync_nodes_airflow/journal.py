"""Records the submissions of a task, so that no try pays again for the job of an earlier one.

In Airflow 3.3 and later, the record is in Airflow's state of the task instance, which outlives tries, workers and
triggerers; the rules are those of the core's `RecordJournal`. Before 3.3, it is in the ledger of the worker's host,
which other hosts cannot see. The limits of the connection (`max_concurrency` and `submits_per_minute`) are always
counted in that ledger, so they hold for each worker host.

Both keep a job that has ended until the task is cleared. Clearing a task sets `max_tries` to the tries so far plus
`retries`; a retry does not change it. So `max_tries` is the record's generation. (There are two exceptions. A scheduler
that is behind retries even a task that failed for good. And if the DAG's `retries` were lowered by the number of tries,
a cleared task is not recognized.)

The key also contains the inputs, because the state of a mapped task belongs to its position in a list, and lists
change.

`airflow dags test` and `airflow tasks test` make a new run each time, and Airflow deletes the state of the last one.
So their record is in the ledger too, without the run: another test continues with a job whose video is not there yet.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import count
from threading import Lock
from typing import Any, Final, Self

from airflow.providers.common.compat.sdk import AirflowException, Context, get_current_context

from lipsync_nodes import Job, Ledger, Profile
from lipsync_nodes.host import (
    Accepted,
    Claim,
    Claimed,
    Event,
    Found,
    PacedJournal,
    PreparedForm,
    RecordsJournal,
    Refused,
    Seen,
    Submission,
    Superseded,
    Uncertain,
    content_key,
    inputs_of,
)
from lipsync_nodes_airflow.progress import report_submission

__all__ = [
    "CodeHostJournal",
    "CodeJournal",
    "HostJournal",
    "TaskJournal",
    "journal_of",
    "options_of_running_task",
    "submission_key",
]

RECORD: Final = "lipsync"
_log = logging.getLogger(__name__)


@contextmanager
def journal_of(context: Context) -> Iterator[TaskJournal | HostJournal]:
    """Yield the record of this task's submission: in its state, or before 3.3 in the host's ledger."""
    store, ti = _store(context), context["ti"]
    if store is not None:
        with Ledger() as ledger:  # for the limits of the connection
            yield TaskJournal(_TaskRecord(store), ti.max_tries, ledger=ledger)
    else:
        with HostJournal(_place_of(context), _generation(context)) as ledger:
            yield ledger


def submission_key(context: Context, form: PreparedForm, profile: Profile) -> str:
    """Return the submission key: it is the same for the same inputs in the same task instance of the same run."""
    return _place_of(context) + content_key(form, profile)


def options_of_running_task() -> dict[str, Any]:
    """Return the options of a client that records its submissions in the running task; none outside of a task."""
    try:
        context = get_current_context()
    except (AirflowException, RuntimeError):
        return {}
    store, ti, place = _store(context), context["ti"], _place_of(context)
    journal: CodeJournal | CodeHostJournal
    if store is not None:
        journal = CodeJournal(store, ti.max_tries, ledger=Ledger())
    else:
        journal = CodeHostJournal(place, _generation(context))
    journal.running = f"{ti.run_id}/{ti.try_number}"
    return {"ledger": journal, "key_of": partial(_key_of_code, place)}


class _KeyOfCode(str):
    """The submission key that a task's own code has not given. It gets the number of the submission in front."""

    __slots__ = ("content", "place")

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


def _store(context: Context) -> Any:
    return None if _is_test(context) else context.get("task_state_store")


def _is_test(context: Context) -> bool:
    """Return whether this is a run of `airflow dags test` or `airflow tasks test`."""
    by = getattr(context.get("dag_run"), "triggering_user_name", None)
    return by == "dag_test" or str(context["ti"].run_id).startswith("__airflow_temporary_run_")


def _place(ti: Any, run: str | None = None) -> str:
    return f"{ti.dag_id}/{run or ti.run_id}/{ti.task_id}/{ti.map_index}/"


def _place_of(context: Context) -> str:
    return _place(context["ti"], "(test)" if _is_test(context) else None)


def _generation(context: Context) -> str:
    ti = context["ti"]
    return f"{ti.run_id}#{ti.max_tries}" if _is_test(context) else str(ti.max_tries)


class _Reporting:
    """Reports each submission that was paid for."""

    def record(self, event: Event, profile: Profile) -> object:
        answer = super().record(event, profile)  # type: ignore[misc]  # of the journal after it
        if isinstance(event, Claim) and isinstance(answer, Claimed):
            _claimed_of(self)[answer.row] = event.submission
        elif isinstance(event, Accepted):
            with suppress(Exception):  # the job is paid for: nothing may hide it
                report_submission(_claimed_of(self)[event.row], event.job.id)
        return answer


def _claimed_of(journal: object) -> dict[int, Submission]:
    claimed: dict[int, Submission] = vars(journal).setdefault("_claimed", {})
    return claimed


class TaskJournal(_Reporting, PacedJournal):
    """The record of one submission in the state of a task."""


class _TaskRecord:
    """The record in Airflow's state of a task instance, the `task_state_store` of the context."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self) -> dict[str, Any] | None:
        record = self._store.get(RECORD)
        return record and {"generation": record.get("max_tries"), **record}  # as version 0.1 called it

    def set(self, record: dict[str, Any]) -> None:
        self._store.set(RECORD, record)

    def delete(self) -> None:
        self._store.delete(RECORD)


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

    def _claim_next(self, submission: Submission, key: _KeyOfCode, profile: Profile) -> object:
        with _TAKING:
            number = next(n for n in count(1) if f"{self.running} {key.numbered(n)}" not in _TAKEN)
            claim = Claim(replace(submission, key=key.numbered(number)))
            answer = super().record(claim, profile)  # type: ignore[misc]
            if isinstance(answer, Claimed | Found):
                _TAKEN.add(taken := f"{self.running} {claim.submission.key}")
            if isinstance(answer, Claimed):
                _taken_of(self)[answer.row] = taken
        return answer


def _taken_of(journal: object) -> dict[int, str]:
    taken: dict[int, str] = vars(journal).setdefault("_taken", {})
    return taken


class CodeJournal(_OfCode, _Reporting, RecordsJournal):
    """The records of a task's own code in the state of the task, one for each submission."""

    def __init__(self, store: Any, max_tries: int, *, ledger: Ledger) -> None:
        super().__init__(_ShortKeys(store), max_tries, ledger=ledger)


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


class HostJournal(_Reporting, Ledger):
    """The ledger of this machine, for an Airflow that keeps no state. A task instance's keys begin with *place*.

    Args:
        place: the task instance.
        generation: changes when the task is cleared.

    """

    def __init__(self, place: str, generation: object) -> None:
        super().__init__()
        self._place = place
        self._generation = generation

    def record(self, event: Event, profile: Profile) -> object:
        """Answer a claim with the job that has ended since the task was last cleared. Other events go to the ledger."""
        if isinstance(event, Claim) and (key := event.submission.key) is not None:
            ended = self.job_under(key + f"#{self._generation}", profile)
            if ended is not None:
                return self._picked_up(Found(Job(id=ended.id)))
        answer = super().record(event, profile)
        if isinstance(event, Claim) and isinstance(answer, Found):
            return self._picked_up(answer)
        return answer

    def _picked_up(self, found: Found) -> Found:
        _log.info("Job %s was submitted by an earlier try and is picked up; nothing is paid again.", found.job.id)
        return found

    def release(self, job_id: str, *, key: str | None = None) -> None:
        """Record that this task has finished with its job, so that clearing it gives a new job."""
        entry = self.entry_of(job_id)
        found = entry.key if entry and entry.key else ""
        if found.startswith(self._place) and "#" not in found.removeprefix(self._place):
            super().release(job_id, key=key or f"{found}#{self._generation}")


class CodeHostJournal(_OfCode, HostJournal):
    """The ledger of this machine, for a task's own code."""
