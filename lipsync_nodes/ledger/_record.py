"""The rules of one submission over one JSON record that a host keeps: the state of a task, a variable.

    {"state": "submitting", …}              before the POST: if the process dies, the next try sees it
    {"state": "live", "job_id": …}          right after the answer
    {"state": "uncertain", "reason": …}     perhaps a job: never sent again unless a person says so
    {"state": "gone", "job_id": …}          the service does not know the job; live again once it does
    {"state": "ended", "job_id": …}         the host is done with the job

There is no record where surely no job was made. A job that ended, with a video or without, is what every later try gets
until the host's *generation* changes, which says that its user wants a new one (a clear in Airflow). A job that still
runs is picked up even then.

The record stands for its place in the host, not for its inputs. A try with another key gets the same job until the
generation changes: a host may render another presigned URL with each try. The same key with other inputs is refused,
as the ledger refuses it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lipsync_nodes.errors import ConfigurationError, InvalidRequest, redact
from lipsync_nodes.flows import (
    Accepted,
    Claim,
    Claimed,
    Event,
    Found,
    Gone,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Uncertain,
)
from lipsync_nodes.ledger._keys import spellings
from lipsync_nodes.ledger._rules import NO_ANSWER, changed
from lipsync_nodes.service import Job, shorten
from lipsync_nodes.settings import Profile

__all__ = [
    "RecordJournal",
    "RecordStore",
]

ROW: Final = 0  # the only one
_log = logging.getLogger("lipsync_nodes")


class RecordStore(Protocol):
    """One JSON object in a host's own store. It outlives the process, and one process at a time uses it."""

    def get(self) -> dict[str, Any] | None:
        """Return the record, or None if there is none."""

    def set(self, record: dict[str, Any]) -> None:
        """Keep the record in place of the one before."""

    def delete(self) -> None:
        """Delete the record; there may be none."""


class RecordUnavailable(ConfigurationError):
    """The record cannot be read or written now; another try may succeed."""

    retryable = True


class Record(BaseModel):
    """What the record says of the submission."""

    model_config = ConfigDict(frozen=True)

    state: Literal["submitting", "live", "uncertain", "gone", "ended"] = "submitting"
    key: str
    generation: int | str
    endpoint: str = ""
    inputs: dict[str, Any] | None = None
    since: float = Field(default_factory=time.time)
    job_id: str | None = None
    reason: str | None = None


class RecordJournal:
    """Keeps one submission in one record of a host, by the rules of the ledger.

    Args:
        store: gets, sets and deletes the record.
        generation: what the host changes when its user wants a new job; a retry leaves it as it is.

    """

    def __init__(self, store: RecordStore, generation: int | str = 0) -> None:
        self._store = store
        self._generation = generation
        self._sent = Record(key="", generation=generation)

    def record(self, event: Event, profile: Profile) -> object:  # noqa: ARG002  # a record is of one account
        """Write an event down and answer it; see `flows._events`.

        Raises:
            InvalidRequest: the record stands for another submission.
            RecordUnavailable: the store failed.
            ConfigurationError: it failed to note a job that was made, or holds something else; do not try again.

        """
        match event:
            case Claim(submission):
                return self._claim(submission)
            case Sending():
                self._note("submitting", since=time.time())
            case Accepted(_, job):
                self._accepted(job)
            case Uncertain(_, reason):
                self._note("uncertain", reason=redact(reason))
            case Gone(job_id):
                self._move(job_id, "gone")
            case Seen(job):
                self._move(job.id, "live", only_from="gone")
            case Paused() | Refused():
                with _available():
                    self._store.delete()
        return None

    def knows(self, job_id: str) -> bool:
        """Tell whether it is this submission that made a job."""
        found = self._read()
        return found is not None and found.job_id == job_id

    def release(self, job_id: str) -> None:
        """Note that the host is done with the job: a new generation gets a new one. Another's job is left alone."""
        self._move(job_id, "ended")

    def _claim(self, wanted: Submission) -> Claimed | Found | Uncertain:
        self._take(wanted)
        found = self._read()
        if found is None:
            return Claimed(ROW)
        renewed = found.generation != self._generation
        if renewed and found.state == "ended":
            return Claimed(ROW)
        if _differs(found, replace(wanted, resubmit_changed=wanted.resubmit_changed or renewed)):
            if renewed or (wanted.resubmit_changed and found.job_id):
                _log.warning("This takes the place of a submission of other inputs: %s", found.job_id or found.state)
                return Claimed(ROW)
            _log.warning("An earlier try submitted other inputs, and that counts: %s", found.job_id or found.state)
        return _again(found, wanted)

    def _take(self, wanted: Submission) -> None:
        """Keep what the record is to say of a submission; nothing has to be read between a POST and its note."""
        if wanted.key is None:
            raise InvalidRequest("A record journal needs a submission key.", hint="Nothing was sent. Give it a `key`.")
        if self._sent.key not in {"", wanted.key}:
            raise InvalidRequest(
                f"This record journal is that of the submission {self._sent.key!r} already.",
                hint="Nothing was sent. Give each submission a record of its own.",
            )
        self._sent = Record(
            key=str(wanted.key),
            generation=self._generation,
            endpoint=wanted.endpoint,
            inputs=None if wanted.inputs is None else dict(wanted.inputs),
        )

    def _accepted(self, job: Job) -> None:
        try:
            self._note("live", job_id=job.id)
        except RecordUnavailable as error:  # another try would not know of the job
            raise ConfigurationError(error.message) from error

    def _note(self, state: str, **facts: Any) -> None:
        self._sent = self._sent.model_copy(update={"state": state, **facts})
        self._write(self._sent)

    def _move(self, job_id: str, state: str, *, only_from: str | None = None) -> None:
        """Note a new state of the job, if it is the one of the record."""
        found = self._read()
        if found is not None and found.job_id == job_id and only_from in {None, found.state}:
            self._write(found.model_copy(update={"state": state, "generation": self._generation}))

    def _read(self) -> Record | None:
        with _available():
            found = self._store.get()
        try:
            return None if found is None else Record.model_validate(found)
        except ValidationError:
            raise ConfigurationError(
                f"The record of the submission holds something else: {shorten(found)}.",
                hint="Nothing was sent, so as not to pay twice. Look for the job in your account at the service; if it "
                "is not there, delete the record.",
            ) from None

    def _write(self, record: Record) -> None:
        with _available():
            self._store.set(record.model_dump(exclude_none=True))


def _again(found: Record, wanted: Submission) -> Claimed | Found | Uncertain:
    """Answer a try that comes after another; it is sent only with the caller's consent."""
    is_known = found.job_id is not None and found.state != "gone"
    if found.job_id is not None and is_known:
        _log.info("Job %s was submitted by an earlier try and is picked up; nothing is paid again.", found.job_id)
        return Found(Job(id=found.job_id))
    if wanted.resubmit_uncertain:
        return Claimed(ROW)
    reason = f"the service knows no job {found.job_id}" if found.job_id else found.reason or NO_ANSWER
    return Uncertain(ROW, reason, found.since, job_id=found.job_id)


def _differs(found: Record, wanted: Submission) -> bool:
    """Tell whether the record is about other inputs; raise `InvalidRequest` if one key is to stand for both."""
    if found.key not in spellings(wanted.key or ""):
        return True
    return changed(wanted, found.endpoint or wanted.endpoint, found.inputs, found.job_id)


@contextmanager
def _available() -> Iterator[None]:
    """Turn whatever the host raises into an error of ours; it would hide what the flow has to say of money."""
    try:
        yield
    except Exception as error:
        raise RecordUnavailable(f"The record of the submission cannot be read or written: {error}.") from error
