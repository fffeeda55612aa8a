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
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from airflow.providers.common.compat.sdk import Context

from lipsync_nodes import Job, Ledger, Profile
from lipsync_nodes.host import Claim, Event, Found, PacedJournal, PreparedForm, RecordJournal, content_key

__all__ = ["HostJournal", "journal_of", "submission_key"]

RECORD: Final = "lipsync"


@contextmanager
def journal_of(context: Context) -> Iterator[RecordJournal | HostJournal]:
    """Yield the record of this task's submissions: in its state, or before 3.3 in the host's ledger."""
    store, ti = context.get("task_state_store"), context["ti"]
    if store is not None:
        with Ledger() as ledger:  # for the limits of the connection
            yield PacedJournal(_TaskRecord(store), ti.max_tries, ledger=ledger)
    else:
        with HostJournal(_place(ti), ti.max_tries) as ledger:
            yield ledger


def submission_key(context: Context, form: PreparedForm, profile: Profile) -> str:
    """Return the submission key: it is the same for the same inputs in the same task instance of the same run."""
    return _place(context["ti"]) + content_key(form, profile)


def _place(ti: Any) -> str:
    return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}/"


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


class HostJournal(Ledger):
    """The ledger of this machine, for an Airflow that keeps no state. A task instance's keys begin with *place*."""

    def __init__(self, place: str, max_tries: int) -> None:
        super().__init__()
        self._place = place
        self._max_tries = max_tries

    def record(self, event: Event, profile: Profile) -> object:
        """Answer a claim with the job that has ended since the task was last cleared. Other events go to the ledger."""
        if isinstance(event, Claim) and (key := event.submission.key) is not None:
            ended = self.job_under(key + f"#{self._max_tries}", profile)
            if ended is not None:
                return Found(Job(id=ended.id))
        return super().record(event, profile)

    def release(self, job_id: str, *, key: str | None = None) -> None:
        """Record that this task has finished with its job, so that clearing it gives a new job."""
        entry = self.entry_of(job_id)
        found = entry.key if entry and entry.key else ""
        if found.startswith(self._place) and "#" not in found.removeprefix(self._place):
            super().release(job_id, key=key or f"{found}#{self._max_tries}")
