"""Masks API keys and webhook tokens in texts."""

from __future__ import annotations

import re

_KEY = re.compile(r"\bsk_[A-Za-z0-9_\-]+")
# With a token, anyone can report that a job has ended; see `ledger._tokens`.
_TOKEN = re.compile(r"\bcb_[A-Za-z0-9_\-]{64}")


# The API keys in use, in any format: a response may quote one that does not match the pattern.
_SECRETS: set[str] = set()
_SHORTEST_SECRET = 8
# One pattern for all of them: in a loop, each would be a local variable, which tracebacks can show.
_IN_USE = re.compile(r"(?!)")


def conceal(secret: str) -> None:
    """Make `redact` mask *secret* from now on, in this process."""
    global _IN_USE  # noqa: PLW0603
    if len(secret) >= _SHORTEST_SECRET:
        _SECRETS.add(secret)
        _IN_USE = re.compile("|".join(map(re.escape, sorted(_SECRETS, key=len, reverse=True))))


def redact(text: str) -> str:
    """Return *text* with all API keys in use masked, and everything that looks like an API key or a webhook token."""
    return _TOKEN.sub("cb_***", redact_keys(text))


def redact_keys(text: str) -> str:
    """Return *text* with API keys masked, but not webhook tokens, which have to be sent to the service."""
    return _KEY.sub("sk_***", _IN_USE.sub("sk_***", text))
