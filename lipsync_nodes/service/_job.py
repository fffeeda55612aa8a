"""The job: what the service returns, as a model without I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from lipsync_nodes._redaction import redact
from lipsync_nodes.service._reading import id_in, opened, output_in, said, writable

# Synonyms of the documented statuses "completed" and "failed".
_COMPLETED: Final = frozenset({"complete", "completed", "done", "finished", "succeeded", "success", "successful"})
_FAILED: Final = frozenset({"fail", "failed", "failure"})

# Undocumented ends: there is no video, but the job may have been paid for, and its status may still change.
_STOPPED: Final = frozenset(
    {
        *("aborted", "canceled", "cancelled", "deleted", "error", "errored", "expired", "killed", "rejected"),
        *("revoked", "stopped", "terminated", "timed_out", "timedout", "timeout"),
    }
)


class JobStatus(StrEnum):
    """The status of a job. Other spellings and common synonyms of the three documented ones are understood.

    Any other status is kept as it came. It means "not finished", unless it is one of those for which `stopped` is true.
    """

    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> JobStatus | None:
        if not isinstance(value, str):
            return None
        word = _word(value)
        if word in _COMPLETED:
            return cls.COMPLETED
        if word in _FAILED:
            return cls.FAILED
        if word == cls.PROCESSING.value:
            return cls.PROCESSING
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = value
        return unknown

    @property
    def stopped(self) -> bool:
        """Whether the job has ended without a video in an undocumented way: cancelled, timed out, deleted."""
        return _word(self.value) in _STOPPED

    @property
    def finished(self) -> bool:
        """Whether the job has ended, with a video or without."""
        return self.stopped or self in {JobStatus.COMPLETED, JobStatus.FAILED}


def _word(status: str) -> str:
    return "_".join(status.casefold().replace("-", " ").replace("_", " ").split())


# The field of a job that keeps the original of values that were converted.
AS_RECEIVED: Final = "as_received"


def _as_id(value: Any) -> Any:
    """Accept a number as an id too, because the id of a paid job must not be lost."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_text(value: Any) -> str:
    """Return an error of any shape as text. The documented value for "no error" is the empty string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_status(value: Any) -> Any:
    """Return a status of any shape as text. If it is not a string, it is an unknown status."""
    if value is None:
        return JobStatus.PROCESSING
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number_or_none(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


class Job(BaseModel):
    """A job as the service describes it. Undocumented fields are kept as they came.

    Only the id has to be valid. Nothing in the other fields may make the id of a paid job get lost.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, protected_namespaces=())

    id: Annotated[str, BeforeValidator(_as_id), Field(min_length=1)] = Field(
        # The service's prose says requestId, its examples say id.
        validation_alias=AliasChoices("id", "requestId"),
        description="The job id, what the service's prose calls requestId.",
    )
    status: Annotated[JobStatus, BeforeValidator(_as_status), WithJsonSchema({"type": "string"})] = Field(
        default=JobStatus.PROCESSING, description="processing, completed, failed, or another."
    )
    # Never match on it: it says "lipsync" while processing and "lipsync-image" when done.
    model: Annotated[str | None, BeforeValidator(_text_or_none)] = Field(
        default=None, description="The model's name as the service gives it; it changes."
    )
    output: Annotated[str | None, BeforeValidator(_text_or_none)] = Field(
        default=None, description="URL of the video once completed; it expires."
    )
    error: Annotated[str, BeforeValidator(_as_text)] = Field(default="", description="Why it failed; empty if not.")
    execution_time_ms: Annotated[int | float | None, BeforeValidator(_number_or_none)] = Field(
        default=None, alias="executionTime", description="How long the service worked on it, in milliseconds."
    )
    timings: Any = None

    @model_validator(mode="before")
    @classmethod
    def _understand(cls, data: Any) -> Any:
        """Find the output, whatever its shape. The originals of converted values are kept in `as_received`."""
        if not isinstance(data, Mapping) or AS_RECEIVED in data:
            return data
        output, came, status = output_in(data), data.get("output"), data.get("status")
        received = {} if came in (None, "", output) else {"output": came}
        if isinstance(status, str) and JobStatus(status) != status:
            received["status"] = status
        return {**data, "output": output, **({AS_RECEIVED: received} if received else {})}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # A message of the service may quote the API key, and tracebacks can show the repr of local variables.
        for name, value in super().__repr_args__():
            yield name, redact(value) if isinstance(value, str) else value

    @property
    def received(self) -> dict[str, Any]:
        """The original values of the fields that were converted. `wire` includes them."""
        return dict((self.model_extra or {}).get(AS_RECEIVED) or {})

    @property
    def finished(self) -> bool:
        """Whether the job has ended, with a video or without."""
        return self.status.finished

    def wire(self) -> dict[str, Any]:
        """Return the job as a JSON object with the service's field names."""
        return self.model_dump(mode="json", by_alias=True)


class WebhookEvent(Job):
    """The body of a webhook that the service sends when a job has ended: the job object.

    It is not signed, so do not trust it: fetch the job by its id.
    """


def parse_job(data: object, *, asked_for: str | None = None) -> Job:
    """Read a job from a decoded JSON response, with or without an envelope; see `_reading`.

    *asked_for* is the id of the job that was polled; it is used if the response has no id. If the response is not a
    job, the message of the ValueError is one line and quotes the service.
    """
    if isinstance(data, list) and len(data) == 1:
        (data,) = data
    if not isinstance(data, Mapping):
        raise ValueError("it is not a JSON object")  # noqa: TRY004  # it is a value from the wire
    fields = opened(writable(data), asked_for)
    job_id = id_in(fields)
    if job_id is None and (asked_for is None or not any(fields.get(name) for name in ("status", "output"))):
        words = said(fields)
        raise ValueError(f"it is not a job, but says: {words}" if words else "it is not a job")
    return Job.model_validate({**fields, "id": job_id or asked_for})


# At its first use in a process, pydantic takes locks of its own while other threads run. A child that is forked at that
# moment would wait for them forever. So the first use is here, not beside a fork.
Job(id="first").model_dump(mode="json", exclude={"model"})
