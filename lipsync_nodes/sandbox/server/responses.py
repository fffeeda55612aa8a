"""How the sandbox answers: JSON, errors as one sentence, and who may ask."""

from __future__ import annotations

import hmac
import json
import re
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lipsync_nodes.errors import redact_keys

__all__ = ["Answer", "Keys", "refuse", "sent_to"]

_HOST: Final = re.compile(r"[A-Za-z0-9.:_\-\[\]]+")
_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_KEY: Final = re.compile(r"sk_[A-Za-z0-9_\-]+")


class Answer(Response):
    """A JSON answer; it survives lone surrogates, which plain UTF-8 JSON does not."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode as ASCII."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def refuse(code: int, sentence: str, headers: dict[str, str] | None = None) -> HTTPException:
    """Return the exception that ends a request with this error."""
    return HTTPException(code, sentence, headers)


def sent_to(request: Request, fallback: str) -> str:
    """Return the URL, without a path, by which the client reached the sandbox: what it can reach the output by, too."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else fallback


class Keys:
    """Which API keys are accepted.

    Args:
        only: the one key that is; None for every key of the shape sk_….

    """

    def __init__(self, only: str | None) -> None:
        self._only = only

    def check(self, request: Request) -> None:
        """Refuse a request without an accepted key."""
        if wrong := self._fault(request):
            raise refuse(401, f"{wrong}; {self.accepted} is accepted.", {"WWW-Authenticate": "Bearer"})

    def _fault(self, request: Request) -> str:
        """Say what is wrong with a request's key, in a frame that ends with it."""
        bearer = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
        if not bearer:
            return "An API key is missing (Authorization: Bearer sk_…)"
        return "" if self._accepts(bearer[1]) else "The API key is wrong"

    @property
    def accepted(self) -> str:
        """Which keys are accepted, as words for a sentence; they repeat no key."""
        if self._only is None:
            return "any key of the shape sk_… (letters, digits, _ and -)"
        return "only the key that the sandbox was started with"

    def mask(self, text: str) -> str:
        """Take API keys out of a text."""
        return redact_keys(text.replace(self._only, "sk_***") if self._only else text)

    def _accepts(self, key: str) -> bool:
        if self._only is None:
            return _KEY.fullmatch(key) is not None
        return hmac.compare_digest(key.encode("utf-8", "replace"), self._only.encode())
