"""The tree of errors.

LipsyncError
├── ConfigurationError      no API key, no such profile, an unsafe base URL, an extra that is not installed
├── InvalidRequest          the input is wrong: found before it was sent, or by the service (400, 422, other 4xx)
│   └── CheckRefused        a check found that it cannot work, or is likely wasted; nothing was sent
├── AuthenticationError     the service refused the API key (401, 403)
├── InsufficientCredits     the account does not have enough credits (402)
│   └── BudgetExceeded      your own budget is too small; nothing was sent
├── JobNotFound             the service does not know the job (404)
├── RateLimited             the service asks for a pause that is too long (429; for a poll also 503 with Retry-After)
├── ServiceError            the response to a poll was an error (5xx) or unreadable
├── ConnectionFailed        the service was not reached; it certainly received nothing
├── SubmitTimeout           the time ran out before the submission was sent; nothing was charged
├── SubmissionUncertain     the outcome of a submission is unknown: the job may exist and may be billed
├── JobFailed               the job ended without a video
│   └── JobStopped          the job ended in an undocumented way (cancelled, timed out, deleted) and may be billed
├── JobTimeout              the job has not ended yet; it is still running, and you can wait for it again
└── DownloadError           the output could not be saved; there is no incomplete file

Every error says what happened, whether money may have been spent, the job id if there is one, and what to do
next. It contains no sentences: `code` names what happened, `facts` are its values, and `remedy` names what to do. The
sentences are in `lipsync_nodes.words`, in English and in Chinese, and in each host's own terms.

The API key is in none of them: whatever looks like one (`sk_…`) is masked when an error is created.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from lipsync_nodes._redaction import redact

__all__ = [  # `help()` lists these, although their module is that of the package
    "AuthenticationError", "BudgetExceeded", "CheckRefused", "ConfigurationError", "ConnectionFailed", "DownloadError",
    "InsufficientCredits", "InvalidRequest", "JobFailed", "JobNotFound", "JobStopped", "JobTimeout", "LipsyncError",
    "RateLimited", "ServiceError", "SubmissionUncertain", "SubmitTimeout", "may_pass",
]  # fmt: skip

Fact = Any  # what JSON can hold


class LipsyncError(Exception):
    """The root of all errors of this package.

    Args:
        message: your own sentence, if there is no code for what happened.
        code: what happened, such as "media.too_long": a row of the tables in `lipsync_nodes.words`. It stays the same
            when sentences are reworded.
        remedy: what to do next: one or more names in those tables, in order.
        hint: your own sentence on what to do next.
        job_id: the id of the job, if there is one.
        status_code: the HTTP status of the response, if there was one.
        may_have_charged: whether the failed call may have spent credits.
        retryable: whether the same call may succeed later without a change, if this is known better than for the class.
        **facts: the values for the sentences of the code and of the remedy.

    Attributes:
        facts: the values, as JSON types, without any API key.
        host: the host in whose terms `str(error)` is written, one of `lipsync_nodes.words.HOSTS`; see `speak`.
        language: the language of `str(error)`, "en" or "zh".

    """

    retryable: bool = False
    default_code: ClassVar[str] = "error"
    default_remedy: ClassVar[tuple[str, ...]] = ()
    default_may_have_charged: ClassVar[bool] = False
    host: str = "python"
    language: str = "en"
    remedy_first: bool = False
    __module__ = "lipsync_nodes"  # the name for imports, which tracebacks and hosts show

    def __init_subclass__(cls) -> None:
        if cls.__module__ == __name__:
            cls.__module__ = "lipsync_nodes"
            # The code of JobFailed is job_failed.
            name = re.sub(r"(?<=.)(?=[A-Z])", "_", cls.__name__).lower()
            cls.default_code = vars(cls).get("default_code", name)

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
        retryable: bool | None = None,
        **facts: Fact,
    ) -> None:
        # An exception can be pickled if it has no arguments and keeps everything in `__dict__`.
        super().__init__()
        self.code = code or self.default_code
        self.facts: dict[str, Fact] = {}
        self.remedy = self.default_remedy if remedy is None else (remedy,) if isinstance(remedy, str) else remedy
        self.job_id = job_id
        self.status_code = status_code
        self.may_have_charged = self.default_may_have_charged if may_have_charged is None else may_have_charged
        if retryable is not None:
            self.retryable = retryable
        own = {"message": message, "hint": hint}
        self._add(facts | {name: text for name, text in own.items() if text is not None})
        if hint is not None:
            self.remedy = ("own",) if hint else ()

    def _add(self, facts: Mapping[str, Fact]) -> None:
        self.facts.update(_plain(facts))

    def at(self, place: str) -> Self:
        """Add the input or the line that the error is about. The outermost place is added last."""
        inner = self.facts.get("place")
        self._add({"place": f"{place}: {inner}" if inner else place})
        return self

    def speak(self, host: str, language: str = "en", *, remedy_first: bool = False) -> Self:
        """Make `str(error)`, `message` and `hint` use the terms of a host and the language of a locale.

        With *remedy_first*, `str(error)` begins with what to do, for a host that cuts off the end.
        """
        from lipsync_nodes import words  # noqa: PLC0415  # see `message`

        self.host, self.language, self.remedy_first = host, words.language_of(language), remedy_first
        return self

    def as_json(self, language: str = "en", host: str = "python") -> dict[str, Any]:
        """Return it as JSON types, with its sentences in the terms of a host."""
        names = ("code", "facts", "job_id", "status_code", "may_have_charged", "retryable")
        words = {"message": self.speak(host, language).message, "remedy": self.hint}
        return {"type": type(self).__name__, **{name: getattr(self, name) for name in names}, **words}

    def advise(self, remedy: str, **facts: Fact) -> Self:
        """Add something to do first to the remedy."""
        self.remedy = (remedy, *self.remedy)
        self._add(facts)
        return self

    @property
    def message(self) -> str:
        """What happened, in one or two sentences."""
        from lipsync_nodes import words  # noqa: PLC0415  # the tables are loaded when they are first needed

        return words.message(self, self.language)

    @property
    def hint(self) -> str:
        """What to do next, in one or two sentences."""
        from lipsync_nodes import words  # noqa: PLC0415  # see `message`

        return words.remedy(self, self.language, self.host)

    def __str__(self) -> str:
        from lipsync_nodes import words  # noqa: PLC0415  # see `message`

        return words.render(self, self.language, self.host, remedy_first=self.remedy_first)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def may_pass(error: BaseException) -> bool:
    """Return whether an error of a storage or a plugin may be temporary: it does not say that the call is wrong."""
    return not isinstance(error, _PERMANENT)


_PERMANENT: Final = (
    FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError,
    ArithmeticError, AttributeError, ImportError, LookupError, NotImplementedError, TypeError, ValueError,
)  # fmt: skip


def _plain(value: object) -> Any:
    """Return a fact as a JSON type, without any API key."""
    if isinstance(value, LipsyncError):
        return {**value.facts, "code": value.code, "job_id": value.job_id, "status_code": value.status_code}
    if isinstance(value, Mapping):
        return {str(_plain(str(name))): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if value is None or type(value) in {bool, int, float}:
        return value
    return redact(str(value)).encode("utf-8", "replace").decode()


class ConfigurationError(LipsyncError):
    """A setting is missing or unsafe. Nothing was sent."""


class InvalidRequest(LipsyncError):
    """The input is wrong. Nothing was sent, or the service refused it (4xx)."""

    default_remedy = ("correct_input",)


class CheckRefused(InvalidRequest):
    """A check before the submission found that it cannot work, or is likely wasted. Nothing was sent or charged.

    The fact `findings` lists what was found: mappings with `code`, `severity`, `field` and the facts of each.
    """

    default_code = "check.refused"
    default_remedy = ("nothing_sent",)


class AuthenticationError(LipsyncError):
    """The service refused the API key (401, 403)."""

    default_remedy = ("check_key",)


class InsufficientCredits(LipsyncError):
    """The account does not have enough credits for the job (402)."""

    default_remedy = ("add_credits",)


class BudgetExceeded(InsufficientCredits):
    """The job could cost more than is left of your own budget. Nothing was sent."""

    default_remedy = ("raise_budget",)


class JobNotFound(LipsyncError):
    """The service does not know a job with this id (404)."""

    default_remedy = ("check_job_id",)


class RateLimited(LipsyncError):
    """The service asks for a pause that is longer than the policy allows (429).

    For a poll, a 503 with Retry-After means the same. For a submission, a 503 means that it is uncertain.

    Attributes:
        retry_after: the pause that the service asks for, in seconds; None if it names none.

    """

    retryable = True
    default_remedy = ("slow_down",)

    def __init__(self, message: str | None = None, *, retry_after: float | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.retry_after = retry_after


class ServiceError(LipsyncError):
    """The response of the service was an error (5xx) or unreadable."""

    retryable = True
    default_remedy = ("try_later",)


class ConnectionFailed(LipsyncError):
    """The service was not reached. It certainly received nothing."""

    retryable = True
    default_remedy = ("check_network",)


class SubmitTimeout(LipsyncError):
    """The time ran out before the submission was sent, for example in the queue. Nothing was charged."""

    retryable = True
    default_remedy = ("more_time",)


class SubmissionUncertain(LipsyncError):
    """A submission was sent and its outcome is unknown. The job may exist and may be billed."""

    default_remedy = ("look_in_account",)
    default_may_have_charged = True


class JobFailed(LipsyncError):
    """The job ended without a video. The message quotes the service."""

    default_remedy = ("submit_corrected",)
    # The service does not document whether a failed job is billed.
    default_may_have_charged = True


class JobStopped(JobFailed):
    """The job ended without a video in an undocumented way: cancelled, timed out or deleted, for example."""

    default_remedy = ("resubmit_uncertain",)


class JobTimeout(LipsyncError):
    """The job has not ended within the given time. It is still running at the service."""

    retryable = True
    default_remedy = ("wait_again",)
    default_may_have_charged = True


class DownloadError(LipsyncError):
    """The output could not be saved. There is no incomplete file at the target."""

    retryable = True
    default_remedy = ("download_again",)
