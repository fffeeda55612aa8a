"""What a form's URLs show without a connection: whether the service can reach them, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

from lipsync_nodes.checks._expiry import expires_at
from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._request import CheckRequest
from lipsync_nodes.media import PreparedForm, is_public, literal
from lipsync_nodes.service import deadline_for

# Clocks may differ by this many seconds.
CLOCKS: Final = 60.0
# Names that only the resolver of a private network knows.
_PRIVATE: Final = (".local", ".internal", ".intranet", ".lan", ".home.arpa")


def url_findings(form: PreparedForm, request: CheckRequest, seconds: float | None = None) -> Iterator[Finding]:
    """Yield what the URLs themselves show. *seconds* is the length of the video, if it is known."""
    deadline = request.timeout or deadline_for(seconds)
    local = request.local
    for name, url in form.urls.items():
        if not local:
            yield from (one.at(name) for one in _reach(url))
        if "?" in url:
            yield from (one.at(name) for one in _expiry(url, request.now, deadline))


def is_private(host: str) -> bool:
    """Return whether a host is an address that the public internet does not have. A name is not resolved."""
    address = _address(host)
    return address is not None and not is_public(address)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is written as, or None for a name."""
    last = host.rstrip(".").rpartition(".")[2]
    # Most hosts end in a name, which no spelling of an address does.
    return None if last.isascii() and last.isalpha() and last != "localhost" else literal(host)


def _reach(url: str) -> Iterator[Finding]:
    """Yield whether the service, on the public internet, can reach the host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = _address(host)
    if is_private(host):
        yield Finding(
            code="url.not_public", severity="error", basis="fact", remedy=("publish_input",), facts={"host": host}
        )
    elif address is None and (host.rstrip(".").endswith(_PRIVATE) or "." not in host.rstrip(".")):
        yield Finding(
            code="url.private_name", severity="warning", basis="likely", remedy=("publish_input",), facts={"host": host}
        )
    elif parts.scheme.lower() == "http":
        yield Finding(code="url.not_encrypted", severity="info", basis="likely")


def _expiry(url: str, now: float, deadline: float) -> Iterator[Finding]:
    """Yield how long a signed URL is valid: the service fetches the inputs at an unknown time of the job."""
    expires = expires_at(url)
    if expires is None:
        return
    left = expires - now
    if left < -CLOCKS:
        yield Finding(
            code="url.expired",
            severity="error",
            basis="fact",
            remedy=("sign_again",),
            facts={"at": f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC"},
        )
    elif left < deadline:
        yield Finding(
            code="url.expires_soon",
            severity="warning",
            basis="likely",
            remedy=("sign_for_longer",),
            facts={"minutes": max(0, round(left / 60)), "deadline": round(deadline / 60)},
        )


def not_fetched(form: PreparedForm) -> Iterator[Finding]:
    """Yield which URLs were not fetched."""
    if names := list(form.urls):
        yield Finding(
            code="check.not_fetched",
            severity="info",
            basis="fact",
            field=names[0] if len(names) == 1 else None,
            remedy=("fetch_urls",),
            facts={"fields": names},
        )
