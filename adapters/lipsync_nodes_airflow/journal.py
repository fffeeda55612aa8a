"""Where a task's submissions are written down, so that no try pays for what an earlier one has.

From Airflow 3.3 on it is Airflow's own state of the task instance (`TaskJournal`). That outlives tries, workers and
triggerers, and is nobody else's, so one record is enough. The flow of a submit writes:

    {"state": "submitting", "since": …}     before the POST: a crash from here on is seen by the next try
    {"state": "live", "job_id": …}          right after its answer
    {"state": "uncertain", "reason": …}     nobody knows whether there is a job: never sent again silently
    {"state": "gone", "job_id": …}          the service does not know it: asked for again, unless a new one is wanted;
                                            live again once it is seen
    {"state": "ended", "job_id": …}         well or not: whoever tries again gets this job, until a clear

Before 3.3 it is the ledger of the worker's host (`HostJournal`), which no other host sees.

Both keep a job that has ended until the task is cleared. A clear sets `max_tries` to the tries so far and `retries`, a
retry leaves it as it is: by that, which is in every record, a clear is told, which means a new video, from a retry,
which never does. (A scheduler that is behind retries even a task that failed for good. A clear is not seen if the DAG's
`retries` were lowered by as much as there were tries.) A job that still runs is picked up by a clear, too.

The key, in every record as well, tells the inputs apart: the state of a mapped task is found by its place in the list,
and lists change. That they differ counts only after a clear: a retry may merely have rendered another presigned URL.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, Final

from airflow.providers.common.compat.sdk import Context

from lipsync_nodes import ConfigurationError, Job, Ledger, Profile
from lipsync_nodes.host import (
    Accepted,
    Bell,
    Claim,
    Claimed,
    Event,
    Form,
    Found,
    Gone,
    Paused,
    Refused,
    Seen,
    Sending,
    Uncertain,
    content_key,
    spellings,
)

__all__ = ["HostJournal", "TaskJournal", "journal_of", "submission_key"]

RECORD: Final = "lipsync"

_log = logging.getLogger(__name__)


def journal_of(context: Context) -> TaskJournal | HostJournal:
    """Return where this task's submissions are written down: in its own state, or before 3.3 in the host's ledger."""
    store, ti = context.get("task_state_store"), context["ti"]
    return HostJournal(_place(ti), ti.max_tries) if store is None else TaskJournal(store, ti.max_tries)


def submission_key(context: Context, form: Form, profile: Profile) -> str:
    """Return what makes two submissions the same: the same inputs, in the same task instance of the same run."""
    return _place(context["ti"]) + content_key(form, profile)


def _place(ti: Any) -> str:
    return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}/"


def _picked_up(job_id: str) -> Found:
    _log.info("Job %s was submitted by an earlier try and is picked up; nothing is paid again.", job_id)
    return Found(Job(id=job_id))


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
                return _picked_up(ended.id)
        return super().record(event, profile)

    def release(self, job_id: str, *, key: str | None = None) -> None:
        """Note that this task is done with its job: a clear means a new one. Another task's is left alone."""
        entry = self.entry_of(job_id)
        found = entry.key if entry and entry.key else ""
        if found.startswith(self._place) and "#" not in found.removeprefix(self._place):
            super().release(job_id, key=key or f"{found}#{self._max_tries}")


class StateUnavailable(ConfigurationError):
    """Airflow's state of the task cannot be read or written now; another try may succeed."""

    retryable = True


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
        """Write an event down and answer it; see `flows._events`.

        Raises:
            ConfigurationError: a job was made and cannot be noted; nothing is to be tried again.
            StateUnavailable: anything else cannot be noted.

        """
        try:
            return self._record(event)
        except Exception as error:
            # Whatever Airflow raises would hide what the flow has to say of money and of the job.
            kind = ConfigurationError if isinstance(event, Accepted) else StateUnavailable
            raise kind(f"Airflow's state of the task cannot be used: {error}.") from error

    def _record(self, event: Event) -> object:
        match event:
            case Claim(submission):
                self._key = submission.key
                return self._claim(resubmit=submission.resubmit_uncertain)
            case Sending():
                self._write(state="submitting", since=time.time())
            case Accepted(_, job):
                self._write(state="live", job_id=job.id)
            case Uncertain(_, reason):
                self._write(state="uncertain", reason=reason, since=time.time())
            case Gone(job_id) if self.knows(job_id):
                self._write(state="gone", job_id=job_id)
            case Seen(job) if self.knows(job.id) and self._read()["state"] == "gone":
                self._write(state="live", job_id=job.id)
            case Paused() | Refused():
                self._store.delete(RECORD)
        return None

    def _claim(self, *, resubmit: bool) -> Claimed | Found | Uncertain:
        record = self._read()
        cleared = record.get("max_tries", self._max_tries) != self._max_tries
        others = bool(record) and record["key"] not in spellings(self._key or "")
        if cleared and (others or record["state"] == "ended"):
            if record["state"] != "ended":
                _log.warning("This task submitted other inputs before; that is not waited for any more: %s", record)
            record, others = {}, False
        if others:
            _log.warning("An earlier try submitted other inputs, and that counts until the task is cleared: %s", record)
        if "job_id" in record and not (resubmit and record["state"] == "gone"):
            return _picked_up(record["job_id"])
        if record and not resubmit:
            reason = record.get("reason", "the worker that submitted it ended before an answer came")
            return Uncertain(0, reason, record["since"])
        return Claimed(0)

    def release(self, job_id: str) -> None:
        """Note that all is done with a job: from now on a cleared task means a new one. Another's is left alone."""
        if self.knows(job_id):
            self._write(state="ended", job_id=job_id)

    def entry_of(self, job_id: str) -> None:
        """Know nothing more of a job than its id."""

    def knows(self, job_id: str) -> bool:
        """Tell whether this task submitted a job."""
        return bool(self._read().get("job_id") == job_id)

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
        key = str(self._key or self._read().get("key", ""))
        self._store.set(RECORD, {"key": key, "max_tries": self._max_tries, **values})
