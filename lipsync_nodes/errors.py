"""Everything that can go wrong, as one tree.

LipsyncError
├── ConfigurationError      no key, no such profile, an unsafe base URL, an extra that is not installed
├── InvalidRequest          the input is wrong: found here before it was sent, or by the service (400, 422, other 4xx)
├── AuthenticationError     the key was refused (401, 403)
├── InsufficientCredits     the account cannot pay (402)
│   └── BudgetExceeded      your own budget forbids it; nothing was sent
├── JobNotFound             the service knows no such job (404)
├── RateLimited             told to slow down for longer than we are willing to wait (429; a poll: also 503 with a pace)
├── ServiceError            the service answered a poll with an error (5xx) or with something unreadable
├── ConnectionFailed        the service was not reached; it surely received nothing
├── SubmitTimeout           the time ran out before the submit was sent; nothing was charged
├── SubmissionUncertain     a submit was sent and its outcome is unknown: the job may exist and may be billed
├── JobFailed               the job ended without a video
│   └── JobStopped          it was cancelled, timed out, deleted …: an end that is documented nowhere, and paid for
├── JobTimeout              the job has not ended yet; it goes on, and can be waited for again
└── DownloadError           the output could not be saved whole; nothing half-written was left

Every error says what happened, whether money may have been spent, the job id if there is one, and what to do
next. The API key is in none of them: whatever looks like one (`sk_…`) is masked when an error is made.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

__all__ = [
    "AuthenticationError",
    "BudgetExceeded",
    "ConfigurationError",
    "ConnectionFailed",
    "DownloadError",
    "InsufficientCredits",
    "InvalidRequest",
    "JobFailed",
    "JobNotFound",
    "JobStopped",
    "JobTimeout",
    "LipsyncError",
    "RateLimited",
    "ServiceError",
    "SubmissionUncertain",
    "SubmitTimeout",
    "conceal",
    "redact",
    "redact_keys",
]

_KEY = re.compile(r"\bsk_[A-Za-z0-9_\-]+")
# Whoever has one can say that a job has ended; see `callbacks`.
_TOKEN = re.compile(r"\bcb_[A-Za-z0-9_\-]{64}")


# The keys in use, whatever they look like: an answer may quote one in a form that no pattern knows.
_SECRETS: set[str] = set()
_SHORTEST_SECRET = 8
# All of them as one pattern: a loop over them would have each as a local variable, which tracebacks can show.
_IN_USE = re.compile(r"(?!)")


def conceal(secret: str) -> None:
    """Have *secret* masked wherever `redact` meets it, for as long as the process lives."""
    global _IN_USE  # noqa: PLW0603
    if len(secret) >= _SHORTEST_SECRET:
        _SECRETS.add(secret)
        _IN_USE = re.compile("|".join(map(re.escape, sorted(_SECRETS, key=len, reverse=True))))


def redact(text: str) -> str:
    """Return *text* with every key in use masked, and everything that looks like one or like a callback token."""
    return _TOKEN.sub("cb_***", redact_keys(text))


def redact_keys(text: str) -> str:
    """Return *text* with keys masked, but not the tokens, which the service has to know."""
    return _KEY.sub("sk_***", _IN_USE.sub("sk_***", text))


class LipsyncError(Exception):
    """The root of all errors of this package.

    Attributes:
        message: what happened, one or two sentences.
        hint: what to do next, one or two sentences.
        job_id: the job it is about, where one is known.
        status_code: the HTTP status that the service answered with, if it answered.
        may_have_charged: whether credits may have been spent by the call that failed.
        retryable: of the class: whether the same call may succeed later, with nothing changed.

    """

    retryable: ClassVar[bool] = False
    default_hint: ClassVar[str] = ""
    default_may_have_charged: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        job_id: str | None = None,
        status_code: int | None = None,
        may_have_charged: bool | None = None,
    ) -> None:
        self.message = redact(message).encode("utf-8", "replace").decode()
        self.hint = redact(self.default_hint if hint is None else hint)
        self.job_id = job_id
        self.status_code = status_code
        self.may_have_charged = self.default_may_have_charged if may_have_charged is None else may_have_charged
        # One positional argument, so that an error survives pickling between processes.
        super().__init__(self.message)

    def __str__(self) -> str:
        parts = [self.message]
        if self.job_id and self.job_id not in self.message:
            parts.append(f"Job id: {self.job_id}.")
        if self.may_have_charged:
            parts.append("Credits may have been spent.")
        parts.append(self.hint)
        return " ".join(part for part in parts if part)


class ConfigurationError(LipsyncError):
    """Something is missing or unsafe in the set-up; nothing was sent."""


class InvalidRequest(LipsyncError):
    """The input is wrong. Found here, nothing was sent; found by the service (4xx), it was refused."""

    default_hint = "Correct the input and submit again; nothing was charged."


class AuthenticationError(LipsyncError):
    """The service refused the key (401, 403)."""

    default_hint = "Check LIPSYNC_API_KEY or the profile's api_key; `lipsync-nodes doctor` tests it."


class InsufficientCredits(LipsyncError):
    """The account cannot pay for the job (402)."""

    default_hint = "Nothing was charged. Add credits to the account, or choose 480p or shorter audio."


class BudgetExceeded(InsufficientCredits):
    """The job would cost more than the budget that the caller set; nothing was sent."""

    default_hint = "Nothing was sent. Raise the budget, or choose 480p or shorter audio."


class JobNotFound(LipsyncError):
    """The service knows no job of this id (404)."""

    default_hint = "Check the job id, the base URL and that the key belongs to the account that submitted it."


class RateLimited(LipsyncError):
    """The service asks for a slower pace than we are willing to wait for (429).

    A poll is told so by a 503 with Retry-After, too; a submit that is answered so is uncertain.

    Attributes:
        retry_after: the pause that the service asks for, in seconds; None if it did not say.

    """

    retryable = True
    default_hint = "The request was refused. Try again later, with fewer requests at a time."

    def __init__(self, message: str, *, retry_after: float | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.retry_after = retry_after


class ServiceError(LipsyncError):
    """The service answered with an error (5xx) or with something that cannot be read."""

    retryable = True
    default_hint = "This is a fault of the service or of something in between; try again later."


class ConnectionFailed(LipsyncError):
    """The service could not be reached; it surely received nothing."""

    retryable = True
    default_hint = "Nothing was charged. Check the network and the base URL, then try again."


class SubmitTimeout(LipsyncError):
    """The time ran out before the submit was sent, in a queue say; nothing was charged."""

    retryable = True
    default_hint = "Nothing was sent. Try again, with more time."


class SubmissionUncertain(LipsyncError):
    """A submit was sent and its outcome is unknown: the job may exist, and may be billed."""

    default_hint = (
        "It was not sent again, so as not to pay twice. Look for the job in your account at the service "
        "before you submit the same input again."
    )
    default_may_have_charged = True


class JobFailed(LipsyncError):
    """The job ended without a video; the service's own words are in the message."""

    default_hint = "Correct the input that the message speaks of and submit a new job."
    # Whether a failed job is billed is documented nowhere.
    default_may_have_charged = True


class JobStopped(JobFailed):
    """The job ended without a video in a way that is not documented: cancelled, timed out or deleted, say."""

    default_hint = (
        "It may be billed, so the same input is not submitted again by itself. To pay for a new job, submit again "
        "with resubmit_uncertain=True (`--resubmit-uncertain`)."
    )


class JobTimeout(LipsyncError):
    """The job has not ended within the time given; it goes on at the service."""

    retryable = True
    default_hint = "It is not lost: wait for the same job id again, do not submit anew."
    default_may_have_charged = True


class DownloadError(LipsyncError):
    """The output could not be saved whole; nothing half-written was left at the target."""

    retryable = True
    default_hint = "The job itself is done: download its output again. Output URLs expire, so do it soon."
