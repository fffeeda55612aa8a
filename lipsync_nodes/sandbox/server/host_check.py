"""Checks the Host header, against DNS rebinding.

A website can let its own name resolve to 127.0.0.1. A browser then treats the sandbox as a part of that website, and
its pages may read and change the sandbox. But the Host header still has the website's name, and a page cannot set it.
"""

from __future__ import annotations

import functools
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from lipsync_nodes.sandbox.server.responses import JsonResponse
from lipsync_nodes.settings import is_loopback

__all__ = ["HostCheck"]

_SENTENCE: Final = (
    "This sandbox listens on this machine alone and answers to its names (localhost, 127.0.0.1, [::1]); "
    "the request's Host is another."
)


class HostCheck:
    """ASGI middleware: refuses requests whose Host is not a name of this machine.

    Args:
        app: the sandbox.
        name: one more accepted name: the host that the sandbox was started with.

    """

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._is_own = functools.lru_cache(maxsize=64)(functools.partial(_is_own, name.lower()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 421 Misdirected Request."""
        if scope["type"] != "http" or all(self._is_own(value) for key, value in scope["headers"] if key == b"host"):
            await self._app(scope, receive, send)
        else:
            # The rest of the request is not read, so the connection cannot be used again.
            await JsonResponse({"error": _SENTENCE}, 421, {"Connection": "close"})(scope, receive, send)


def _is_own(own: str, value: bytes) -> bool:
    """Whether the value of a Host header is a name of this machine, or the name *own*."""
    host = value.decode("latin-1")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return "@" not in host and (is_loopback(name) or name == own)
