"""The token for everything under `/sandbox`, which a sandbox needs if other machines can reach it."""

from __future__ import annotations

import os
import re
import secrets
import sys
from typing import Final

from lipsync_nodes.errors import ConfigurationError

__all__ = ["TOKEN_NAME", "announce", "token_for"]

TOKEN_NAME: Final = "LIPSYNC_SANDBOX_TOKEN"  # noqa: S105  # its name


def token_for(address: str, given: str | None) -> str:
    """Return the token that is needed at this address; empty if none is.

    Raises ConfigurationError if the token cannot be used.
    """
    from lipsync_nodes.settings import is_loopback  # noqa: PLC0415  # importing this module must stay cheap

    by_default = "" if is_loopback(address) else os.environ.get(TOKEN_NAME) or secrets.token_urlsafe(18)
    token = by_default if given is None else given
    if token and not re.fullmatch(r"[A-Za-z0-9._~-]{8,}", token):
        raise ConfigurationError(code="sandbox.token_unusable")  # it could not be masked in every encoding
    return token


def announce(token: str, given: str | None, url: str) -> None:
    """Print the token if nobody knows it yet. It is not logged, because logs are kept."""
    if token and token not in {given, os.environ.get(TOKEN_NAME)}:
        print(f"The token for /sandbox is {token}. The page: {url}/?token={token}", file=sys.stderr)  # noqa: T201
