"""Where a task's submissions are recorded, so that no try pays for what an earlier one has.

From Airflow 3.3 on it is Airflow's own state of the task instance, which outlives tries, workers and triggerers: one
record, by the rules of the core's `RecordJournal`. Before 3.3 it is the ledger of the worker's host, which no other
host sees.

Both keep a job that has ended until the task is cleared. A clear sets `max_tries` to the tries so far and `retries`, a
retry leaves it as it is: that is the record's generation. (A scheduler that is behind retries even a task that failed
for good. A clear is not seen if the DAG's `retries` were lowered by as much as there were tries.)

The key tells the inputs apart as well: the state of a mapped task is found by its place in the list, and lists change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from airflow.providers.common.compat.sdk import Context

from lipsync_nodes import Job, Ledger, Profile
from lipsync_nodes.host import Claim, Event, Found, PreparedForm, RecordJournal, content_key

__all__ = ["HostJournal", "TaskRecord", "journal_of", "submission_key"]

RECORD: Final = "lipsync"


@contextmanager
def journal_of(context: Context) -> Iterator[RecordJournal | HostJournal]:
    """Give the journal of this task's submissions: in its own state, or before 3.3 in the host's ledger."""
    store, ti = context.get("task_state_store"), context["ti"]
    if store is not None:
        yield RecordJournal(TaskRecord(store), ti.max_tries)
    else:
        with HostJournal(_place(ti), ti.max_tries) as ledger:
            yield ledger


def submission_key(context: Context, form: PreparedForm, profile: Profile) -> str:
    """Return what makes two submissions the same: the same inputs, in the same task instance of the same run."""
    return _place(context["ti"]) + content_key(form, profile)


def _place(ti: Any) -> str:
    return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}/"


class TaskRecord:
    """The record in Airflow's state of one task instance, the context's `task_state_store`."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self) -> dict[str, Any] | None:
        """Return the record; version 0.1 called its generation `max_tries`."""
        record = self._store.get(RECORD)
        return record and {"generation": record.get("max_tries"), **record}

    def set(self, record: dict[str, Any]) -> None:
        """Keep the record."""
        self._store.set(RECORD, record)

    def delete(self) -> None:
        """Delete the record."""
        self._store.delete(RECORD)


class HostJournal(Ledger):
    """The ledger of this host, for a task whose Airflow keeps no state of it.

    Args:
        place: how the keys of this task instance begin.
        max_tries: the task instance's; it grows with each clear.

    """

    def __init__(self, place: str, max_tries: int) -> None:
        super().__init__()
        self._place = place
        self._max_tries = max_tries

    def record(self, event: Event, profile: Profile) -> object:
        """Answer a claim with the job that has ended since the last clear, and everything else as the ledger does."""
        if isinstance(event, Claim) and (key := event.submission.key) is not None:
            ended = self.job_under(key + f"#{self._max_tries}", profile)
            if ended is not None:
                return Found(Job(id=ended.id))
        return super().record(event, profile)

    def release(self, job_id: str, *, key: str | None = None) -> None:
        """Note that this task is done with its job: a clear means a new one. Another task's is left alone."""
        entry = self.entry_of(job_id)
        found = entry.key if entry and entry.key else ""
        if found.startswith(self._place) and "#" not in found.removeprefix(self._place):
            super().release(job_id, key=key or f"{found}#{self._max_tries}")
