"""Which Host headers a sandbox on this machine answers to.

A page of any site can have its own name resolve to 127.0.0.1 (DNS rebinding); a browser then takes the sandbox for
part of that site. What the browser cannot forge is the Host header, which names that site.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from lipsync_nodes.sandbox.server.responses import Answer
from lipsync_nodes.settings import is_loopback

__all__ = ["OnlyHere"]

_SENTENCE: Final = (
    "This sandbox listens on this machine alone and answers to its names (localhost, 127.0.0.1, [::1]); "
    "the request's Host is another."
)


class OnlyHere:
    """ASGI middleware: refuses requests that were sent to another name than this machine's own.

    Args:
        app: the sandbox.
        name: one more name that is let pass, the one it was told to listen on.

    """

    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer 421 Misdirected Request."""
        if scope["type"] != "http" or all(map(self._is_own, Headers(scope=scope).getlist("host"))):
            await self._app(scope, receive, send)
        else:
            # Whatever is left of the request is not read.
            await Answer({"error": _SENTENCE}, 421, {"Connection": "close"})(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return "@" not in host and (is_loopback(name) or name == self._name)
