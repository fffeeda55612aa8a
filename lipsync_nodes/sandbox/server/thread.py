"""The HTTP server: uvicorn in its own thread, for the sandbox and for the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lipsync_nodes.errors import ConfigurationError

__all__ = ["AppThread", "Served", "listen", "url_of"]

_T = TypeVar("_T")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Clients that connect before the server is up wait in its queue."""
    try:
        return _bound(host, port)
    except (OSError, OverflowError, TypeError, ValueError) as error:  # invalid ports and invalid hosts too
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            code="sandbox.cannot_listen", host=host, port=port, reason=reason, remedy="another_port_or_host"
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only if the protocol is given. It would cost 40 ms for each response.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: SO_REUSEADDR would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


def url_of(host: str, port: int) -> str:
    """Return a URL for the address. A server on all addresses is also reached at the loopback address."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # it is replaced
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Served:
    """An application, and how it is served.

    Attributes:
        close: awaited once the server is down.
        begin: called in the event loop before the first request.
        begin_stop: called in the event loop when the stop begins.
        grace: seconds that open requests have after the stop. Their connections are closed then.
        date_header: whether responses get a Date. Those of another service have their own.

    """

    app: ASGIApp
    close: Callable[[], Awaitable[None]]
    begin: Callable[[], None] = _nothing
    begin_stop: Callable[[], None] = _nothing
    grace: float = 0.2
    date_header: bool = True


class AppThread:
    """A running server. It accepts requests once the constructor has returned, and is gone once `stop` has.

    Args:
        listener: the socket to accept connections from.
        build: builds what is served; it runs in the server's thread.
        name: the name of the thread.

    """

    def __init__(self, listener: socket.socket, build: Callable[[], Served], name: str) -> None:
        self._listener = listener
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, args=(build,), name=name, daemon=True)
        self._thread.start()
        self._wait_until_up()
        if self._failure:
            self._thread.join()
            raise self._failure

    _loop: asyncio.AbstractEventLoop
    _server: _Server

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the server's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """Stop the server without waiting for its clients longer than its grace."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(self._server.begin_stop)
            self._thread.join()

    def _wait_until_up(self) -> None:
        """Wait until the server is up or has failed. On Ctrl-C, stop it before the interrupt is raised."""
        try:
            self._ready.wait()
        except BaseException:
            self._ready.wait()
            if not self._failure:
                self.stop()
            raise

    def _main(self, build: Callable[[], Served]) -> None:
        try:
            asyncio.run(self._serve(build))
        except BaseException as error:  # noqa: BLE001  # __init__ raises it
            self._failure = error
        finally:
            self._listener.close()
            self._ready.set()

    async def _serve(self, build: Callable[[], Served]) -> None:
        self._loop = asyncio.get_running_loop()
        served = build()
        try:
            served.begin()
            self._server = _Server(served, self._ready)
            await self._server.serve(sockets=[self._listener])
        finally:
            await served.close()


class _Protocol(H11Protocol):
    """Uvicorn's HTTP without its access log, whatever loggers are set up: it contains the query, and so the token."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.access_log = False


class _Server(uvicorn.Server):
    """Uvicorn that sets an event when it is up, and closes open connections some time after the stop."""

    def __init__(self, served: Served, ready: threading.Event) -> None:
        super().__init__(
            uvicorn.Config(
                served.app, http=_Protocol, ws="none", loop="asyncio", lifespan="off", log_config=None,
                access_log=False, server_header=False, date_header=served.date_header,
                timeout_graceful_shutdown=math.ceil(served.grace) + 2,  # for what does not end with its connection
            )
        )  # fmt: skip
        self._served = served
        self._ready = ready

    def begin_stop(self) -> None:
        self._served.begin_stop()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(self._served.grace, self._abort_connections)
        await super().shutdown(sockets)

    def _abort_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
