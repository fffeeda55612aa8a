"""The proxy that forwards: each request once, its response as it comes, and a check of it afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from lipsync_nodes.http import CutShort, Forwarded, Forwarder, Unanswered
from lipsync_nodes.sandbox.proxy.contract import Contract
from lipsync_nodes.sandbox.proxy.differences import Differences
from lipsync_nodes.sandbox.proxy.redaction import (
    conceal_credentials,
    hidden,
    hidden_body,
    hidden_headers,
    hidden_query,
)
from lipsync_nodes.sandbox.proxy.routes import Gone, asked, cut, respond, whole_body
from lipsync_nodes.sandbox.proxy.tape import Exchanged, Tape

__all__ = ["NOT_BELOW", "Forwarding", "unanswered"]

NOT_BELOW: Final = "The proxy passes on the API only: paths below /api/v1."
_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_UNSENT: Final = "The proxy could not reach the service, which received nothing: {}"
_UNKNOWN: Final = "The service did not answer, and may have received the request: {}"


class Forwarding:
    """ASGI application. A submission is paid for: it is sent at most once, whatever happens.

    Args:
        forwarder: sends requests to the service.
        differences: collects what is different in the responses.
        tape: records the exchanges; None for no recording.
        clock: returns the seconds of a clock that only runs forward.

    """

    def __init__(
        self,
        forwarder: Forwarder,
        differences: Differences,
        tape: Tape | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._forwarder = forwarder
        self._differences = differences
        self._tape = tape
        self._clock = clock
        self._began = clock()
        self._contract = Contract()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request."""
        to = asked(scope)
        if to is None:
            await respond(send, 404, {"error": NOT_BELOW})
            return
        conceal_credentials(scope["headers"])
        at = self._clock() - self._began
        try:
            body = await whole_body(receive)
        except Gone:  # the service receives nothing, and nobody is there to be told
            await respond(send, 413, {"error": "The request is incomplete or too large. The service received nothing."})
            return
        noted: dict[str, Any] = {
            "at": round(at, 3),
            "method": to.method,
            "path": hidden(to.path),
            "query": hidden_query(to.query),
            "request_headers": hidden_headers(scope["headers"]),
            "request": hidden_body(body) if body else {},
        }
        try:
            async with self._forwarder.open(to.method, to.target, scope["headers"], body) as response:
                noted |= {"took": self._since(at), "status": response.status}
                noted["headers"] = hidden_headers(response.headers)
                last, noted["reason"] = await _passed_on(response, send)
        except Unanswered as error:
            noted |= {"reason": hidden(str(error)), "sent": error.sent}
            self._note(noted, at)
            await respond(send, 502, unanswered(noted["reason"], sent=error.sent))
            return
        noted["answer"] = hidden_body(response.answer.body)
        if not noted["reason"]:
            self._differences.add(self._contract.differences(to, response.answer))
        self._note(noted, at)
        # The end is sent last, so what the client has received is on the tape.
        if noted["reason"]:
            await cut(send, receive)
        else:
            await send({"type": "http.response.body", "body": last})

    def _note(self, noted: dict[str, Any], at: float) -> None:
        """Log an exchange, and record it."""
        exchanged = Exchanged(**noted, lasted=self._since(at))
        _LOG.info("%s %s %s", exchanged.method, exchanged.path, exchanged.status or exchanged.reason)
        if self._tape:
            self._tape.add(exchanged)

    def _since(self, at: float) -> float:
        return round(self._clock() - self._began - at, 3)


def unanswered(reason: str, *, sent: bool) -> dict[str, str]:
    """Return the body of the response to a request that the service did not answer."""
    return {"error": (_UNKNOWN if sent else _UNSENT).format(reason)}


async def _passed_on(response: Forwarded, send: Send) -> tuple[bytes, str]:
    """Pass a response on while it arrives. Return the chunk that ends it, and why it broke off; empty if it is whole.

    It is read to its end even if the client has left: it may hold the id of a paid job.
    """
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    left = response.length
    try:
        async for chunk in response.chunks():
            left -= len(chunk)
            if left == 0:
                return chunk, ""
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except CutShort as error:
        return b"", str(hidden(str(error)))
    return b"", ""
