"""The names of accounts in the ledger: a fingerprint of the API key, and the server that it is sent to."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from hashlib import pbkdf2_hmac
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

DEFAULT_PORTS: Final = {"https": 443, "http": 80}
# Never change these: ledgers would no longer find what was paid for.
SALT: Final = b"lipsync-nodes account"
ROUNDS: Final = 4096


@cache
def fingerprint_of(key: SecretStr | None) -> str:
    """Return a slow, salted hash of an API key. It is the same everywhere, and does not reveal the key.

    No variable contains the key here, because tracebacks may show variables.
    """
    if key is None:
        return "no-key"
    return "key-" + pbkdf2_hmac("sha256", key.get_secret_value().encode(), SALT, ROUNDS, 12).hex()


def is_default_account(name: str) -> bool:
    """Return whether this is a default name, with the fingerprint of an API key. Version 0.1 had none of these."""
    return re.match(r"key-[0-9a-f]{24} ", name) is not None


def normal_base_url(url: str) -> str:
    """Return the normalized base URL for the ledger. A string that is not a URL is returned unchanged."""
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
    """Return the normalized name of a host. All addresses of this machine become `localhost`."""
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
    """Return the name of an account as in version 0.1, with the normalized base URL."""
    name, _, url = account.rpartition(" ")
    return f"{name} {normal_base_url(url)}" if "://" in url else account
