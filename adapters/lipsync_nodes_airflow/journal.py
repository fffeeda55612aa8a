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

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from airflow.providers.common.compat.sdk import Context

from lipsync_nodes import Job, Ledger, Profile
from lipsync_nodes.host import (
    Accepted,
    Claim,
    Claimed,
    Event,
    Found,
    PacedJournal,
    PreparedForm,
    Submission,
    content_key,
)
from lipsync_nodes_airflow.progress import report_submission

__all__ = [
    "RECORD",
    "HostJournal",
    "Reporting",
    "TaskJournal",
    "generation_of",
    "journal_of",
    "place_of",
    "store_of_task",
    "submission_key",
]

RECORD: Final = "lipsync"
_log = logging.getLogger(__name__)


@contextmanager
def journal_of(context: Context, *, durable: bool = True) -> Iterator[TaskJournal | HostJournal]:
    """Yield the record of this task's submission: in its state, or before 3.3 in the host's ledger.

    If it is not *durable*, it is only in memory.
    """
    store = store_of_task(context) if durable else _Memory()
    if store is not None:
        with Ledger() as ledger:  # for the limits of the connection
            yield TaskJournal(_TaskRecord(store), context["ti"].max_tries, ledger=ledger)
    else:
        with HostJournal(place_of(context), generation_of(context)) as ledger:
            yield ledger


def submission_key(context: Context, form: PreparedForm, profile: Profile) -> str:
    """Return the submission key: it is the same for the same inputs in the same task instance of the same run."""
    return place_of(context) + content_key(form, profile)


def store_of_task(context: Context) -> Any:
    """Return the state of a task that outlives its tries; None before Airflow 3.3, and in `dags test`."""
    return None if _is_test(context) else context.get("task_state_store")


def _is_test(context: Context) -> bool:
    """Return whether this is a run of `airflow dags test` or `airflow tasks test`."""
    by = getattr(context.get("dag_run"), "triggering_user_name", None)
    return by == "dag_test" or str(context["ti"].run_id).startswith("__airflow_temporary_run_")


def _place(ti: Any, run: str | None = None) -> str:
    return f"{ti.dag_id}/{run or ti.run_id}/{ti.task_id}/{ti.map_index}/"


def place_of(context: Context) -> str:
    """Return what the keys of a task instance begin with."""
    return _place(context["ti"], "(test)" if _is_test(context) else None)


def generation_of(context: Context) -> str:
    """Return the record's generation, which changes when the task is cleared."""
    ti = context["ti"]
    return f"{ti.run_id}#{ti.max_tries}" if _is_test(context) else str(ti.max_tries)


class Reporting:
    """Reports each submission that was paid for."""

    def record(self, event: Event, profile: Profile) -> object:
        """Record an event, and report it if it is a submission."""
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


class TaskJournal(Reporting, PacedJournal):
    """The record of one submission in the state of a task."""


class _Memory(dict[str, Any]):
    """Takes the place of the `task_state_store` if nothing is to be kept."""

    set = dict.__setitem__

    def delete(self, key: str) -> None:
        self.pop(key, None)


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


class HostJournal(Reporting, Ledger):
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

    def holds(self, key: str, profile: Profile) -> bool:
        """Return whether the next submission with this key gets a job, also one that has ended."""
        ended = self.job_under(key + f"#{self._generation}", profile)
        return ended is not None or super().holds(key, profile)

    def _picked_up(self, found: Found) -> Found:
        _log.info("Job %s was submitted by an earlier try and is picked up; nothing is paid again.", found.job.id)
        return found

    def release(self, job_id: str, *, key: str | None = None) -> None:
        """Record that this task has finished with its job, so that clearing it gives a new job."""
        entry = self.entry_of(job_id)
        found = entry.key if entry and entry.key else ""
        if found.startswith(self._place) and "#" not in found.removeprefix(self._place):
            super().release(job_id, key=key or f"{found}#{self._generation}")
