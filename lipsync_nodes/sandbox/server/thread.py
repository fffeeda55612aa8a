"""A running server: uvicorn in a thread of its own, ready when `Running` is made, gone when `stop` returns."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import uvicorn
from starlette.types import ASGIApp

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox.faults.http import Chaos
from lipsync_nodes.sandbox.server.app import build_app
from lipsync_nodes.sandbox.server.host_check import OnlyHere
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.settings import is_loopback

__all__ = ["Running", "listen"]

_GRACE: Final = 0.2
_T = TypeVar("_T")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts already: who connects before the server is up waits and is served."""
    try:
        return _bound(host, port)
    except (OSError, OverflowError, TypeError, ValueError) as error:  # no such port; a host that cannot be one
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"The sandbox cannot listen on {host}:{port}: {reason}.", hint="Choose another port or host."
        ) from None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would leave Nagle's algorithm on: 40 ms for each answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except BaseException:
        listener.close()
        raise
    return listener


class Running:
    """A sandbox that is up.

    Args:
        listener: where it accepts connections.
        build: makes its parts, in the thread that they live in.
        name: the host that it was told to listen on.

    """

    def __init__(self, listener: socket.socket, build: Callable[[], Service], name: str) -> None:
        self._listener = listener
        self._name = name if is_loopback(listener.getsockname()[0]) else None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(build,), name="lipsync-sandbox", daemon=True)
        self._thread.start()
        self._await()
        if self._failure:
            self._thread.join()
            raise self._failure

    service: Service
    _loop: asyncio.AbstractEventLoop
    _server: _Server

    @property
    def is_reachable(self) -> bool:
        """Whether others than this machine may reach it."""
        return self._name is None

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the server's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """End it, whatever its clients are waiting for."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it ended this very moment
                self._loop.call_soon_threadsafe(self._server.leave)
            self._thread.join()

    def _await(self) -> None:
        """Wait until it is up or has failed; a Ctrl-C meanwhile leaves nothing running."""
        try:
            self._ready.wait()
        except BaseException:
            self._ready.wait()
            if not self._failure:
                self.stop()
            raise

    def _run(self, build: Callable[[], Service]) -> None:
        try:
            asyncio.run(self._serve(build))
        except BaseException as error:  # noqa: BLE001  # whoever waits in __init__ gets it
            self._failure = error
        finally:
            self._listener.close()
            self._ready.set()

    async def _serve(self, build: Callable[[], Service]) -> None:
        self._loop = asyncio.get_running_loop()
        self.service = build()
        try:
            self.service.works.start()
            self._server = _Server(self.service, self._ready, self._name)
            await self._server.serve(sockets=[self._listener])
        finally:
            await self.service.close()


class _Server(uvicorn.Server):
    """Uvicorn, which says when it is ready, and does not wait for clients once it is to end."""

    def __init__(self, service: Service, ready: threading.Event, here: str | None) -> None:
        sandbox = Chaos(build_app(service), service)
        app: ASGIApp = sandbox if here is None else OnlyHere(sandbox, here)
        super().__init__(
            uvicorn.Config(
                app, http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
                server_header=False, timeout_graceful_shutdown=3,
            )
        )  # fmt: skip
        self._service = service
        self._ready = ready

    def leave(self) -> None:
        self._service.leave()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_GRACE, self._hang_up)
        await super().shutdown(sockets)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()
