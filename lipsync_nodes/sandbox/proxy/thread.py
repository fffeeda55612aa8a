"""Runs the proxy's ASGI application: uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

__all__ = ["AppThread"]

_GRACE: Final = 10
"""Seconds that open requests have after the stop: one of them may be a submission that is being answered."""


class AppThread:
    """A running server. It accepts requests once the constructor has returned, and is gone once `stop` has.

    Args:
        listener: the socket to accept connections from.
        build: returns the application, and what to await at the end. It runs in the server's thread.

    """

    def __init__(
        self, listener: socket.socket, build: Callable[[], tuple[ASGIApp, Callable[[], Awaitable[None]]]]
    ) -> None:
        self._listener = listener
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, args=(build,), name="lipsync-proxy", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    _server: uvicorn.Server

    def stop(self) -> None:
        """Stop. Requests that are being answered have 10 seconds to end."""
        self._server.should_exit = True
        self._thread.join()

    def _main(self, build: Callable[[], tuple[ASGIApp, Callable[[], Awaitable[None]]]]) -> None:
        try:
            asyncio.run(self._serve(build))
        except BaseException as error:  # noqa: BLE001  # __init__ raises it
            self._failure = error
        finally:
            self._listener.close()
            self._ready.set()

    async def _serve(self, build: Callable[[], tuple[ASGIApp, Callable[[], Awaitable[None]]]]) -> None:
        app, close = build()
        try:
            self._server = _Server(app, self._ready)
            await self._server.serve(sockets=[self._listener])
        finally:
            await close()


class _Server(uvicorn.Server):
    """Uvicorn that sets an event when it is up. The headers of responses are the service's own."""

    def __init__(self, app: ASGIApp, ready: threading.Event) -> None:
        super().__init__(
            uvicorn.Config(
                app, http="h11", ws="none", loop="asyncio", lifespan="off", log_config=None, access_log=False,
                server_header=False, date_header=False, timeout_graceful_shutdown=_GRACE,
            )
        )  # fmt: skip
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()
