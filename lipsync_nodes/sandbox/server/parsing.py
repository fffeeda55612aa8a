"""Parses requests as strictly as the API's documentation allows.

How much more the service accepts is not documented. A client that works with this parser also works with a more
tolerant one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from email.message import Message
from typing import Any, Final

from starlette.requests import Request

from lipsync_nodes.sandbox.jobs.forms import parse_form
from lipsync_nodes.sandbox.server.decoding import decoded
from lipsync_nodes.sandbox.server.responses import http_error
from lipsync_nodes.sandbox.server.urls import check_media_url, check_webhook_url
from lipsync_nodes.service import CATALOGUE, NodeSpec

__all__ = ["fields_of_others", "parse_submit", "refuse_body"]

LARGEST_BODY: Final = 2**20
# A body that is somewhat too large is read to its end, because the client reads the response only then.
LARGEST_READ: Final = 16 * LARGEST_BODY
FIELDS: Final = {"formState", "webhook"}


async def parse_submit(request: Request, spec: NodeSpec) -> tuple[str | None, dict[str, Any]]:
    """Return the callback URL and the formState of a submission, or refuse it."""
    _check_type(request)
    data = _decoded(await _read_body(request))
    if beside := sorted(data.keys() - FIELDS):
        raise http_error(422, f"`{_shown(beside[0])}`: there is no such field beside `formState` and `webhook`.")
    state = data.get("formState")
    if not isinstance(state, dict):
        raise http_error(422, "`formState`: must be an object.")
    webhook = _webhook(data["webhook"]) if "webhook" in data else None
    _check_names(spec, state)
    _check_media(spec, state)
    parse_form(spec, state)
    return webhook, state


def refuse_body(request: Request) -> None:
    """Refuse a GET that has a body."""
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise http_error(400, "A GET has no body.")


@functools.cache
def fields_of_others(spec: NodeSpec) -> frozenset[str]:
    """Return the fields that other endpoints have and this one does not."""
    known = {field.name for other in CATALOGUE for field in other.fields}
    return frozenset(known - {field.name for field in spec.fields})


def _check_type(request: Request) -> None:
    if not _is_json(request.headers.get("content-type") or "text/plain"):
        raise http_error(415, "The Content-Type must be application/json.")


@functools.lru_cache(maxsize=64)
def _is_json(content_type: str) -> bool:
    kind = Message()
    kind["content-type"] = content_type
    return kind.get_content_type() == "application/json" and kind.get_content_charset("utf-8") in {"utf-8", "utf8"}


async def _read_body(request: Request) -> bytes:
    """Return the request's body, or refuse it if it is too large."""
    body, size = b"", int(request.headers.get("content-length", 0))
    if size <= LARGEST_READ:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_READ:
                break
            body = body + chunk if size <= LARGEST_BODY else b""
    if size > LARGEST_BODY:
        raise http_error(413, "The request is larger than 1 MiB.", {"Connection": "close"})
    return body


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        data = decoded(body.decode("utf-8"), pairs=_unique)
    except ValueError:
        raise http_error(400, "The body is not JSON, or names a field twice.") from None
    if not isinstance(data, dict):
        raise http_error(400, "The body is not a JSON object.")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; refuse repeated names, which parsers interpret differently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _webhook(value: Any) -> str:
    if not isinstance(value, str):
        raise http_error(422, "`webhook`: must be a URL, or left out.")
    try:
        return check_webhook_url(value)
    except ValueError as error:
        raise http_error(422, f"`webhook`: {error}.") from None


def _check_names(spec: NodeSpec, state: Mapping[str, Any]) -> None:
    """Refuse null, and the fields of other endpoints. A name that no endpoint has may be a new field."""
    others = fields_of_others(spec)
    for name in state:
        if name in others:
            raise http_error(422, f"`{name}`: {spec.id} has no such field.")
    for field in spec.fields:
        if field.name in state and field.name != "extra" and state[field.name] is None:
            raise http_error(422, f"`{field.name}`: must be left out where it is not set, it may not be null.")


def _check_media(spec: NodeSpec, state: Mapping[str, Any]) -> None:
    """Refuse media that are not URLs. The forms accept local files as well, but a service cannot read those."""
    for field in spec.media:
        if field.name not in state:
            continue  # the form reports missing fields
        if not isinstance(state[field.name], str):
            raise http_error(422, f"`{field.name}`: must be a text, an http(s) URL.")
        try:
            check_media_url(state[field.name])
        except ValueError as error:
            raise http_error(422, f"`{field.name}`: {error}.") from None


def _shown(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"  # noqa: PLR2004  # enough to recognize it
