"""The running sandbox: its service behind an HTTP server, in a thread of its own."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp

from lipsync_nodes.sandbox.server.access import TokenCheck
from lipsync_nodes.sandbox.server.app import build_app
from lipsync_nodes.sandbox.server.host_check import HostCheck
from lipsync_nodes.sandbox.server.middleware import RequestMiddleware
from lipsync_nodes.sandbox.server.service import Service
from lipsync_nodes.sandbox.server.thread import AppThread, Served
from lipsync_nodes.settings import is_loopback

__all__ = ["ServerThread"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_REACHABLE: Final = (
    "The sandbox listens on %s:%s, and other machines can reach it. Any API key of the form sk_… may submit. Its page "
    "and /sandbox need the token."
)


class ServerThread(AppThread):
    """A running sandbox.

    Args:
        listener: the socket to accept connections from.
        build: builds the service; it runs in the server's thread.
        host: the host name that the sandbox listens on.

    """

    service: Service

    def __init__(self, listener: socket.socket, build: Callable[[], Service], host: str) -> None:
        is_local = is_loopback(listener.getsockname()[0])

        def served() -> Served:
            service = self.service = build()
            sandbox = RequestMiddleware(TokenCheck(build_app(service), service.keys.token), service)
            app: ASGIApp = HostCheck(sandbox, host) if is_local else sandbox
            return Served(app, service.close, service.runner.start, service.begin_stop)

        super().__init__(listener, served, "lipsync-sandbox")
        if not is_local:
            _LOG.warning(_REACHABLE, *listener.getsockname()[:2])
