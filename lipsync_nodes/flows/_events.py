"""What a flow tells the ledger, and what the ledger answers. Values only, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import cached_property
from typing import Any

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service import Job, whole_credits

__all__ = [
    "Accepted",
    "CheckWebhook",
    "Claim",
    "Claimed",
    "Event",
    "Found",
    "Gone",
    "Hold",
    "Paused",
    "Refused",
    "Seen",
    "Sending",
    "Submission",
    "Superseded",
    "Uncertain",
    "WebhookAction",
    "WebhookHandled",
    "WebhookReceived",
]


@dataclass(frozen=True)
class Submission:
    """One paid request, and all that is to be remembered of it.

    Attributes:
        endpoint: the endpoint's id.
        path: where it is POSTed to, below the base URL.
        form_state: what is submitted.
        webhook: where the service is to tell of the job's end.
        callback: the id of the token in `webhook`, if it is one of ours; see `callbacks`.
        key: the submission key; submissions of the same key are the same. None: this one is like no other.
        credits: what it will cost at most, if that is known.
        seconds: how many seconds of video it makes, if that is known.
        target: the file that its video is meant for, if there is one.
        resubmit_uncertain: submit even if an earlier one of this key may have been received.
        inputs: what the caller gave, where that has to be what the key stood for before; see `inputs`.
        resubmit_changed: submit even if the key stood for other inputs before.

    """

    endpoint: str
    path: str
    form_state: Mapping[str, Any]
    webhook: str | None = field(default=None, repr=False)
    callback: str | None = None
    key: str | None = None
    credits: int | None = None
    seconds: float | None = None
    target: str | None = None
    resubmit_uncertain: bool = False
    inputs: Mapping[str, Any] | None = field(default=None, repr=False)
    resubmit_changed: bool = False

    def __post_init__(self) -> None:
        if self.credits is not None:
            whole_credits("estimate", self.credits)

    @cached_property
    def form_json(self) -> str:
        """What is submitted, as JSON; `InvalidRequest` if it cannot be written as such."""
        try:
            text = json.dumps(self.form_state, ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"The form cannot be sent as JSON: {error}.") from None
        return text

    @property
    def body(self) -> str:
        """The JSON object that is POSTed."""
        webhook = f', "webhook": {json.dumps(self.webhook)}' if self.webhook else ""
        return f'{{"formState": {self.form_json}{webhook}}}'


@dataclass(frozen=True, slots=True)
class Claim:
    """Asks to be the one that submits this. Answered by `Claimed`, `Found`, `Hold` or `Uncertain`."""

    submission: Submission


@dataclass(frozen=True, slots=True)
class Sending:
    """Says that the request leaves now, and may be on its way for `lease` seconds.

    Answered by `Hold`, by `Superseded`, by `Found`, or by nothing: then it may leave.
    """

    row: int
    lease: float


@dataclass(frozen=True, slots=True)
class Paused:
    """The request surely did not get through; it leaves again in so many seconds."""

    row: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service took the submit and made this job."""

    row: int
    job: Job


@dataclass(frozen=True, slots=True)
class Refused:
    """The submit surely made no job."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Nobody knows whether the submit made a job; `since` is when it was sent, in seconds since 1970.

    Answered by `Found` where a webhook has told of the job meanwhile. `called_back` says that one still may.
    `job_id` is the job that it made, where the service does not know that one any more.
    """

    row: int
    reason: str
    since: float = 0.0
    webhook_expected: bool = False
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class CheckWebhook:
    """Asks whether a webhook has told of a submit's job meanwhile. Answered by `Found`, or by nothing."""

    row: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as it was just seen; `callback` is that of the webhook which told where to look, if one did.

    `own` is False for somebody else's job, whose place a submit waits for. With `noted` it is written down also if it
    merely runs: the ledger may have it that it is missing, or has stopped.
    """

    job: Job
    callback: str | None = None
    own: bool = True
    noted: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The service knows no job of this id (any more)."""

    job_id: str


@dataclass(frozen=True, slots=True)
class WebhookReceived:
    """A webhook whose token is genuine says that this job has ended. Answered by `WebhookAction`."""

    callback: str
    job_id: str


@dataclass(frozen=True, slots=True)
class WebhookHandled:
    """Whoever is to know of a webhook's job knows its end."""

    callback: str


class WebhookAction(Enum):
    """What is to be done about a webhook."""

    REFUSE = auto()
    """It is not about the job that its token belongs to, or comes long after everything was over."""
    IGNORE = auto()
    """It says again what is known."""
    POLL = auto()
    """The job is to be looked at."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The claim ran out, and somebody else took the key: claim again before anything is sent."""


Event = (
    Claim
    | Sending
    | Paused
    | Accepted
    | Refused
    | Uncertain
    | CheckWebhook
    | Seen
    | Gone
    | WebhookReceived
    | WebhookHandled
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Nobody else submits this: it is yours, under this row of the ledger."""

    row: int


@dataclass(frozen=True, slots=True)
class Found:
    """It was submitted before; this is its job as it was last seen."""

    job: Job


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: ask again after so many seconds. `look_at` is a job that may have ended without anybody noticing."""

    seconds: float
    look_at: str | None = None
