"""Checks that the service answers at a base URL and accepts the API key. This costs nothing.

The service documents that it expects the API key as a Bearer token, but not what its errors look like. So this polls a
job that cannot exist, with the API key and without. The responses have to be JSON, and to differ.
"""

from __future__ import annotations

import json
from typing import Final

from lipsync_nodes.client._sync import LipsyncClient
from lipsync_nodes.errors import ConfigurationError, ConnectionFailed
from lipsync_nodes.flows import NO_JOB, Flow, Policy, Send
from lipsync_nodes.http import fetch
from lipsync_nodes.service import Answer, NoAnswer, error_of
from lipsync_nodes.settings import Profile

# Possible responses for a job that does not exist, with a valid API key.
_NO_SUCH_JOB: Final = frozenset({400, 404, 410, 422})
_NO_KEY: Final = frozenset({401, 403})


def check_service(profile: Profile, *, request_timeout: float = 20.0) -> str:
    """Return a sentence if the service answers at a profile's base URL and accepts its API key.

    Raises:
        LipsyncError: it does not, or another server answers.

    """
    path = f"/jobs/{NO_JOB}"
    with LipsyncClient(profile=profile, policy=Policy(request_timeout=request_timeout)) as client:
        ours = client._drive(_ask(path, request_timeout))  # noqa: SLF001  # a flow of ours
    if isinstance(ours, NoAnswer):
        raise ConnectionFailed(code="service_check.no_answer", base_url=profile.base_url, reason=ours.reason)
    if not (ours.ok or ours.status in _NO_SUCH_JOB):
        raise error_of(ours)  # without the id, which is of no job
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
