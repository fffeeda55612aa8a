"""Webhook tokens: the secret part of a webhook's URL, needed because the service does not sign its webhooks.

A token is a callback id, which names one submission, and an HMAC of it with a secret of ours. So a token can be checked
without reading the ledger, and one token does not reveal another.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from typing import Final

# With this prefix, a token is recognized and masked in every text; see `_redaction`.
PREFIX: Final = "cb_"
# 18 bytes are 24 characters of base64, 30 bytes (240 bits of the HMAC) are 40, both without padding.
ID_BYTES, ID_LENGTH, MAC_BYTES = 18, 24, 30


def new_secret() -> str:
    """Return a secret of 256 bits."""
    return secrets.token_hex(32)


def new_callback() -> str:
    """Return a callback id for a submission. The id is not secret, but its token is."""
    return secrets.token_urlsafe(ID_BYTES)


def token_of(callback: str, secret: str) -> str:
    """Return the token of a callback id: 67 characters that need no escaping in a URL."""
    mac = hmac.digest(secret.encode(), callback.encode(), "sha256")[:MAC_BYTES]
    return f"{PREFIX}{callback}{urlsafe_b64encode(mac).decode()}"


def callback_of(token: str, secret: str) -> str | None:
    """Return the callback id of a token made with this secret, or None. Takes the same time for all wrong tokens."""
    if not token.isascii():
        return None
    callback = token.removeprefix(PREFIX)[:ID_LENGTH]
    return callback if hmac.compare_digest(token_of(callback, secret), token) else None
