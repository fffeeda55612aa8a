"""Sends polls through aiohttp, which takes a third of the processor time of httpx. Needs the extra `fast`.

Only polls: aiohttp sends a request again if a kept connection was cut, and reports some cuts as a failure to connect.
A submission must not be sent like that.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from typing import Final

import httpx
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver
from yarl import URL

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.flows import Send
from lipsync_nodes.http._body import Body
from lipsync_nodes.http._connect import made, tls_context
from lipsync_nodes.http._wire import HEADERS, NOT_BUILT, Reply, connect_seconds, lowercase, reason_of
from lipsync_nodes.service import Answer, NoAnswer, shorten
from lipsync_nodes.settings import Profile

LARGEST_HEADER: Final = 1 << 16  # as h11 allows
NO_TIMEOUT: Final = None  # `asyncio.timeout` is exact; aiohttp rounds up to whole seconds


class Fast:
    """The aiohttp session of one event loop. It has no cookies, no proxy, and follows no redirect."""

    def __init__(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(ssl=tls_context(), limit=0, resolver=ThreadedResolver()),
            headers=HEADERS,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )

    async def exchange(self, send: Send, profile: Profile) -> Reply:
        """Send a poll. No local variable contains the API key here."""
        body: Body | None = None
        try:
            url = made(lambda: URL(_normal(profile.base_url) + send.path, encoded=True), NOT_BUILT)
        except ConfigurationError as error:
            return error
        try:
            with NoFramesBelow():
                async with (
                    asyncio.timeout(send.timeout),
                    self._session.get(
                        url,
                        headers={"Authorization": f"Bearer {profile.bearer()}"},
                        timeout=_timeout(connect_seconds(send)),
                        allow_redirects=False,
                    ) as response,
                ):
                    body = Body(Answer(response.status, lowercase(response.headers), received=time.time()))
                    while not body.full and (chunk := await response.content.readany()):
                        body.add(chunk)
                    return body.answer
        except (ClientError, TimeoutError, OSError, RuntimeError, UnicodeError) as error:
            return body.answer if body else NoAnswer(shorten(reason_of(error)), sent=True)

    async def close(self) -> None:
        await self._session.close()


@lru_cache
def _normal(url: str) -> str:
    """Return a base URL with its host as httpx sends it."""
    return f"{httpx.URL(url)}".rstrip("/")


@lru_cache
def _timeout(connect: float) -> ClientTimeout:
    return ClientTimeout(total=NO_TIMEOUT, sock_connect=connect)
