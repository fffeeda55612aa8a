"""Records one submission as one JSON object in a host's own store, such as the state of a task.

    {"state": "submitting", …}              before the POST, so that the next try sees it if the process dies
    {"state": "live", "job_id": …}          right after the response
    {"state": "uncertain", "reason": …}     perhaps a job: never sent again unless the user asks for it
    {"state": "gone", "job_id": …}          the service does not know the job; live again if it does later
    {"state": "ended", "job_id": …}         the host has finished with the job

If certainly no job exists, there is no record. Once a job has ended, every later try gets this job until the host's
*generation* changes, which means that the user wants a new job (in Airflow, a cleared task). A job that is still
running is continued even then.

The record belongs to its place in the host, not to its inputs. A try with another key gets the same job until the
generation changes, because a host may render another presigned URL in each try. The same key with other inputs is
refused, as in the ledger.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lipsync_nodes import flows
from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import ConfigurationError, InvalidRequest
from lipsync_nodes.ledger._keys import spellings
from lipsync_nodes.ledger._rules import NO_ANSWER, changed
from lipsync_nodes.service import Job, shorten
from lipsync_nodes.settings import Profile

ROW: Final = 0  # the only one
_log = logging.getLogger("lipsync_nodes")


class RecordStore(Protocol):
    """One JSON object in a host's own store. It must outlive the process. Only one process may use it at a time."""

    def get(self) -> dict[str, Any] | None:
        """Return the record, or None if there is none."""

    def set(self, record: dict[str, Any]) -> None:
        """Store the record, replacing the previous one."""

    def delete(self) -> None:
        """Delete the record, if there is one."""


class Record(BaseModel):
    """The content of the record."""

    model_config = ConfigDict(frozen=True)

    state: Literal["submitting", "live", "uncertain", "gone", "ended"] = "submitting"
    key: str
    generation: int | str
    endpoint: str = ""
    inputs: dict[str, Any] | None = None
    since: float = Field(default_factory=time.time)
    job_id: str | None = None
    reason: str | None = None
    tags: dict[str, str] | None = None


class RecordJournal:
    """Records one submission in a host's own store, with the rules of the ledger.

    Args:
        store: gets, sets and deletes the record.
        generation: a value that the host changes when its user wants a new job. A retry does not change it.

    """

    def __init__(self, store: RecordStore, generation: int | str = 0) -> None:
        self._store = store
        self._generation = generation
        self._sent = Record(key="", generation=generation)

    def record(self, event: flows.Event, profile: Profile) -> object:  # noqa: ARG002  # a record is of one account
        """Record an event and return the answer; see `flows._events`.

        Raises:
            InvalidRequest: the record belongs to another submission.
            ConfigurationError: the store failed, which may be temporary (`retryable`), or contains something else.

        """
        match event:
            case flows.Claim(submission):
                return self._claim(submission)
            case flows.Sending():
                self._note("submitting", since=time.time())
            case flows.Accepted(_, job):
                self._note("live", job_id=job.id)
            case flows.Uncertain(_, reason):
                self._note("uncertain", reason=redact(reason))
            case flows.Gone(job_id):
                self._move(job_id, "gone")
            case flows.Seen(job):
                self._move(job.id, "live", only_from="gone")
            case flows.Paused() | flows.Refused():
                with _available():
                    self._store.delete()
        return None

    def knows(self, job_id: str) -> bool:
        """Return whether a job belongs to this submission."""
        found = self._read()
        return found is not None and found.job_id == job_id

    def holds(self, key: str, profile: Profile) -> bool:  # noqa: ARG002  # a record is of one account
        """Return whether the next submission with this key gets the job of this record, or its outcome is unknown."""
        found = self._read()
        if found is None or found.generation == self._generation:
            return found is not None
        return found.state != "ended" and found.key in spellings(key)

    def release(self, job_id: str) -> None:
        """Record that the host has finished with the job, so that a new generation gets a new one.

        Other jobs are ignored.
        """
        self._move(job_id, "ended")

    def _claim(self, wanted: flows.Submission) -> flows.Claimed | flows.Found | flows.Uncertain:
        self._take(wanted)
        found = self._read()
        if found is None:
            return flows.Claimed(ROW)
        renewed = found.generation != self._generation
        if renewed and found.state == "ended":
            return flows.Claimed(ROW)
        if _differs(found, replace(wanted, resubmit_changed=wanted.resubmit_changed or renewed)):
            if renewed or (wanted.resubmit_changed and found.job_id):
                _log.warning("This takes the place of a submission of other inputs: %s", found.job_id or found.state)
                return flows.Claimed(ROW)
            _log.warning("An earlier try submitted other inputs, and that counts: %s", found.job_id or found.state)
        return _again(found, wanted)

    def _take(self, wanted: flows.Submission) -> None:
        """Prepare the content of the record, so that nothing has to be read between a POST and its record."""
        if wanted.key is None:
            raise InvalidRequest(code="record.wants_a_key", remedy="give_submission_key")
        if self._sent.key not in {"", wanted.key}:
            raise InvalidRequest(code="record.of_another_key", key=self._sent.key, remedy="record_of_its_own")
        self._sent = Record(
            key=str(wanted.key),
            generation=self._generation,
            endpoint=wanted.endpoint,
            inputs=None if wanted.inputs is None else dict(wanted.inputs),
            tags=dict(wanted.tags) or None,
        )

    def _note(self, state: str, **facts: Any) -> None:
        self._sent = self._sent.model_copy(update={"state": state, **facts})
        self._write(self._sent)

    def _move(self, job_id: str, state: str, *, only_from: str | None = None) -> None:
        """Record a new state of the job, if it is the one in the record."""
        found = self._read()
        if found is not None and found.job_id == job_id and only_from in {None, found.state}:
            self._write(found.model_copy(update={"state": state, "generation": self._generation}))

    def _read(self) -> Record | None:
        with _available():
            found = self._store.get()
        try:
            return None if found is None else Record.model_validate(found)
        except ValidationError:
            raise ConfigurationError(code="record.not_a_record", found=shorten(found), remedy="delete_record") from None

    def _write(self, record: Record) -> None:
        with _available():
            self._store.set(record.model_dump(exclude_none=True))


def _again(found: Record, wanted: flows.Submission) -> flows.Claimed | flows.Found | flows.Uncertain:
    """Answer a later try. It is sent only with the caller's consent."""
    if found.job_id is not None and found.state != "gone":
        _log.info("Job %s was submitted by an earlier try and is picked up; nothing is paid again.", found.job_id)
        return flows.Found(Job(id=found.job_id))
    if wanted.resubmit_uncertain:
        return flows.Claimed(ROW)
    reason = f"the service knows no job {found.job_id}" if found.job_id else found.reason or NO_ANSWER
    return flows.Uncertain(ROW, reason, found.since, job_id=found.job_id)


def _differs(found: Record, wanted: flows.Submission) -> bool:
    """Return whether the record has other inputs. Raise `InvalidRequest` if both have the same key."""
    if found.key not in spellings(wanted.key or ""):
        return True
    return changed(wanted, found.endpoint or wanted.endpoint, found.inputs, found.job_id)


@contextmanager
def _available() -> Iterator[None]:
    """Turn any error of the host into one of ours. Otherwise it would hide whether money may have been spent."""
    try:
        yield
    except Exception as error:
        raise ConfigurationError(code="record.unavailable", reason=error, retryable=True) from error
