"""Carries a flow out over HTTP: one driver for sync, one for async. The only module that imports httpx.

Measured facts behind the design: a TLS context costs 32 ms of blocking, so there is one per process; a loop that has
thousands of requests waiting inside httpx's pool slows down quadratically, so requests in flight are bounded before the
pool; a submit on an idle connection that the server is just closing has an unknown outcome, so each submit travels on a
connection of its own.

A client of httpx or of its successor httpx2 can be handed in: exceptions are told apart by the names that both share.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from weakref import WeakKeyDictionary

import httpx

from lipsync_nodes import __version__
from lipsync_nodes.answers import Answer, NoAnswer
from lipsync_nodes.errors import DownloadError
from lipsync_nodes.flow import Flow, Record, Send, Sleep
from lipsync_nodes.settings import Profile

if TYPE_CHECKING:
    import ssl

__all__ = ["AsyncTransport", "CutShort", "Downloads", "Interrupted", "Transport"]

T = TypeVar("T")

IN_FLIGHT: Final = 32
CONNECT_SECONDS: Final = 10.0
DOWNLOAD_SECONDS: Final = 30.0
LARGEST_ANSWER: Final = 1 << 20
USER_AGENT: Final = f"lipsync-nodes/{__version__}"

# Raised before a byte of the request was written. A TLS or proxy failure is a ConnectError or ProxyError, too.
_NEVER_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
_REQUEST_FAILED: Final = "RequestError"


class Interrupted(Exception):  # not an error: the caller asked for it
    """A wait was ended from another thread; its job goes on."""


class Transport:
    """Drives flows synchronously. Safe to share between threads.

    Args:
        profile: where to send and with which key.
        http_client: an `httpx.Client` (or httpx2's) to use instead of an own one; it is not closed here.

    """

    def __init__(self, profile: Profile, http_client: Any = None) -> None:
        self._profile = profile
        self._given = http_client
        self._own: dict[bool, httpx.Client] = {}
        self._lock = threading.Lock()

    def drive(self, flow: Flow[T], record: Callable[[Record], object], stop: threading.Event | None = None) -> T:
        """Run *flow* to its end and return its result; `Interrupted` as soon as *stop* is set while it sleeps."""
        reply: object = None
        while True:
            try:
                effect = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(effect, Send):
                reply = self._send(effect)
            elif isinstance(effect, Sleep):
                reply = _sleep(effect.seconds, stop)
            else:
                reply = record(effect)

    def _send(self, send: Send) -> Answer | NoAnswer:
        answer: Answer | None = None
        ends = time.monotonic() + send.timeout
        try:
            with self._client(send).stream(**_request(send, self._profile)) as response:
                answer, body = _answer(response), bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER or time.monotonic() > ends:
                        break
                return _with_body(answer, body)
        except Exception as error:  # noqa: BLE001  # raised again unless it is a failure of the request
            return _outcome(error, answer)

    def _client(self, send: Send) -> Any:
        if self._given is not None:
            return self._given
        with self._lock:
            if send.paid not in self._own:
                self._own[send.paid] = httpx.Client(**_options(self._profile, fresh=send.paid))
            return self._own[send.paid]

    def close(self) -> None:
        """Close the connections that were opened here."""
        with self._lock:
            for client in self._own.values():
                client.close()
            self._own.clear()


class AsyncTransport:
    """Drives flows on the running event loop; all transports of a loop share its connections.

    Args:
        profile: where to send and with which key.
        http_client: an `httpx.AsyncClient` (or httpx2's) to use instead; it is not closed here.

    """

    def __init__(self, profile: Profile, http_client: Any = None) -> None:
        self._profile = profile
        self._given = http_client
        self._pool: _Pool | None = None

    async def drive(self, flow: Flow[T], record: Callable[[Record], Awaitable[object]]) -> T:
        """Run *flow* to its end and return its result."""
        reply: object = None
        while True:
            try:
                effect = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(effect, Send):
                reply = await self._send(effect)
            elif isinstance(effect, Sleep):
                await asyncio.sleep(effect.seconds)
                reply = time.monotonic()
            else:
                reply = await record(effect)

    async def _send(self, send: Send) -> Answer | NoAnswer:
        pool = self._lease()
        answer: Answer | None = None
        async with pool.in_flight:
            client = self._given or await pool.client(self._profile, fresh=send.paid)
            try:
                async with asyncio.timeout(send.timeout), client.stream(**_request(send, self._profile)) as response:
                    answer, body = _answer(response), bytearray()
                    async with aclosing(response.aiter_bytes()) as chunks:
                        async for chunk in chunks:
                            body += chunk
                            if len(body) > LARGEST_ANSWER:
                                break
                    return _with_body(answer, body)
            except Exception as error:  # noqa: BLE001  # as above
                return _outcome(error, answer)

    def _lease(self) -> _Pool:
        """Take part in the running loop's pool; a client that moved to another loop leaves the old one's."""
        pool = _pool_of(asyncio.get_running_loop())
        if pool is not self._pool:
            pool.users += 1
            self._pool = pool
        return pool

    async def close(self) -> None:
        """Leave the pool; the last one to leave closes its connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.leave()


class _Pool:
    """The connections of one event loop, and the bound on its requests in flight."""

    def __init__(self) -> None:
        self.users = 0
        self.in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._clients: dict[tuple[bool, bool], httpx.AsyncClient] = {}

    async def client(self, profile: Profile, *, fresh: bool) -> httpx.AsyncClient:
        kind = (profile.local, fresh)
        if kind not in self._clients:
            await asyncio.to_thread(_tls_context)  # 32 ms that the loop does not wait for
            # Another task may have made it meanwhile.
            self._clients.setdefault(kind, httpx.AsyncClient(**_options(profile, fresh=fresh)))
        return self._clients[kind]

    async def leave(self) -> None:
        self.users -= 1
        if self.users == 0:
            clients, self._clients = self._clients, {}
            for client in clients.values():
                await client.aclose()


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()


def _pool_of(loop: asyncio.AbstractEventLoop) -> _Pool:
    return _pools.setdefault(loop, _Pool())


@cache
def _tls_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _options(profile: Profile, *, fresh: bool) -> dict[str, Any]:
    """Return how an httpx client is made; `fresh` ones keep no connection for a second request."""
    return {
        "verify": _tls_context(),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=0 if fresh else 20),
        # A proxy of the environment is of no use to reach this machine.
        "trust_env": not profile.local,
    }


def _request(send: Send, profile: Profile) -> dict[str, Any]:
    """Return the arguments of `stream`. The key is a header of this one request, which follows no redirect."""
    headers = {
        "Authorization": f"Bearer {profile.bearer()}",
        "Accept": "application/json",
        "User-Agent": USER_AGENT,
    }
    content = None
    if send.body is not None:
        headers["Content-Type"] = "application/json"
        content = json.dumps(send.body, ensure_ascii=False, allow_nan=False).encode()
    return {
        "method": send.method,
        "url": profile.base_url + send.path,
        "headers": headers,
        "content": content,
        # connect, read, write, pool
        "timeout": (min(CONNECT_SECONDS, send.timeout), send.timeout, send.timeout, send.timeout),
        "auth": None,
        "follow_redirects": False,
    }


class CutShort(Exception):  # not the end: what came so far is good
    """A download's connection broke; it may be taken up again."""


class Downloads:
    """Plain GETs of files: no Authorization header, no redirect followed, no compression.

    Args:
        check_peer: called with the address of each connection before a byte is sent; raises to refuse it.
        use_proxies: honour the proxies of the environment. A proxy resolves names itself; its address is not checked.

    """

    def __init__(self, check_peer: Callable[[str], object], *, use_proxies: bool) -> None:
        self._check_peer = check_peer
        self._client = httpx.Client(verify=_tls_context(), trust_env=use_proxies, timeout=DOWNLOAD_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Send one GET and give the answer, its body not yet read; `CutShort` if a connection fails or breaks."""
        plain = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        try:
            with self._client.stream("GET", url, headers=plain, extensions={"trace": self._guard(url)}) as response:
                yield response
        except httpx.RequestError as error:
            raise CutShort(f"{type(error).__name__} {error}".strip()) from None
        except httpx.InvalidURL as error:
            raise DownloadError(f"The output's URL is malformed: {error}.") from None

    def _guard(self, url: str) -> Callable[[str, Any], None]:
        host = httpx.URL(url).host
        direct = False

        def trace(event: str, info: Any) -> None:
            nonlocal direct
            if event == "connection.connect_tcp.started":
                direct = info["host"] in {host, host.encode()}
            elif event == "connection.connect_tcp.complete" and direct:
                stream = info["return_value"]
                try:
                    self._check_peer(stream.get_extra_info("server_addr")[0])
                except Exception:
                    stream.close()
                    raise

        return trace


def _sleep(seconds: float, stop: threading.Event | None) -> float:
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Interrupted
    return time.monotonic()


def _answer(response: Any) -> Answer:
    return Answer(response.status_code, _lowercase(response.headers), received=time.time())


def _lowercase(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _with_body(answer: Answer, body: bytearray) -> Answer:
    return Answer(answer.status, answer.headers, bytes(body[:LARGEST_ANSWER]), answer.received)


def _outcome(error: Exception, answer: Answer | None) -> Answer | NoAnswer:
    """Say what an exception means for the request: never sent, sent without an answer, or answered in part.

    Anything that is no failure of the request itself, a mistake in a client that was handed in say, is raised.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if not (_REQUEST_FAILED in names or isinstance(error, TimeoutError | OSError)):
        raise error
    if answer is not None:
        return answer
    reason = f"{type(error).__name__} {error}".strip()
    return NoAnswer(reason, sent=not names & _NEVER_SENT)
