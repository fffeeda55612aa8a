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
next. It holds no sentences: `code` names what happened, `facts` are its values, and `remedy` names what to do. The
sentences are in `lipsync_nodes.words`, in English and in Chinese, and in each host's own terms.

The API key is in none of them: whatever looks like one (`sk_…`) is masked when an error is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

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

Fact = Any  # what JSON can hold

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

    Args:
        message: a sentence of your own, where there is no code for what happened.
        code: what happened, "media.too_long": a row of the tables in `lipsync_nodes.words`.
        remedy: what to do next, as those tables name it; several are done in their order.
        hint: a sentence of your own on what to do next.
        job_id: the job it is about, where one is known.
        status_code: the HTTP status that the service answered with, if it answered.
        may_have_charged: whether credits may have been spent by the call that failed.
        **facts: the values that the sentences of the code and of the remedy name.

    Attributes:
        code: what happened. It stays the same when sentences are reworded.
        facts: the values, as JSON can hold them, without any key.
        remedy: names of what to do next.
        host: in whose terms `str(error)` speaks; see `lipsync_nodes.words`. A host sets it, and `language`.
        language: the language of `str(error)`, "en" or "zh".
        retryable: of the class: whether the same call may succeed later, with nothing changed.

    """

    retryable: ClassVar[bool] = False
    default_code: ClassVar[str] = "error"
    default_remedy: ClassVar[tuple[str, ...]] = ()
    default_may_have_charged: ClassVar[bool] = False
    host: str = "python"
    language: str = "en"
    __module__ = "lipsync_nodes"  # where people import it from, and what a traceback or a host shows

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:
            cls.__module__ = "lipsync_nodes"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        remedy: str | tuple[str, ...] | None = None,
        hint: str | None = None,
        job_id: str | None = None,
        status_code: int | None = None,
        may_have_charged: bool | None = None,
        **facts: Fact,
    ) -> None:
        # Without arguments, and with all else in `__dict__`, an error survives pickling between processes.
        super().__init__()
        self.code = code or self.default_code
        self.facts: dict[str, Fact] = {}
        self.remedy = self.default_remedy if remedy is None else (remedy,) if isinstance(remedy, str) else remedy
        self.job_id = job_id
        self.status_code = status_code
        self.may_have_charged = self.default_may_have_charged if may_have_charged is None else may_have_charged
        self._add(facts if message is None else {**facts, "message": message})
        if hint is not None:
            self.hint = hint

    def _add(self, facts: Mapping[str, Fact]) -> None:
        self.facts.update(_plain(facts))

    def at(self, place: str) -> Self:
        """Name the input or the line that the error is about; the outermost is named last."""
        inner = self.facts.get("place")
        self._add({"place": f"{place}: {inner}" if inner else place})
        return self

    def advise(self, remedy: str, **facts: Fact) -> Self:
        """Put what is to be done before all else in front of the remedy."""
        self.remedy = (remedy, *self.remedy)
        self._add(facts)
        return self

    @property
    def message(self) -> str:
        """What happened, one or two sentences."""
        from lipsync_nodes import words  # noqa: PLC0415  # the tables are loaded once a sentence is needed

        return words.message(self, self.language)

    @property
    def hint(self) -> str:
        """What to do next, one or two sentences."""
        from lipsync_nodes import words  # noqa: PLC0415  # see `message`

        return words.remedy(self, self.language, self.host)

    @hint.setter
    def hint(self, hint: str) -> None:
        self.remedy = ("own",) if hint else ()
        self._add({"hint": hint})

    def __str__(self) -> str:
        from lipsync_nodes import words  # noqa: PLC0415  # see `message`

        return words.render(self, self.language, self.host)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def _plain(value: object) -> Any:
    """Return a fact as JSON can hold it, without any key."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if value is None or type(value) in {bool, int, float}:
        return value
    return redact(str(value)).encode("utf-8", "replace").decode()


class ConfigurationError(LipsyncError):
    """Something is missing or unsafe in the set-up; nothing was sent."""

    default_code = "configuration_error"


class InvalidRequest(LipsyncError):
    """The input is wrong. Found here, nothing was sent; found by the service (4xx), it was refused."""

    default_code = "invalid_request"
    default_remedy = ("correct_input",)


class AuthenticationError(LipsyncError):
    """The service refused the key (401, 403)."""

    default_code = "authentication_error"
    default_remedy = ("check_key",)


class InsufficientCredits(LipsyncError):
    """The account cannot pay for the job (402)."""

    default_code = "insufficient_credits"
    default_remedy = ("add_credits",)


class BudgetExceeded(InsufficientCredits):
    """The job would cost more than the budget that the caller set; nothing was sent."""

    default_code = "budget_exceeded"
    default_remedy = ("raise_budget",)


class JobNotFound(LipsyncError):
    """The service knows no job of this id (404)."""

    default_code = "job_not_found"
    default_remedy = ("check_job_id",)


class RateLimited(LipsyncError):
    """The service asks for a slower pace than we are willing to wait for (429).

    A poll is told so by a 503 with Retry-After, too; a submit that is answered so is uncertain.

    Attributes:
        retry_after: the pause that the service asks for, in seconds; None if it did not say.

    """

    retryable = True
    default_code = "rate_limited"
    default_remedy = ("slow_down",)

    def __init__(self, message: str | None = None, *, retry_after: float | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.retry_after = retry_after


class ServiceError(LipsyncError):
    """The service answered with an error (5xx) or with something that cannot be read."""

    retryable = True
    default_code = "service_error"
    default_remedy = ("try_later",)


class ConnectionFailed(LipsyncError):
    """The service could not be reached; it surely received nothing."""

    retryable = True
    default_code = "connection_failed"
    default_remedy = ("check_network",)


class SubmitTimeout(LipsyncError):
    """The time ran out before the submit was sent, in a queue say; nothing was charged."""

    retryable = True
    default_code = "submit_timeout"
    default_remedy = ("more_time",)


class SubmissionUncertain(LipsyncError):
    """A submit was sent and its outcome is unknown: the job may exist, and may be billed."""

    default_code = "submission_uncertain"
    default_remedy = ("look_in_account",)
    default_may_have_charged = True


class JobFailed(LipsyncError):
    """The job ended without a video; the service's own words are in the message."""

    default_code = "job_failed"
    default_remedy = ("submit_corrected",)
    # Whether a failed job is billed is documented nowhere.
    default_may_have_charged = True


class JobStopped(JobFailed):
    """The job ended without a video in a way that is not documented: cancelled, timed out or deleted, say."""

    default_code = "job_stopped"
    default_remedy = ("resubmit_uncertain",)


class JobTimeout(LipsyncError):
    """The job has not ended within the time given; it goes on at the service."""

    retryable = True
    default_code = "job_timeout"
    default_remedy = ("wait_again",)
    default_may_have_charged = True


class DownloadError(LipsyncError):
    """The output could not be saved whole; nothing half-written was left at the target."""

    retryable = True
    default_code = "download_error"
    default_remedy = ("download_again",)
