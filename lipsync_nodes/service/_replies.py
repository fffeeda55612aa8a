"""The service's responses, and the error for each. No I/O, no clock.

The service does not document error bodies, so any shape is read and none is relied on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, TypedDict

from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import (
    AuthenticationError,
    ConfigurationError,
    InsufficientCredits,
    InvalidRequest,
    JobNotFound,
    LipsyncError,
    RateLimited,
    ServiceError,
    SubmissionUncertain,
)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Gateways send these 4xx when they or the client stopped waiting: 408, nginx's 499, AWS's 460.
_GAVE_UP: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, 460, 499})
_HAS_PACE: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the service. The body may be cut short. `received` is the time, in seconds since 1970."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # they may quote the API key
    body: bytes = field(default=b"", repr=False)
    received: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def refused(self) -> bool:
        """Whether the request was certainly refused: a 4xx, except those that stand for a timeout."""
        client_error = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return client_error and self.status not in _GAVE_UP


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """There was no response. `sent` is False only if the service certainly received nothing."""

    reason: str
    sent: bool


def submit_error(answer: Answer) -> LipsyncError:
    """Return the error for a submission that was not accepted: it was certainly refused, or its outcome is unknown.

    Gateways can send a Retry-After or a redirect even after the service has received the request.
    """
    if answer.refused:
        return error_of(answer)
    target = _target(answer) if "location" in answer.headers else ""
    return SubmissionUncertain(
        code="submit.unclear_answer", words=_words(answer), target=target, status_code=answer.status
    )


def error_of(answer: Answer, job_id: str | None = None) -> LipsyncError:
    """Return the error for a response that is not 2xx. *job_id* is that of a poll."""
    status, words = answer.status, _words(answer)
    about = _About(job_id=job_id, status_code=status)
    pace = retry_after(answer)
    if status == HTTPStatus.TOO_MANY_REQUESTS or pace is not None:
        return RateLimited(code="service.asks_to_wait", pace=pace, words=words, retry_after=pace, **about)
    if status in _REDIRECTS:
        target = _target(answer)
        return ConfigurationError(code="service.redirects", target=target, remedy="use_that_base_url", **about)
    if not answer.refused:
        return ServiceError(code="service.failed", words=words, **about)
    return _refusal(status, words, about)


class _About(TypedDict):
    """The facts that all errors of a response have."""

    job_id: str | None
    status_code: int


def _refusal(status: int, words: str, about: _About) -> LipsyncError:
    # Only for a submission, a refusal means that nothing was charged. A polled job was paid for before.
    polled = about["job_id"] is not None
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return AuthenticationError(code="service.refused_key", words=words, **about)
        case HTTPStatus.PAYMENT_REQUIRED:
            remedy = "add_credits_then_poll" if polled else None
            return InsufficientCredits(code="service.cannot_pay", words=words, remedy=remedy, **about)
        case HTTPStatus.NOT_FOUND if polled:
            return JobNotFound(code="service.no_such_job", words=words, **about)
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            ways = ("check_base_url",) if polled else ("nothing_charged", "check_base_url")
            return InvalidRequest(code="service.no_such_endpoint", words=words, remedy=ways, **about)
        case _:
            remedy = "check_job_id_and_url" if polled else None
            return InvalidRequest(code="service.refused", words=words, remedy=remedy, **about)


def _target(answer: Answer) -> str:
    return shorten(answer.headers.get("location") or "somewhere else")


def _words(answer: Answer) -> str:
    """Return what the service says of an error: a JSON field if there is one, else its text without markup."""
    text = answer.body[:2000].decode("utf-8", "replace").strip()
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "" if text.startswith("<") else shorten(text)
    if isinstance(body, dict):
        body = next((body[name] for name in ("error", "message", "detail", "msg") if body.get(name)), body)
    return shorten(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))


def shorten(text: object) -> str:
    """Return an untrusted text on one line, with at most 300 characters and without a full stop."""
    return " ".join(redact(str(text)).split())[:300].rstrip(".")


def retry_after(answer: Answer) -> float | None:
    """Return the pause that a 429 or 503 asks for, in seconds; None if it asks for none."""
    if answer.status not in _HAS_PACE:
        return None
    if (milliseconds := _number(answer.headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = answer.headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None else _until(value, answer)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(number) else max(0.0, number)


def _until(date: str | None, answer: Answer) -> float | None:
    """Return the seconds until an HTTP date, by the server's own clock where it gives one."""
    until = _timestamp(date)
    now = _timestamp(answer.headers.get("date"))
    return None if until is None else max(0.0, until - (answer.received if now is None else now))


def _timestamp(date: str | None) -> float | None:
    """Return an HTTP date in seconds since 1970; one without a zone is UTC, as all HTTP dates are."""
    try:
        when = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
