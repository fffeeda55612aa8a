"""Checks the URLs in settings, so that invalid ones are found before anything is sent."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from unicodedata import category
from urllib.parse import SplitResult, urlsplit

LONGEST: Final = 2000
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_HOST: Final = 253


def check_base(url: str, danger: str = "") -> str:
    """Return an http(s) base URL without a slash at its end. Raise ValueError if it is invalid or unsafe.

    *danger* is that of http beyond this machine, for the error message; it is empty if http is allowed.
    """
    url = url.strip()
    parts = split(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or "://" not in url:
        raise ValueError("must begin with https://, as https://lipsync.studio/api/v1 does")
    if not _is_host(host) or ("[" in parts.netloc and ":" not in host):
        raise ValueError(
            "has a host name that cannot be: one has 1 to 63 letters, digits or hyphens between two dots "
            "(an international name is written in ASCII, xn--…)"
        )
    if danger and parts.scheme != "https" and not is_loopback(host):
        raise ValueError(f"must be https: {danger} (http only for this machine)")
    return url.rstrip("/")


def split(url: str) -> SplitResult:
    """Split a URL to which a path can be added. Raise ValueError if none can."""
    if not url:
        raise ValueError("is empty")
    if len(url) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if "\\" in url or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("has white space, a backslash or control characters in it")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is not a URL") from None
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password")
    if "?" in url or "#" in url:  # even after an empty query, no path can be added
        raise ValueError("must end with its path, without a query (?) or fragment (#)")
    if not _has_a_port(parts):
        raise ValueError("has a port that is no number from 1 to 65535")
    return parts


def is_loopback(host: str) -> bool:
    """Return whether *host* is the name or an address of this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _has_a_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    """Return whether this can be the name or address of a host."""
    try:
        ip_address(host)
    except ValueError:
        labels = host.split(".")
        # A name that ends in a number could only be an address.
        return len(host) <= _LONGEST_HOST and all(map(_is_label, labels)) and not labels[-1].isdigit()
    return True


def _is_label(label: str) -> bool:
    """Return whether this is a valid part of a host name. A decoded xn--… must consist of letters too."""
    try:
        meant = label.encode("ascii").decode("idna")
    except UnicodeError:
        return False
    letters = all(character in "-_" or category(character)[0] in "LMN" for character in meant)
    return letters and _LABEL.fullmatch(label) is not None
