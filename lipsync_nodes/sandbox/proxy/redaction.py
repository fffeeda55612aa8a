"""Keeps secrets off the tape: API keys, other credentials, and the signed parts of URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from lipsync_nodes._redaction import conceal, redact

__all__ = ["HIDDEN", "conceal_credentials", "hidden", "hidden_body", "hidden_headers", "hidden_query"]

HIDDEN: Final = "***"
_SECRET: Final = re.compile("auth|cookie|token|secret|key|signature|passw|session|credential|bearer", re.IGNORECASE)
_CALLBACK: Final = re.compile("webhook|callback", re.IGNORECASE)
_URL: Final = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\b(bearer|basic)\s+[^\s\"',;]+", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*")
_DEEPEST: Final = 100


def conceal_credentials(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Hide the credentials of a request from now on, wherever they appear, whatever their format."""
    for name, value in headers:
        if name.lower() == b"authorization":
            conceal(value.decode("latin-1").strip().rpartition(" ")[2])


def hidden(value: Any, name: str = "", depth: int = 0) -> Any:
    """Return a JSON value without secrets. *name* is the name of its field."""
    if isinstance(value, dict) and depth < _DEEPEST:
        return {_text(str(inner)): hidden(value[inner], str(inner), depth + 1) for inner in value}
    if isinstance(value, list) and depth < _DEEPEST:
        return [hidden(inner, name, depth + 1) for inner in value]
    if isinstance(value, dict | list):
        return HIDDEN
    if value and not isinstance(value, bool) and _SECRET.search(name):
        return HIDDEN
    if not isinstance(value, str):
        return value
    # The path of a callback URL may be what proves who calls it.
    return _origin(value) if _CALLBACK.search(name) else _text(value)


def hidden_body(body: bytes) -> dict[str, Any]:
    """Return a body without secrets: as `json`, or as `text` if it is not JSON."""
    try:
        return {"json": hidden(json.loads(body))}
    except (ValueError, RecursionError):
        return {"text": _text(body.decode("utf-8", "replace"))}


def hidden_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers without secrets, with names in lower case."""
    named = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
    return {_text(name): HIDDEN if _SECRET.search(name) else _text(value) for name, value in named}


def hidden_query(query: str) -> str:
    """Return a query with its names only: any value may be a signature."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{_text(name)}={HIDDEN}" if equals else HIDDEN for name, equals, _ in parts)


def _text(text: str) -> str:
    return redact(_JWT.sub(HIDDEN, _SCHEME.sub(rf"\1 {HIDDEN}", _URL.sub(lambda found: _url(found[0]), text))))


def _url(url: str) -> str:
    """Return a URL without the password, the values of the query, and the fragment."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return HIDDEN
    fragment = HIDDEN if parts.fragment else ""
    return urlunsplit((parts.scheme, host, parts.path, hidden_query(parts.query), fragment))


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    return redact(f"{parts.scheme}://{host}/{HIDDEN}") if parts.netloc else HIDDEN
