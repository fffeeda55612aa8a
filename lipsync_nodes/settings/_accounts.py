"""Who pays, as the ledger calls it: a fingerprint of the API key, and the server that it is sent to."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from hashlib import pbkdf2_hmac
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

__all__ = [
    "fingerprint_of",
    "is_default_account",
    "normal_account",
    "normal_base_url",
]


DEFAULT_PORTS: Final = {"https": 443, "http": 80}
# To change either would lose what was paid for.
SALT: Final = b"lipsync-nodes account"
ROUNDS: Final = 4096


@cache
def fingerprint_of(key: SecretStr | None) -> str:
    """Tell one API key from another and reveal neither, by a slow, salted hash: the same in every process, everywhere.

    The key is in no variable here: a traceback may show those.
    """
    if key is None:
        return "no-key"
    return "key-" + pbkdf2_hmac("sha256", key.get_secret_value().encode(), SALT, ROUNDS, 12).hex()


def is_default_account(name: str) -> bool:
    """Tell whether an account is called as one is by default, by the fingerprint of a key; version 0.1 had no such."""
    return re.match(r"key-[0-9a-f]{24} ", name) is not None


def normal_base_url(url: str) -> str:
    """Return a base URL in the one spelling that its server has in the ledger; what is no URL stays as it is."""
    try:
        parts = urlsplit(url)
        host, port = _normal_host(parts.hostname or ""), parts.port
    except ValueError:
        return url
    if not host:
        return url
    place = host if port in {None, DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def _normal_host(host: str) -> str:
    """Return a host in one spelling; this machine is `localhost`, by whichever address."""
    name = host.rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        with suppress(UnicodeError):
            name = name.encode("idna").decode()
        return name
    address = getattr(address, "ipv4_mapped", None) or address
    if str(address) in {"127.0.0.1", "::1"}:
        return "localhost"
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def normal_account(account: str) -> str:
    """Return what version 0.1 called an account, its base URL in the one spelling."""
    name, _, url = account.rpartition(" ")
    return f"{name} {normal_base_url(url)}" if "://" in url else account
