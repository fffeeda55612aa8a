"""Callback tokens: the part of a webhook's URL that nobody can guess, for the service signs nothing.

A token is a callback id, which names one submission, and an HMAC of it under a secret of ours. Whether a token is
genuine is thus known without asking the ledger, and one that was seen tells nothing of another.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

__all__ = [
    "callback_of",
    "new_callback",
    "new_secret",
    "token_of",
]


# So that a token is known for one, and masked, wherever it may turn up; see `errors.redact`.
PREFIX: Final = "cb_"
# 18 bytes are 24 characters of base64, 30 bytes (240 bits of the HMAC) are 40, both without padding.
ID_BYTES: Final = 18
ID_LENGTH: Final = 24
MAC_BYTES: Final = 30


def new_secret() -> str:
    """Return a secret of 256 bits."""
    return secrets.token_hex(32)


def new_callback() -> str:
    """Return the callback id of one submission. It is no secret; its token is."""
    return secrets.token_urlsafe(ID_BYTES)


def token_of(callback: str, secret: str) -> str:
    """Return the token of a callback id: 67 characters that stand in a URL's path as they are."""
    mac = hmac.digest(secret.encode(), callback.encode(), sha256)[:MAC_BYTES]
    return f"{PREFIX}{callback}{urlsafe_b64encode(mac).decode()}"


def callback_of(token: str, secret: str) -> str | None:
    """Return the callback id of a token that was made with this secret, or None. Takes as long for each wrong one."""
    if not token.isascii():
        return None
    callback = token.removeprefix(PREFIX)[:ID_LENGTH]
    return callback if hmac.compare_digest(token_of(callback, secret), token) else None
