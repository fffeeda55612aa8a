"""The core's journal of submissions, kept in Airflow's own state of the task instance (Airflow 3.3 and later).

It outlives tries, workers and triggerers, and is nobody else's, so one record is enough. The flow of a submit writes:

    {"state": "submitting", "key": …, "since": …}     before the POST: a crash from here on is seen by the next try
    {"state": "live", "key": …, "job_id": …}          right after its answer
    {"state": "uncertain", "key": …, "reason": …}     nobody knows whether there is a job: never sent again silently
    {"state": "ended", "job_id": …, "max_tries": …}   well or not: whoever tries again gets this job, until a clear

Airflow raises `max_tries` when a task is cleared and at no other time: that tells a clear, which means a new video,
from a retry, which never does. (A scheduler that is behind retries even a task that failed for good.)

The key tells the inputs apart: the state of a mapped task is found by its place in the list, and lists change.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Final

from airflow.providers.common.compat.sdk import Context

from lipsync_nodes import Job
from lipsync_nodes.contract import Form
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.events import Accepted, Claim, Claimed, Event, Found, Gone, Paused, Refused, Sending, Unsure
from lipsync_nodes.ledger import Ledger, content_key
from lipsync_nodes.settings import Profile
from lipsync_nodes.waking import Bell

__all__ = ["TaskJournal", "journal_of", "submission_key"]

RECORD: Final = "lipsync"

_log = logging.getLogger(__name__)


def journal_of(context: Context) -> TaskJournal | Ledger:
    """Return where this task's submissions are written down: in its own state, or before 3.3 in the worker's ledger."""
    store = context.get("task_state_store")
    return Ledger() if store is None else TaskJournal(store, context["ti"].max_tries)


def submission_key(context: Context, form: Form, profile: Profile) -> str:
    """Return what makes two submissions the same: the same inputs, in the same task instance of the same run."""
    ti = context["ti"]
    return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}/{content_key(form, profile)}"


class TaskJournal:
    """One submission in the state of one task instance.

    Args:
        store: the context's `task_state_store`.
        max_tries: the task instance's; it grows with each clear.

    """

    def __init__(self, store: Any, max_tries: int) -> None:
        self.bell = Bell(":memory:")  # nobody but this task writes here, so nobody rings
        self._store = store
        self._max_tries = max_tries
        self._key: str | None = None

    def record(self, event: Event, profile: Profile) -> object:  # noqa: ARG002  # one task, one account
        """Write an event down and answer it; see `lipsync_nodes.events`."""
        match event:
            case Claim(submission):
                self._key = submission.key
                return self._claim(resubmit=submission.resubmit_uncertain)
            case Sending():
                self._write(state="submitting", since=time.time())
            case Accepted(_, job):
                self._write(state="live", job_id=job.id)
            case Unsure(_, reason):
                self._write(state="uncertain", reason=reason, since=time.time())
            case Gone(job_id):
                self._write(state="uncertain", reason=f"the service knows no job {job_id}", since=time.time())
            case Paused() | Refused():
                self._store.delete(RECORD)
        return None

    def _claim(self, *, resubmit: bool) -> Claimed | Found | Unsure:
        record = self._read()
        if record.get("max_tries", self._max_tries) != self._max_tries:
            record = {}
        if record and record["key"] != self._key:
            _log.warning("This task submitted other inputs before; that is not waited for any more: %s", record)
            record = {}
        if "job_id" in record:
            _log.info(
                "Job %s was submitted by an earlier try and is picked up; nothing is paid again.", record["job_id"]
            )
            return Found(Job(id=record["job_id"]))
        if record and not resubmit:
            reason = record.get("reason", "the worker that submitted it ended before an answer came")
            return Unsure(0, reason, record["since"])
        return Claimed(0)

    def release(self, job_id: str) -> None:
        """Note that all is done with a job: from now on a cleared task means a new one."""
        self._write(state="ended", job_id=job_id, max_tries=self._max_tries)

    def entry_of(self, job_id: str) -> None:
        """Know nothing more of a job than its id."""

    def entry(self, row: int | None) -> None:
        """Know nothing more of a submission than its job's id."""

    def ended(self, job_id: str) -> None:
        """Hear of no end but by asking."""

    def secret(self) -> str:
        """Have none: a task that expects webhooks needs the `secret` of the receiver's profile."""
        raise ConfigurationError(
            'webhook="auto" needs the secret that is shared with the receiver.',
            hint="Nothing was sent. Put it into the connection (`webhook_secret`) and into the receiver's profile.",
        )

    def saved(self, job_id: str, path: Path) -> None:
        """Leave it to XCom where the video is."""

    def close(self) -> None:
        """Hold nothing open."""

    def _read(self) -> dict[str, Any]:
        record = self._store.get(RECORD)
        return record if isinstance(record, dict) else {}

    def _write(self, **values: Any) -> None:
        key = self._key or self._read().get("key", "")
        self._store.set(RECORD, {"key": key, **values})
