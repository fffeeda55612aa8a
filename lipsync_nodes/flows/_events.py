"""The events that a flow sends to the ledger, and the ledger's answers. Plain values, no I/O."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from lipsync_nodes._shared import cached_property
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service import Job, whole_credits


@dataclass(frozen=True)
class Submission:
    """One paid request, and what the ledger records about it.

    Attributes:
        endpoint: the id of the endpoint.
        path: the path below the base URL to which it is POSTed.
        form_state: the form's JSON object.
        webhook: the URL to which the service sends the webhook.
        callback: the id of the token in `webhook`, if it is one of ours; see `ledger._tokens`.
        key: the submission key. Submissions with the same key are the same. None: this is a new submission.
        credits: the most credits that the job can cost, if that is known.
        seconds: the length of the video in seconds, if that is known.
        target: the file or folder for the video, if there is one.
        resubmit_uncertain: submit even if an earlier submission with this key may have been received.
        inputs: the caller's inputs, to compare them with those of the key; see `ledger._inputs`. None: do not compare.
        resubmit_changed: submit even if the key was used with other inputs.
        tags: names and values of the caller, for reports. They are recorded, and never sent to the service.

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
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.credits is not None:
            whole_credits("estimate", self.credits)

    @cached_property
    def form_json(self) -> str:
        """The form as JSON; raises `InvalidRequest` if it cannot be encoded."""
        try:
            text = json.dumps(self.form_state, ensure_ascii=False, allow_nan=False)
            text.encode()
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(code="form.not_json", reason=error) from None
        return text

    @property
    def body(self) -> str:
        """The JSON object that is POSTed."""
        webhook = f', "webhook": {json.dumps(self.webhook)}' if self.webhook else ""
        return f'{{"formState": {self.form_json}{webhook}}}'


@dataclass(frozen=True, slots=True)
class Claim:
    """Asks for the right to send this submission. Answered by `Claimed`, `Found`, `Hold` or `Uncertain`."""

    submission: Submission


@dataclass(frozen=True, slots=True)
class Sending:
    """Asks to send the request now; it takes at most `lease` seconds.

    Answered by `Hold`, `Superseded` or `Found`, or by None: then it may be sent.
    """

    row: int
    lease: float


@dataclass(frozen=True, slots=True)
class Paused:
    """The request was certainly not accepted. It is sent again after *seconds*."""

    row: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """The service accepted the submission and created this job."""

    row: int
    job: Job


@dataclass(frozen=True, slots=True)
class Refused:
    """The submission certainly created no job."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It is unknown whether the submission created a job. `since` is when it was sent, in seconds since 1970.

    Answered by `Found` if a webhook has named the job meanwhile. `webhook_expected` means that one still may.
    `job_id` is set if the submission created a job that the service no longer knows.
    """

    row: int
    reason: str
    since: float = 0.0
    webhook_expected: bool = False
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class CheckWebhook:
    """Asks whether a webhook has named the job of a submission meanwhile. Answered by `Found`, or by None."""

    row: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as a poll returned it. `callback` is that of the webhook that led to the poll, if there was one.

    `own` is False for the job of another caller, if a submission waits for its place. With `noted`, a running job is
    recorded too, because the ledger may have it as missing or stopped.
    """

    job: Job
    callback: str | None = None
    own: bool = True
    noted: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The service does not know a job with this id, or no longer knows it."""

    job_id: str


@dataclass(frozen=True, slots=True)
class WebhookReceived:
    """A webhook with a valid token reports that this job has ended. Answered by `WebhookAction`."""

    callback: str
    job_id: str


@dataclass(frozen=True, slots=True)
class WebhookHandled:
    """A webhook has been handled completely."""

    callback: str


class WebhookAction(Enum):
    """What the receiver does with a webhook."""

    REFUSE = auto()
    """Its token belongs to another job, or it comes long after the job was handled."""
    IGNORE = auto()
    """It is a repetition."""
    POLL = auto()
    """Poll the job."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The claim expired, and another caller took the key. Claim again before sending."""


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


def concerns_ledger(event: Event) -> bool:
    """Return whether an event has to be recorded. A job that is still running changes nothing."""
    return not isinstance(event, Seen) or event.job.finished or event.noted or event.callback is not None


@dataclass(frozen=True, slots=True)
class Claimed:
    """No one else is sending this submission. You may, with this row of the ledger."""

    row: int


@dataclass(frozen=True, slots=True)
class Found:
    """It was submitted before. This is its job, as last seen."""

    job: Job


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: ask again after *seconds*. Poll the job `look_at`, if set: it may have ended unnoticed."""

    seconds: float
    look_at: str | None = None
