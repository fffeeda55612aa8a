"""Passes requests of another client on to a service. Nothing is sent twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx

from lipsync_nodes.http._body import Body
from lipsync_nodes.http._connect import client_options, made, proxy_for
from lipsync_nodes.http._files import CutShort
from lipsync_nodes.http._wire import CONNECT_SECONDS, answer_of, outcome
from lipsync_nodes.service import Answer, NoAnswer

RawHeaders = Sequence[tuple[bytes, bytes]]

_SILENT_SECONDS: Final = 600.0
_OF_A_CONNECTION: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade"),
    }
)
_SET_HERE: Final = frozenset({b"host", b"content-length", b"accept-encoding"})


class Unanswered(Exception):  # not final: what has arrived is valid
    """There was no response. `sent` is False only if the service certainly received nothing."""

    def __init__(self, came: NoAnswer) -> None:
        super().__init__(came.reason)
        self.sent = came.sent


class Forwarded:
    """A response whose body is passed on while it arrives. Its `headers` are without those of the connection."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._body = Body(answer_of(response))
        self.status = response.status_code
        self.headers = [pair for pair in response.headers.raw if pair[0].lower() not in _OF_A_CONNECTION]
        length = response.headers.get("content-length", "")
        self.length = int(length) if length.isdecimal() else -1  # -1: not known

    @property
    def answer(self) -> Answer:
        """The response with what was read of its body: decoded, and at most 1 MiB."""
        return self._body.answer

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives, not decoded. `CutShort` if the connection breaks."""
        try:
            async for chunk in self._response.aiter_raw():
                self._body.add(chunk)
                yield chunk
        except httpx.RequestError as error:
            raise CutShort(f"{type(error).__name__} {error}".strip()) from None


class Forwarder:
    """Sends requests to one base URL, each at most once: nothing is retried, and no redirect is followed."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._reading = self._client(kept=20)
        self._writing = self._client(kept=0)  # on a kept connection that just closes, the outcome would be unknown

    def _client(self, *, kept: int) -> httpx.AsyncClient:
        options: dict[str, Any] = client_options(proxy_for(self._base_url), kept=kept)
        timeout = httpx.Timeout(_SILENT_SECONDS, connect=CONNECT_SECONDS)
        return made(lambda: httpx.AsyncClient(**options, timeout=timeout))

    async def close(self) -> None:
        await self._reading.aclose()
        await self._writing.aclose()

    @asynccontextmanager
    async def open(self, method: str, target: str, headers: RawHeaders, content: bytes) -> AsyncIterator[Forwarded]:
        """Send a request once and return the response before its body is read, or raise `Unanswered`.

        *target* is the path below the base URL, and the query. Headers of the client's own connection are not sent.
        """
        client = self._reading if method in {"GET", "HEAD"} else self._writing
        passed = [pair for pair in headers if pair[0].lower() not in _OF_A_CONNECTION | _SET_HERE]
        passed.append((b"accept-encoding", b"identity"))
        try:
            url = self._base_url + target
            request = client.build_request(method, url, headers=passed, content=content or None)
            response = await client.send(request, stream=True, auth=lambda request: request)
        except httpx.InvalidURL as error:
            raise Unanswered(NoAnswer(f"the URL is invalid: {error}", sent=False)) from None
        except (httpx.RequestError, OSError, RuntimeError, UnicodeError) as error:
            came = outcome(error, None)
            raise Unanswered(came if isinstance(came, NoAnswer) else NoAnswer("no response", sent=True)) from None
        try:
            yield Forwarded(response)
        finally:
            await response.aclose()
