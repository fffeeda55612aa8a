"""The outermost layer: records and logs every request, and applies the matching fault rules."""

from __future__ import annotations

import logging
import re
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync_nodes.sandbox.faults.http import Exchange
from lipsync_nodes.sandbox.faults.rules import Rule
from lipsync_nodes.sandbox.jobs.store import API_PATH
from lipsync_nodes.sandbox.server.journal import Received
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.service import CATALOGUE

__all__ = ["RequestMiddleware"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_PREFER: Final = re.compile(rb"\bcode=([2-5]\d\d)\b")
# A base URL without the path of the API is understood too.
_API_WITHOUT_PATH: Final = re.compile("|".join([*(re.escape(spec.path) for spec in CATALOGUE), "/jobs/[^/]+"]))
_LARGEST_NOTED_BODY: Final = 2**20


class RequestMiddleware:
    """ASGI middleware. It leaves the page and `/sandbox/…` alone.

    Args:
        app: the sandbox without faults.
        service: its parts.

    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, with the matching faults."""
        if scope["type"] == "http" and _API_WITHOUT_PATH.fullmatch(scope["path"]):
            scope = {**scope, "path": API_PATH + scope["path"]}
        place = _place(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if place is None:
            await self._app(scope, receive, send)
            return
        entry = self._service.journal.note(place, scope)
        noting = self._noting(entry, receive) if place == "submit" else receive
        rules = self._service.faults.strike(place, scope["method"], scope["path"]) or _preferred(scope)
        wait = self._service.wait_unless_stopping
        await Exchange(self._app, scope, noting, _logging(entry, send), send, wait).run(rules)

    def _noting(self, entry: Received, receive: Receive) -> Receive:
        """Wrap *receive* so that the body is recorded while it is read."""
        body = bytearray()

        async def note_and_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request" and len(body) <= _LARGEST_NOTED_BODY:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._service.journal.note_body(entry, bytes(body))
            return message

        return note_and_receive


def _place(method: str, path: str) -> str | None:
    """Return which place of the fault rules a request belongs to, or None."""
    if path.startswith(f"{API_PATH}/jobs/"):
        return "poll"
    if path.startswith(f"{API_PATH}/"):
        return "submit" if method == "POST" else None
    return {"outputs": "output", "files": "files"}.get(path.split("/")[1])


def _preferred(scope: Scope) -> list[Rule]:
    """Read `Prefer: code=429`, as the mock server Prism does: a fault for this request alone."""
    for name, value in scope["headers"]:
        if name == b"prefer" and (wanted := _PREFER.search(value)):
            return [Rule(action="status", code=int(wanted[1]))]
    return []


def _logging(entry: Received, send: Send) -> Send:
    """Wrap *send* so that the response is logged, if the log is on."""
    if not _LOG.isEnabledFor(logging.INFO):
        return send
    began = time.monotonic()

    async def log_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            facts = {"method": entry.method, "path": entry.path, "status": message["status"]}
            milliseconds = round(1000 * (time.monotonic() - began), 1)
            _LOG.info("%s %s %d", *facts.values(), extra={**facts, "milliseconds": milliseconds})
        await send(message)

    return log_and_send
