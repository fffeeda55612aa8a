"""Which API keys the sandbox accepts."""

from __future__ import annotations

import hmac
import re
from typing import Final

from starlette.requests import Request

from lipsync_nodes._redaction import redact_keys
from lipsync_nodes.sandbox.server.responses import http_error

__all__ = ["Keys"]

_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_KEY: Final = re.compile(r"sk_[A-Za-z0-9_\-]+")


class Keys:
    """The accepted API keys.

    Args:
        only: the only accepted key; None accepts every key of the form sk_….

    """

    def __init__(self, only: str | None) -> None:
        self._only = only

    def check(self, request: Request) -> None:
        """Refuse a request without an accepted key."""
        if problem := self._problem(request):
            raise http_error(401, f"{problem}; {self.accepted} is accepted.", {"WWW-Authenticate": "Bearer"})

    def _problem(self, request: Request) -> str:
        """Return what is wrong with a request's key. Its own frame keeps the key out of the error's traceback."""
        bearer = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
        if not bearer:
            return "An API key is missing (Authorization: Bearer sk_…)"
        return "" if self._accepts(bearer[1]) else "The API key is wrong"

    @property
    def accepted(self) -> str:
        """The accepted keys in words, without a key in them."""
        if self._only is None:
            return "any key of the shape sk_… (letters, digits, _ and -)"
        return "only the key that the sandbox was started with"

    def mask(self, text: str) -> str:
        """Remove API keys from a text."""
        return redact_keys(text.replace(self._only, "sk_***") if self._only else text)

    def _accepts(self, key: str) -> bool:
        if self._only is None:
            return _KEY.fullmatch(key) is not None
        return hmac.compare_digest(key.encode("utf-8", "replace"), self._only.encode())
