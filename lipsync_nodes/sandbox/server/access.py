"""Who may use the sandbox besides its own page: pages on loopback origins, and other machines with the token."""

from __future__ import annotations

import functools
import hmac
import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lipsync_nodes.sandbox.server.responses import JsonResponse, http_error

__all__ = ["Origins", "TokenCheck", "check_origin"]

_LOOPBACK: Final = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"
_METHODS: Final = ("DELETE", "GET", "HEAD", "POST", "PUT")
_SHOWN: Final = ("Location", "Retry-After", "Content-Range", "X-Lipsync-Preview-Engine", "X-Lipsync-Preview-Warning")
_REFUSAL: Final = (
    "This sandbox is open to other machines, so /sandbox needs its token: LIPSYNC_SANDBOX_TOKEN, or what it printed at "
    "its start. Send it as Authorization: Bearer TOKEN, or ?token=TOKEN. Commands take it from LIPSYNC_SANDBOX_TOKEN."
)


class Origins:
    """CORS for pages on loopback origins, such as `http://localhost:5173`. No other origin is ever allowed."""

    def __init__(self, app: ASGIApp) -> None:
        self._cors = CORSMiddleware(
            app,
            allow_origin_regex=_LOOPBACK,
            allow_methods=_METHODS,
            allow_headers=("*",),
            expose_headers=_SHOWN,
        )

    def preflight(self, scope: Scope) -> Response | None:
        """Return the response to a preflight request; None for any other request."""
        if scope["method"] != "OPTIONS":
            return None
        headers = Headers(scope=scope)
        is_preflight = "origin" in headers and "access-control-request-method" in headers
        return self._cors.preflight_response(headers) if is_preflight else None

    def allowing(self, scope: Scope, send: Send) -> Send:
        """Wrap *send* so that the response, a fault's too, can be read by a page that may."""
        if not any(name == b"origin" for name, _ in scope["headers"]):
            return send
        return functools.partial(self._cors.send, send=send, request_headers=Headers(scope=scope))


class TokenCheck:
    """ASGI middleware: everything under `/sandbox` needs the token.

    Args:
        app: the sandbox.
        token: the token; empty if none is needed.

    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond with 401."""
        if self._is_refused(scope):
            await JsonResponse({"error": _REFUSAL}, 401, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_refused(self, scope: Scope) -> bool:
        """Its own frame keeps the token out of tracebacks."""
        if not self._token or scope["type"] != "http" or scope["path"].split("/")[1:2] != ["sandbox"]:
            return False
        scheme, _, bearer = Headers(scope=scope).get("authorization", "").partition(" ")
        given = [bearer.strip()] if scheme.lower() == "bearer" else []
        given += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return not any(hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode()) for token in given)


def check_origin(request: Request) -> None:
    """Refuse requests that a browser sends for a page of another site."""
    origin = request.headers.get("origin")
    if not origin or re.fullmatch(_LOOPBACK, origin) or urlsplit(origin).netloc == request.headers.get("host"):
        return
    raise http_error(403, "Another site's page may not change the sandbox.")
