"""How the sandbox responds: JSON, errors of one sentence, and URLs that the client can reach."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["JsonResponse", "http_error", "reached_at"]

_HOST: Final = re.compile(r"[A-Za-z0-9.:_\-\[\]]+")


class JsonResponse(Response):
    """A JSON response. It can hold lone surrogates, which JSON in plain UTF-8 cannot."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode as ASCII."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def http_error(code: int, sentence: str, headers: dict[str, str] | None = None) -> HTTPException:
    """Return the exception that ends a request with this error."""
    return HTTPException(code, sentence, headers)


def reached_at(request: Request, fallback: str) -> str:
    """Return the URL, without a path, at which the client reached the sandbox. It can fetch outputs there, too."""
    host = request.headers.get("host", "")
    return f"{request.scope['scheme']}://{host}" if _HOST.fullmatch(host) else fallback
