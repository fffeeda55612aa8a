"""Which API keys the sandbox accepts."""

from __future__ import annotations

import hmac
import re
import secrets
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
        only: the only accepted key besides the page's; None accepts every key of the form sk_….
        token: the token for `/sandbox`, which `mask` removes too; empty if there is none.

    Attributes:
        page: the key that the sandbox's own page sends. It is another one in each run.

    """

    def __init__(self, only: str | None, token: str = "") -> None:
        self._only = only
        self.token = token
        self.page = f"sk_page_{secrets.token_urlsafe(18)}"
        self._page_sends = f"Bearer {self.page}".encode()

    @property
    def any(self) -> bool:
        """Whether every key of the form sk_… is accepted."""
        return self._only is None

    def is_page(self, authorization: bytes) -> bool:
        """Whether the value of an Authorization header is that of the page."""
        return hmac.compare_digest(authorization, self._page_sends)

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
        """Remove API keys and the token from a text."""
        if self.token:
            text = text.replace(self.token, "***")
        return redact_keys(text.replace(self._only, "sk_***") if self._only else text)

    def _accepts(self, key: str) -> bool:
        if self._only is None:
            return _KEY.fullmatch(key) is not None
        given = key.encode("utf-8", "replace")
        return hmac.compare_digest(given, self._only.encode()) | hmac.compare_digest(given, self.page.encode())
