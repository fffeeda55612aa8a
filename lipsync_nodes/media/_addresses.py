"""Which addresses an untrusted URL may lead to: only public ones, in any spelling."""

from __future__ import annotations

import re
import socket
import unicodedata
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

# The IPv6 networks for translation, whose addresses contain an IPv4 address.
_TRANSLATED: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))
# What resolvers accept as an IPv4 address: 127.1, 2130706433, 0x7f000001, 0177.0.0.1.
_NUMBERS: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", re.ASCII | re.IGNORECASE)


def literal(host: str) -> Address | None:
    """Return the address that a URL's host is, in any spelling; None if it is a name."""
    plain = unicodedata.normalize("NFKC", host).replace("\N{IDEOGRAPHIC FULL STOP}", ".").rstrip(".")
    if plain.lower() == "localhost" or plain.lower().endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    with suppress(ValueError):
        return ip_address(plain.partition("%")[0])
    if _NUMBERS.fullmatch(plain):
        with suppress(OSError):
            return IPv4Address(socket.inet_aton(plain))
    return None


def is_public(address: Address) -> bool:
    """Return whether an address, and each address that it contains, is on the public internet."""
    return all(map(_is_public, (address, *inside(address))))


def _is_public(address: Address) -> bool:
    # An address that contains another is not global itself. The contained address is checked separately.
    carries = bool(inside(address))
    return (address.is_global or carries) and not (address.is_multicast or getattr(address, "is_site_local", False))


def inside(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address contains."""
    if isinstance(address, IPv4Address) or address.is_loopback:
        return ()
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        carried.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(inner for inner in carried if inner is not None)
