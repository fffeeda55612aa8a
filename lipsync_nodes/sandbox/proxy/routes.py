"""What a request to the proxy is: a submission, a poll, or something else below the base URL."""

from __future__ import annotations

import json
import re
from typing import Any, Final, Literal, NamedTuple

from starlette.types import Message, Receive, Scope, Send

from lipsync_nodes.sandbox.jobs.store import API_PATH
from lipsync_nodes.service import CATALOGUE, NodeSpec

__all__ = ["Asked", "Gone", "asked", "cut", "respond", "respond_in_part", "whole_body"]

_SPECS: Final = {spec.path: spec for spec in CATALOGUE}
_JOB: Final = re.compile(r"/jobs/([^/]+)")
LARGEST_REQUEST: Final = 16 * 2**20


class Gone(Exception):  # not final: the client has left
    """The client disconnected, or sent too much, before its request was complete."""


class Asked(NamedTuple):
    """A request below the base URL.

    Attributes:
        where: submit, poll, or other.
        path: the path below the base URL.
        target: the same as it came, percent-encoded and with the query.
        job_id: the job of a poll; else empty.
        spec: the endpoint of a submission; else None.

    """

    where: Literal["submit", "poll", "other"]
    method: str
    path: str
    query: str
    target: str
    job_id: str = ""
    spec: NodeSpec | None = None


def asked(scope: Scope) -> Asked | None:
    """Return what a request asks for; None if it is not below the base URL."""
    method, path = scope["method"], scope["path"]
    if not path.startswith(f"{API_PATH}/"):
        return None
    path = path.removeprefix(API_PATH)
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"].decode("latin-1")
    target = raw.decode("latin-1").removeprefix(API_PATH) + (f"?{query}" if query else "")
    if method == "POST" and path in _SPECS:
        return Asked("submit", method, path, query, target, spec=_SPECS[path])
    if method == "GET" and (job := _JOB.fullmatch(path)):
        return Asked("poll", method, path, query, target, job_id=job[1])
    return Asked("other", method, path, query, target)


async def whole_body(receive: Receive) -> bytes:
    """Return the whole body of a request, so that the service gets all of it or nothing; raise `Gone`."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        body += message.get("body", b"")
        if len(body) > LARGEST_REQUEST:
            raise Gone
        if not message.get("more_body"):
            return bytes(body)


async def respond(send: Send, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
    """Send a response that did not come from the service now: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode("ascii")
    named = {"content-type": "application/json"} if headers is None else headers
    await send(_start(status, {**named, "content-length": str(len(body))}))
    await send({"type": "http.response.body", "body": body})


async def respond_in_part(send: Send, receive: Receive, status: int, content: bytes, headers: dict[str, str]) -> None:
    """Send a response that breaks off."""
    await send(_start(status, headers))
    await send({"type": "http.response.body", "body": content, "more_body": True})
    await cut(send, receive)


async def cut(send: Send, receive: Receive) -> None:
    """Close the client's connection after what was sent. See `faults.http.Exchange`, which does the same."""
    send.__self__.transport.close()  # type: ignore[attr-defined]
    while (await receive())["type"] != "http.disconnect":
        pass


def _start(status: int, headers: dict[str, str]) -> Message:
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}
