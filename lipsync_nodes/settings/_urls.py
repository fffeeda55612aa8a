"""Which URLs the settings take to build on: what could never be asked for is found before anything is sent."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from unicodedata import category
from urllib.parse import SplitResult, urlsplit

__all__ = [
    "check_base",
    "is_loopback",
    "split",
]


LONGEST: Final = 2000
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_LONGEST_HOST: Final = 253


def check_base(url: str, danger: str = "") -> str:
    """Return a URL to build on, without a slash at its end; raise ValueError if it is none or not safe.

    Args:
        url: an http(s) URL.
        danger: what plain http would bring about beyond this machine; empty if it may be http.

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
    """Take a URL apart to which a path can be added; raise ValueError if none can."""
    if not url:
        raise ValueError("is empty")
    if len(url) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    if "\\" in url or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("has white space, a backslash or control characters in it")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"is not a URL ({error})") from None
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password")
    if "?" in url or "#" in url:  # an empty query swallows what is added, too
        raise ValueError("must end with its path, without a query (?) or fragment (#)")
    if not _has_a_port(parts):
        raise ValueError("has a port that is no number from 1 to 65535")
    return parts


def is_loopback(host: str) -> bool:
    """Tell whether *host* is this machine by its name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _has_a_port(parts: SplitResult) -> bool:
    """Tell whether the port is one, or left out."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _is_host(host: str) -> bool:
    """Tell whether this can be a host's name or address."""
    try:
        ip_address(host)
    except ValueError:
        labels = host.split(".")
        # What ends in a number is an address, if it is anything.
        return len(host) <= _LONGEST_HOST and all(map(_is_label, labels)) and not labels[-1].isdigit()
    return True


def _is_label(label: str) -> bool:
    """Tell whether this can stand between two dots: also what an xn--… stands for consists of letters."""
    try:
        meant = label.encode("ascii").decode("idna")
    except UnicodeError:
        return False
    letters = all(character in "-_" or category(character)[0] in "LMN" for character in meant)
    return letters and _LABEL.fullmatch(label) is not None
