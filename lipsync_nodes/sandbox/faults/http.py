"""HTTP faults: applies the rules that match a request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from http.client import responses
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lipsync_nodes.sandbox.faults.rules import Rule

__all__ = ["Exchange"]


class _Wait(Protocol):
    """Waits for a coroutine, but at most *seconds*, and not beyond the end of the sandbox."""

    def __call__(self, waiting: Coroutine[Any, Any, Any], seconds: float | None = None) -> Awaitable[None]: ...


@dataclass(slots=True)
class Exchange:
    """One request, its response, and the faults that change them.

    Attributes:
        app: the sandbox without faults.
        send: sends the response; it may be wrapped.
        server_send: the server's own `send`, from which the connection can be reached.
        wait: waits for something, but not beyond the end of the sandbox.

    """

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    server_send: Send
    wait: _Wait

    async def run(self, rules: list[Rule]) -> None:
        """Handle the request as the rules say; if they only delay it, as the sandbox does."""
        actions: dict[str, Callable[[Rule], Coroutine[Any, Any, None]]] = {
            "hang": self._hang, "cut_before": self._cut_before, "cut_after": self._cut_after,
            "status": self._status, "body": self._body, "truncate": self._truncate, "drip": self._drip,
        }  # fmt: skip
        for rule in rules:
            if rule.action != "delay":
                await actions[rule.action](rule)
                return
            await self.wait(asyncio.sleep(rule.seconds))
        await self._handle()

    async def _handle(self, send: Send | None = None) -> None:
        """Let the sandbox handle the request."""
        await self.app(self.scope, self.receive, send or self.send)

    async def _hang(self, rule: Rule) -> None:
        await self._read_request()
        await self.wait(self._disconnected(), rule.seconds)
        await self._cut()

    async def _cut_before(self, _rule: Rule) -> None:
        await self._cut()

    async def _cut_after(self, _rule: Rule) -> None:
        await self._handle(_discard)
        await self._cut()

    async def _status(self, rule: Rule) -> None:
        phrase = {"error": f"{responses.get(rule.code, f'Status {rule.code}')}: a fault that was asked for."}
        await self._respond(rule, rule.code, phrase if rule.body is None else rule.body)

    async def _body(self, rule: Rule) -> None:
        await self._respond(rule, 200, rule.body)

    async def _respond(self, rule: Rule, code: int, content: Any) -> None:
        """Send the rule's response instead of the sandbox's own."""
        await (self._handle(_discard) if rule.act else self._read_request())
        body = content.encode("utf-8", "replace") if isinstance(content, str) else json.dumps(content).encode()
        kind = rule.content_type or ("text/html" if isinstance(content, str) else "application/json")
        headers = {"content-type": kind, "content-length": str(len(body))}
        headers |= {name.lower(): value for name, value in rule.headers.items()}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": code, "headers": raw})
        await self.send({"type": "http.response.body", "body": body})

    async def _truncate(self, rule: Rule) -> None:
        start, body = await self._response()
        size = len(body) // 2 if rule.bytes is None else min(rule.bytes, len(body))
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body[:size], "more_body": True})
        await self._cut(flush=True)

    async def _drip(self, rule: Rule) -> None:
        start, body = await self._response()
        await self.send(start)
        for byte in body:
            await self.send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await self.wait(asyncio.sleep(rule.pause))
        await self.send({"type": "http.response.body", "body": b""})

    async def _response(self) -> tuple[Message, bytes]:
        """Let the sandbox handle the request, and return the response's start and body instead of sending them."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._handle(keep)
        return messages[0], b"".join(message.get("body", b"") for message in messages[1:])

    async def _read_request(self) -> None:
        """Read the request to its end."""
        while True:
            message = await self.receive()
            if message["type"] != "http.request" or not message.get("more_body"):
                return

    async def _disconnected(self) -> None:
        """Wait until the client has disconnected."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def _cut(self, *, flush: bool = False) -> None:
        """Close the connection. *flush* first sends what is still in the buffer.

        ASGI has no message for this. Uvicorn's `send` is a method of the object that holds the connection, in both of
        its HTTP implementations. No other code depends on that.
        """
        transport: asyncio.Transport = self.server_send.__self__.transport  # type: ignore[attr-defined]
        if flush:
            transport.close()
        else:
            transport.abort()
        await self._disconnected()


async def _discard(_message: Message) -> None:
    """Send nothing."""
