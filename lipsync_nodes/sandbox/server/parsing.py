"""Reading requests as strictly as the contract allows: what no client of the contract would send is refused.

The service's own tolerance is documented nowhere. A client that gets along with this gets along with less, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from email.message import Message
from typing import Any, Final

from starlette.requests import Request

from lipsync_nodes.catalogue import CATALOGUE, NodeSpec
from lipsync_nodes.sandbox.jobs.runner import form_of
from lipsync_nodes.sandbox.server.responses import refuse
from lipsync_nodes.sandbox.server.urls import check_url, check_webhook

__all__ = ["foreign", "read_submit", "refuse_body"]

LARGEST_BODY: Final = 2**20
# A body somewhat too large is read to its end, so that the client hears the answer; a huge one is not.
LARGEST_READ: Final = 16 * LARGEST_BODY
FIELDS: Final = {"formState", "webhook"}


async def read_submit(request: Request, spec: NodeSpec) -> tuple[str | None, dict[str, Any]]:
    """Return a submit's webhook and formState, or refuse it; nothing is kept of a refused one."""
    _check_type(request)
    data = _decoded(await _whole(request))
    if beside := sorted(data.keys() - FIELDS):
        raise refuse(422, f"`{_shown(beside[0])}`: there is no such field beside `formState` and `webhook`.")
    state = data.get("formState")
    if not isinstance(state, dict):
        raise refuse(422, "`formState`: must be an object.")
    webhook = _webhook(data["webhook"]) if "webhook" in data else None
    _check_names(spec, state)
    _check_media(spec, state)
    form_of(spec, state)
    return webhook, state


def refuse_body(request: Request) -> None:
    """Refuse a GET that has a body."""
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise refuse(400, "A GET has no body.")


def foreign(spec: NodeSpec) -> set[str]:
    """Return the fields that only other endpoints have."""
    return {field.name for other in CATALOGUE for field in other.fields} - {field.name for field in spec.fields}


def _check_type(request: Request) -> None:
    kind = Message()
    kind["content-type"] = request.headers.get("content-type") or "text/plain"
    charset = kind.get_content_charset("utf-8")
    if kind.get_content_type() != "application/json" or charset not in {"utf-8", "utf8"}:
        raise refuse(415, "The Content-Type must be application/json.")


async def _whole(request: Request) -> bytes:
    """Return the request's body, or refuse it if it is too large."""
    body, size = b"", 0
    too_large = refuse(413, "The request is larger than 1 MiB.", {"Connection": "close"})
    if int(request.headers.get("content-length", 0)) > LARGEST_READ:
        raise too_large
    async for chunk in request.stream():
        size += len(chunk)
        if size > LARGEST_READ:
            raise too_large
        body = body + chunk if size <= LARGEST_BODY else b""
    if size > LARGEST_BODY:
        raise too_large
    return body


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8")
        data = json.loads(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise refuse(400, "The body is not JSON, or names a field twice.") from None
    if not isinstance(data, dict):
        raise refuse(400, "The body is not a JSON object.")
    return data


def _finite(text: str) -> float:
    """Read a number; NaN, Infinity and what is as large are none."""
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; one that names a field twice means something else to each reader."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _webhook(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse(422, "`webhook`: must be a URL, or left out.")
    try:
        return check_webhook(value)
    except ValueError as error:
        raise refuse(422, f"`webhook`: {error}.") from None


def _check_names(spec: NodeSpec, state: Mapping[str, Any]) -> None:
    """Refuse null for "not set", and fields of other endpoints; a name that nobody knows may be a new field."""
    for name in state:
        if name in foreign(spec):
            raise refuse(422, f"`{name}`: {spec.id} has no such field.")
    for field in spec.fields:
        if field.name in state and field.name != "extra" and state[field.name] is None:
            raise refuse(422, f"`{field.name}`: must be left out where it is not set, it may not be null.")


def _check_media(spec: NodeSpec, state: Mapping[str, Any]) -> None:
    """Refuse media that are no URLs: the forms take local files, too, which a service cannot see."""
    for field in spec.media:
        if field.name not in state:
            continue  # the form says which fields are missing
        if not isinstance(state[field.name], str):
            raise refuse(422, f"`{field.name}`: must be a text, an http(s) URL.")
        try:
            check_url(state[field.name])
        except ValueError as error:
            raise refuse(422, f"`{field.name}`: {error}.") from None


def _shown(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"  # noqa: PLR2004  # enough to know it by
