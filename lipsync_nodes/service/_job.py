"""The job: what the service answers, as a model without I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from lipsync_nodes.errors import redact
from lipsync_nodes.service._reading import id_in, opened, output_in, said, writable

__all__ = [
    "Job",
    "JobStatus",
    "WebhookEvent",
    "parse_job",
]


# What a status may say in other words. The first two become the documented members.
_COMPLETED: Final = frozenset({"complete", "completed", "done", "finished", "succeeded", "success", "successful"})
_FAILED: Final = frozenset({"fail", "failed", "failure"})

# An end that is documented nowhere: no video, but paid for, and perhaps not the service's last word.
_STOPPED: Final = frozenset(
    {
        *("aborted", "canceled", "cancelled", "deleted", "error", "errored", "expired", "killed", "rejected"),
        *("revoked", "stopped", "terminated", "timed_out", "timedout", "timeout"),
    }
)


class JobStatus(StrEnum):
    """The state of a job. Spelling and usual synonyms of the documented three are understood.

    Any other survives as it came, and means "not finished yet", unless it says that the job has `stopped`.
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
        """Whether the job has ended without a video in a way that is not documented: cancelled, timed out, deleted."""
        return _word(self.value) in _STOPPED

    @property
    def finished(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.stopped or self in {JobStatus.COMPLETED, JobStatus.FAILED}


def _word(status: str) -> str:
    return "_".join(status.casefold().replace("-", " ").replace("_", " ").split())


# The field of a job for what came otherwise than it is understood.
AS_RECEIVED: Final = "as_received"


def _as_id(value: Any) -> Any:
    """Keep an id even if it comes as a number: it stands for a paid job."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_text(value: Any) -> str:
    """Keep an error in whatever shape it comes; the documented "none" is the empty string."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _as_status(value: Any) -> Any:
    """Keep whatever stands where a status should; what is no text is an unknown one."""
    if value is None:
        return JobStatus.PROCESSING
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number_or_none(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


class Job(BaseModel):
    """A job as the service describes it; fields that are not documented are kept as they came.

    Only the id has to be right: it stands for a paid job, and no oddity of another field may lose it.
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
        """Find the output, whatever its shape; what is understood otherwise than it came is kept as it came."""
        if not isinstance(data, Mapping) or AS_RECEIVED in data:
            return data
        output, came, status = output_in(data), data.get("output"), data.get("status")
        received = {} if came in (None, "", output) else {"output": came}
        if isinstance(status, str) and JobStatus(status) != status:
            received["status"] = status
        return {**data, "output": output, **({AS_RECEIVED: received} if received else {})}

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        # The service's words may quote the key, and a traceback shows each job that is a local variable.
        for name, value in super().__repr_args__():
            yield name, redact(value) if isinstance(value, str) else value

    @property
    def received(self) -> dict[str, Any]:
        """The fields that are understood otherwise than they came, as they came; `wire` gives them, too."""
        return dict((self.model_extra or {}).get(AS_RECEIVED) or {})

    @property
    def finished(self) -> bool:
        """Whether the job has ended, well or not."""
        return self.status.finished

    def wire(self) -> dict[str, Any]:
        """Return the job under the service's own field names, as a JSON object."""
        return self.model_dump(mode="json", by_alias=True)


class WebhookEvent(Job):
    """What a webhook is POSTed once a job ends: the job object again.

    Nobody signs it, so it is a hint only: fetch the job by its id before you believe it.
    """


def parse_job(data: object, *, asked_for: str | None = None) -> Job:
    """Read a job from a decoded JSON answer, also one that is in an envelope; see `reading`.

    Args:
        data: the decoded JSON.
        asked_for: the job id that was asked about, used where the answer leaves its own out.

    Raises:
        ValueError: the answer is no job. Its text says so, with the service's words, on one line.

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
