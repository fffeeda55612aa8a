"""The outermost layer: notes every request, and carries out the fault rules that strike it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync_nodes.sandbox.faults.rules import Rule
from lipsync_nodes.sandbox.jobs.runner import API
from lipsync_nodes.sandbox.server.journal import Received
from lipsync_nodes.sandbox.server.service import Service

__all__ = ["Chaos"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_PREFER: Final = re.compile(rb"\bcode=([2-5]\d\d)\b")
_NOTED: Final = 2**20


class Chaos:
    """ASGI middleware.

    Args:
        app: the sandbox without faults.
        service: its parts.

    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or have it go wrong."""
        place = _place(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if place is None:
            await self._app(scope, receive, send)
            return
        noted = self._service.journal.note(place, scope)
        listening = self._listening(noted, receive) if place == "submit" else receive
        rules = self._service.faults.draw(place, scope["method"], scope["path"]) or _preferred(scope)
        exchange = _Exchange(self._app, self._service, scope, listening, _logged(noted, send), send)
        await exchange.go(rules)

    def _listening(self, noted: Received, receive: Receive) -> Receive:
        """Wrap *receive* so that the body is noted as it is read."""
        body = bytearray()

        async def listen() -> Message:
            message = await receive()
            if message["type"] == "http.request" and len(body) <= _NOTED:
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    self._service.journal.note_body(noted, bytes(body))
            return message

        return listen


@dataclass(slots=True)
class _Exchange:
    """One request and what is done to it."""

    app: ASGIApp
    service: Service
    scope: Scope
    receive: Receive
    send: Send
    wire: Send
    """The server's own `send`, which knows the connection."""

    async def go(self, rules: list[Rule]) -> None:
        deeds: dict[str, Callable[[Rule], Coroutine[Any, Any, None]]] = {
            "hang": self._hang, "cut_before": self._cut_before, "cut_after": self._cut_after,
            "status": self._status, "body": self._body, "truncate": self._truncate, "drip": self._drip,
        }  # fmt: skip
        for rule in rules:
            if rule.action != "delay":
                await deeds[rule.action](rule)
                return
            await self.service.unless_stopping(asyncio.sleep(rule.seconds))
        await self._act()

    async def _act(self, send: Send | None = None) -> None:
        await self.app(self.scope, self.receive, send or self.send)

    async def _hang(self, rule: Rule) -> None:
        await self._read()
        await self.service.unless_stopping(self._gone(), rule.seconds)
        await self._cut()

    async def _cut_before(self, _rule: Rule) -> None:
        await self._cut()

    async def _cut_after(self, _rule: Rule) -> None:
        await self._act(_nowhere)
        await self._cut()

    async def _status(self, rule: Rule) -> None:
        words = {"error": f"{HTTPStatus(rule.code).phrase}: a fault that was asked for."}
        await self._answer_instead(rule, rule.code, words if rule.body is None else rule.body)

    async def _body(self, rule: Rule) -> None:
        await self._answer_instead(rule, 200, rule.body)

    async def _answer_instead(self, rule: Rule, code: int, content: Any) -> None:
        await (self._act(_nowhere) if rule.act else self._read())
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        kind = rule.content_type or ("text/html" if isinstance(content, str) else "application/json")
        headers = {"content-type": kind, "content-length": str(len(body))}
        headers |= {name.lower(): value for name, value in rule.headers.items()}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": code, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def _truncate(self, rule: Rule) -> None:
        start, body = await self._collected()
        size = len(body) // 2 if rule.bytes is None else min(rule.bytes, len(body))
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body[:size], "more_body": True})
        await self._cut(flush=True)

    async def _drip(self, rule: Rule) -> None:
        start, body = await self._collected()
        await self.send(start)
        for byte in body:
            await self.send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await self.service.unless_stopping(asyncio.sleep(rule.pause))
        await self.send({"type": "http.response.body", "body": b""})

    async def _collected(self) -> tuple[Message, bytes]:
        """Carry the request out and keep the answer here."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._act(keep)
        return messages[0], b"".join(message.get("body", b"") for message in messages[1:])

    async def _read(self) -> None:
        """Read the request to its end."""
        while True:
            message = await self.receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    async def _gone(self) -> None:
        """Wait until the client is."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _cut(self, *, flush: bool = False) -> None:
        """Close the connection; *flush* sends first what is on its way.

        ASGI cannot say this. Uvicorn's `send` is a method of the object that holds the connection, for both of its
        HTTP implementations; this is the only place that knows.
        """
        transport: asyncio.Transport = self.wire.__self__.transport  # type: ignore[attr-defined]
        if flush:
            transport.close()
        else:
            transport.abort()
        await self._gone()


def _place(method: str, path: str) -> str | None:
    """Say which of the places that faults strike a request is for."""
    if path.startswith(f"{API}/jobs/"):
        return "poll"
    if path.startswith(f"{API}/"):
        return "submit" if method == "POST" else None
    return {"outputs": "output", "files": "files"}.get(path.split("/")[1])


def _preferred(scope: Scope) -> list[Rule]:
    """Read `Prefer: code=429`, as Prism does: a fault for this request alone."""
    for name, value in scope["headers"]:
        if name == b"prefer" and (wanted := _PREFER.search(value)):
            return [Rule(action="status", code=int(wanted[1]))]
    return []


async def _nowhere(_message: Message) -> None:
    """Send nothing."""


def _logged(noted: Received, send: Send) -> Send:
    """Wrap *send* so that the answer is logged, if anybody listens."""
    if not _LOG.isEnabledFor(logging.INFO):
        return send
    began = time.monotonic()

    async def log(message: Message) -> None:
        if message["type"] == "http.response.start":
            facts = {"method": noted.method, "path": noted.path, "status": message["status"]}
            milliseconds = round(1000 * (time.monotonic() - began), 1)
            _LOG.info("%s %s %d", *facts.values(), extra={**facts, "milliseconds": milliseconds})
        await send(message)

    return log
