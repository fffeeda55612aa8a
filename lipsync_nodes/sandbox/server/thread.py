"""The HTTP server: uvicorn in its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox.server.access import TokenCheck
from lipsync_nodes.sandbox.server.app import build_app
from lipsync_nodes.sandbox.server.host_check import HostCheck
from lipsync_nodes.sandbox.server.middleware import RequestMiddleware
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.settings import is_loopback

__all__ = ["ServerThread", "listen", "url_of"]

_GRACE: Final = 0.2
"""Seconds that open connections have after the stop."""
_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_REACHABLE: Final = (
    "The sandbox listens on %s:%s, and other machines can reach it. Any API key of the form sk_… may submit. Its page "
    "and /sandbox need the token."
)
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


class ServerThread:
    """A running server. It accepts requests once the constructor has returned, and is gone once `stop` has.

    Args:
        listener: the socket to accept connections from.
        build: builds the service; it runs in the server's thread.
        host: the host name that the sandbox listens on.

    """

    def __init__(self, listener: socket.socket, build: Callable[[], Service], host: str) -> None:
        self._listener = listener
        self._local_host = host if is_loopback(listener.getsockname()[0]) else None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, args=(build,), name="lipsync-sandbox", daemon=True)
        self._thread.start()
        self._wait_until_up()
        if self._failure:
            self._thread.join()
            raise self._failure
        if self._local_host is None:
            _LOG.warning(_REACHABLE, *listener.getsockname()[:2])

    service: Service
    _loop: asyncio.AbstractEventLoop
    _server: _Server

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine in the server's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """Stop the server without waiting for its clients."""
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

    def _main(self, build: Callable[[], Service]) -> None:
        try:
            asyncio.run(self._serve(build))
        except BaseException as error:  # noqa: BLE001  # __init__ raises it
            self._failure = error
        finally:
            self._listener.close()
            self._ready.set()

    async def _serve(self, build: Callable[[], Service]) -> None:
        self._loop = asyncio.get_running_loop()
        self.service = build()
        try:
            self.service.runner.start()
            self._server = _Server(self.service, self._ready, self._local_host)
            await self._server.serve(sockets=[self._listener])
        finally:
            await self.service.close()


class _Protocol(H11Protocol):
    """Uvicorn's HTTP without its access log, whoever sets up loggers: it has the query, and so the token, in it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.access_log = False


class _Server(uvicorn.Server):
    """Uvicorn that sets an event when it is up, and closes open connections shortly after the stop."""

    def __init__(self, service: Service, ready: threading.Event, local_host: str | None) -> None:
        sandbox = RequestMiddleware(TokenCheck(build_app(service), service.keys.token), service)
        app: ASGIApp = sandbox if local_host is None else HostCheck(sandbox, local_host)
        super().__init__(
            uvicorn.Config(
                app, http=_Protocol, ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
                server_header=False, timeout_graceful_shutdown=3,
            )
        )  # fmt: skip
        self._service = service
        self._ready = ready

    def begin_stop(self) -> None:
        self._service.begin_stop()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_GRACE, self._abort_connections)
        await super().shutdown(sockets)

    def _abort_connections(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
