"""The JSON document of an exported state. An imported one is not trusted: each value is checked before it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lipsync_nodes.sandbox.faults.rules import Rule
from lipsync_nodes.sandbox.jobs.store import StoredJob
from lipsync_nodes.sandbox.server.archive import BadArchive
from lipsync_nodes.sandbox.server.describing import sentences
from lipsync_nodes.sandbox.server.journal import Received
from lipsync_nodes.sandbox.server.urls import check_webhook_url
from lipsync_nodes.service import CATALOGUE

__all__ = ["Document", "parsed"]

_LATEST: Final = 1e12  # no clock comes so far, and later the seconds get lost in a float
_ENDPOINTS: Final = frozenset(spec.id for spec in CATALOGUE)


def _known(endpoint: str) -> str:
    if endpoint not in _ENDPOINTS:
        raise ValueError("there is no such endpoint")
    return endpoint


_Endpoint = Annotated[str, AfterValidator(_known)]
_Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
_Webhook = Annotated[str, AfterValidator(check_webhook_url)]
_Seconds = Annotated[float, Field(ge=0, le=_LATEST)]
_Count = Annotated[int, Field(ge=0, le=2**53)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Cause(_Part):
    code: str = ""
    facts: dict[str, Any] = {}
    remedy: list[str] = []


class _Warning(_Part):
    code: str
    facts: dict[str, Any]


class _Picture(_Part):
    """The facts of a video, or nothing at all."""

    seconds: _Seconds = 0.0
    width: _Count = 0
    height: _Count = 0
    fps: _Seconds = 0.0
    sync: float = 0.0
    warning: _Warning | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        facts = {"seconds", "width", "height", "fps", "sync"}
        if self.model_fields_set and not facts <= self.model_fields_set:
            raise ValueError("a video has seconds, width, height, fps and sync")
        return self


class _Statuses(_Part):
    status: str
    polls: _Count


class _Quirks(_Part):
    fail: str = ""
    seconds: _Seconds = 0.0
    no_output: bool = False
    job_status: _Statuses | None = None


class _Delivery(_Part):
    state: Literal["pending", "dropped", "delivered", "failed"] = "pending"
    tries: _Count = 0
    last: str = ""
    deliveries: _Count = 0


class _Job(_Part):
    """The attributes of a `StoredJob`. What an older sandbox did not write keeps its default."""

    endpoint: _Endpoint
    form: dict[str, Any]
    base: str
    webhook: _Webhook | None = None
    id: _Id
    status: Literal["processing", "completed", "failed"] = "processing"
    error: str = ""
    cause: _Cause = _Cause()
    output: str = ""
    created: _Seconds = 0.0
    started: _Seconds | None = None
    ended: _Seconds | None = None
    polls: _Count = 0
    lengths: dict[str, _Seconds] = {}
    credits: _Count | None = None
    doubt: str = ""
    picture: _Picture = _Picture()
    quirks: _Quirks = _Quirks()
    delivery: _Delivery = _Delivery()

    @model_validator(mode="after")
    def _can_be_shown(self) -> Self:
        if self.output not in {"", "card.mp4", f"{self.id}.mp4"}:
            raise ValueError("its output is not the job's own")
        try:
            sentences(self.stored())
        except Exception:  # noqa: BLE001  # facts of other types than the sentence's, in any depth
            raise ValueError("its error or its warning has no valid facts") from None
        return self

    def stored(self) -> StoredJob:
        return StoredJob(**self.model_dump(exclude_unset=True))


class _Document(_Part):
    lipsync_sandbox_state: Literal[1]
    now: _Seconds
    jobs: list[_Job]
    rules: list[Rule]
    requests: list[Received]

    @field_validator("jobs")
    @classmethod
    def _have_their_own_ids(cls, jobs: list[_Job]) -> list[_Job]:
        if len({job.id for job in jobs}) < len(jobs):
            raise ValueError("two jobs have the same id")
        return jobs


@dataclass(frozen=True, slots=True)
class Document:
    """What an exported state holds beside its files. `now` is the time by the clock of the sandbox that exported it."""

    now: float
    jobs: list[StoredJob]
    rules: list[Rule]
    requests: list[Received]


def parsed(document: Any) -> Document:
    """Return the parts of a decoded document; raise `BadArchive`, with the place of the fault, if one is not valid."""
    try:
        found = _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place, fault = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise BadArchive(f"It is not the state of a sandbox: {place or 'state.json'}: {fault}.") from None
    return Document(found.now, [job.stored() for job in found.jobs], found.rules, found.requests)
