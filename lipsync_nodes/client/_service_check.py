"""Is it the service that answers at a base URL, and does it take the key? It costs nothing.

How the service words its errors is documented nowhere, that it wants the key as a Bearer token is. So a job that
cannot be is asked for with the key and once more without: the answers have to be JSON, and to differ.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from lipsync_nodes.client._sync import LipsyncClient
from lipsync_nodes.errors import ConfigurationError, ConnectionFailed
from lipsync_nodes.flows import NO_JOB, Flow, Policy, Send
from lipsync_nodes.http import fetch
from lipsync_nodes.service import Answer, NoAnswer, error_of
from lipsync_nodes.settings import Profile

__all__ = [
    "check_service",
]


# What may be said of a job that cannot be, to somebody who may ask.
_NO_SUCH_JOB: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_NO_KEY: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def check_service(profile: Profile, *, request_timeout: float = 20.0) -> str:
    """Say in a sentence that the service answers at a profile's base URL and takes its key.

    Raises:
        LipsyncError: it does not, or whoever answers is not the service.

    """
    path = f"/jobs/{NO_JOB}"
    with LipsyncClient(profile=profile, policy=Policy(request_timeout=request_timeout)) as client:
        ours = client._drive(_ask(path, request_timeout))  # noqa: SLF001  # a flow of ours
    if isinstance(ours, NoAnswer):
        raise ConnectionFailed(code="service_check.no_answer", base_url=profile.base_url, reason=ours.reason)
    if not (ours.ok or ours.status in _NO_SUCH_JOB):
        raise error_of(ours, NO_JOB)
    if not _is_json(ours):
        kind = ours.headers.get("content-type", "something without a type")
        raise ConfigurationError(
            code="service_check.not_json",
            base_url=profile.base_url,
            status=ours.status,
            content_type=kind,
            remedy="check_whose_url",
        )
    theirs = fetch(profile.base_url + path)
    if isinstance(theirs, NoAnswer):
        raise ConnectionFailed(code="service_check.no_second_answer", base_url=profile.base_url, reason=theirs.reason)
    if theirs.status not in _NO_KEY:
        raise ConfigurationError(
            code="service_check.key_ignored",
            base_url=profile.base_url,
            without_key=theirs.status,
            with_key=ours.status,
            remedy="check_whose_url",
        )
    return f"{profile.base_url} answers and takes the key; without one it answers {theirs.status}."


def _ask(path: str, timeout: float) -> Flow[Answer | NoAnswer]:
    reply: Answer | NoAnswer = yield Send("GET", path, timeout=timeout)
    return reply


def _is_json(answer: Answer) -> bool:
    try:
        return isinstance(json.loads(answer.body), dict)
    except (ValueError, RecursionError):
        return False
