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
from lipsync_nodes.sandbox.server.access import Origins
from lipsync_nodes.sandbox.server.journal import Received
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.service import CATALOGUE

__all__ = ["RequestMiddleware"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_PREFER: Final = re.compile(r"\bcode=([2-5][0-9]{2})\b")
# A base URL without the path of the API is understood too.
_API_WITHOUT_PATH: Final = re.compile("|".join([*(re.escape(spec.path) for spec in CATALOGUE), "/jobs/[^/]+"]))
_LARGEST_NOTED_BODY: Final = 2**20
_SHOWN_BY_A_PAGE: Final = frozenset({b"audio", b"image", b"video"})


class RequestMiddleware:
    """ASGI middleware. It leaves the page and `/sandbox/…` alone.

    Args:
        app: the sandbox without faults.
        service: its parts.

    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service
        self._origins = Origins(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, with the matching faults."""
        if scope["type"] == "http" and _API_WITHOUT_PATH.fullmatch(scope["path"]):
            scope = {**scope, "path": API_PATH + scope["path"]}
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if preflight := self._origins.preflight(scope):
            await preflight(scope, receive, send)
            return
        allowing = self._origins.allowing(scope, send)
        place = _place(scope["method"], scope["path"])
        if place is None or (place in {"output", "files"} and _is_shown_by_the_page(scope)):
            await self._app(scope, receive, allowing)
            return
        entry = self._note(place, scope)
        began = time.monotonic()
        try:
            await self._exchange(entry, scope, receive, _recording(entry, allowing, began), send)
        finally:
            entry.milliseconds = round(1000 * (time.monotonic() - began), 1)

    async def _exchange(self, entry: Received, scope: Scope, receive: Receive, send: Send, server_send: Send) -> None:
        """Handle a request that can have faults."""
        place = entry.where
        noting = self._noting(entry, receive) if place == "submit" else receive
        rules = self._service.faults.strike(place, scope["method"], scope["path"]) or _preferred(entry)
        if not rules:
            await self._app(scope, noting, send)
            return
        wait = self._service.wait_unless_stopping
        await Exchange(self._app, scope, noting, send, server_send, wait).run(rules)

    def _note(self, place: str, scope: Scope) -> Received:
        entry = self._service.journal.note(place, scope)
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        agent = entry.headers.get("user-agent", "").split(" ")[0]
        entry.who = "page" if self._service.keys.is_page(sent) else "browser" if agent.startswith("Mozilla/") else agent
        return entry

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


def _preferred(entry: Received) -> list[Rule]:
    """Read `Prefer: code=429`, as the mock server Prism does: a fault for this request alone."""
    wanted = _PREFER.search(entry.headers.get("prefer", ""))
    return [Rule(action="status", code=int(wanted[1]))] if wanted else []


def _is_shown_by_the_page(scope: Scope) -> bool:
    """Whether the sandbox's own page shows this medium. That must not use up a fault, and no test asked for it."""
    headers = dict(scope["headers"])
    return headers.get(b"sec-fetch-site") == b"same-origin" and headers.get(b"sec-fetch-dest") in _SHOWN_BY_A_PAGE


def _recording(entry: Received, send: Send, began: float) -> Send:
    """Wrap *send* so that the response is recorded, and logged if the log is on."""

    async def record_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry.status = message["status"]
            if _LOG.isEnabledFor(logging.INFO):
                _log(entry, began)
        await send(message)

    return record_and_send


def _log(entry: Received, began: float) -> None:
    facts = {"method": entry.method, "path": entry.path, "status": entry.status}
    milliseconds = round(1000 * (time.monotonic() - began), 1)
    _LOG.info("%s %s %d", *facts.values(), extra={**facts, "milliseconds": milliseconds})
