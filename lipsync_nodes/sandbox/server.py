"""A running server: uvicorn in a thread of its own, ready when `Running` is made, gone when `stop` returns."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import uvicorn

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox.app import build_app
from lipsync_nodes.sandbox.chaos import Chaos
from lipsync_nodes.sandbox.service import Service

__all__ = ["Running", "listen"]

_GRACE: Final = 0.2
_T = TypeVar("_T")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts already: who connects before the server is up waits and is served."""
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
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"The sandbox cannot listen on {host}:{port}: {error.strerror or error}.", hint="Choose another port."
        ) from None
    return listener


class Running:
    """A sandbox that is up.

    Args:
        listener: where it accepts connections.
        build: makes its parts, in the thread that they live in.

    """

    def __init__(self, listener: socket.socket, build: Callable[[], Service]) -> None:
        self._listener = listener
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(build,), name="lipsync-sandbox", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    service: Service
    _loop: asyncio.AbstractEventLoop
    _server: _Server

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the server's event loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        """End it, whatever its clients are waiting for."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it ended this very moment
                self._loop.call_soon_threadsafe(self._server.leave)
            self._thread.join()

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
            self._server = _Server(self.service, self._ready)
            await self._server.serve(sockets=[self._listener])
        finally:
            await self.service.close()


class _Server(uvicorn.Server):
    """Uvicorn, which says when it is ready, and does not wait for clients once it is to end."""

    def __init__(self, service: Service, ready: threading.Event) -> None:
        app = Chaos(build_app(service), service)
        super().__init__(
            uvicorn.Config(
                app, http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
                server_header=False, timeout_graceful_shutdown=3,
            )
        )  # fmt: skip
        self._service = service
        self._ready = ready

    def leave(self) -> None:
        self._service.stopping.set()
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
