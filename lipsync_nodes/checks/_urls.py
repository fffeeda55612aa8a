"""What a form's URLs show without a connection: whether the service can reach them, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from lipsync_nodes.checks._expiry import expires_at
from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._request import CheckRequest
from lipsync_nodes.media import PreparedForm, is_public, literal

# Clocks may differ by this many seconds.
CLOCKS: Final = 60.0
# Names that only the resolver of a private network knows.
_PRIVATE: Final = (".local", ".internal", ".intranet", ".lan", ".home.arpa")


def findings(form: PreparedForm, request: CheckRequest) -> Iterator[Finding]:
    """Yield what the URLs themselves show."""
    for name, url in form.urls.items():
        if not request.local:
            yield from (one.at(name) for one in _reach(url))
        if "?" in url:
            yield from (one.at(name) for one in _expiry(url, request))


def _reach(url: str) -> Iterator[Finding]:
    """Yield whether the service, on the public internet, can reach the host."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = literal(host)
    if address is not None and not is_public(address):
        yield Finding(
            code="url.not_public", severity="error", basis="fact", remedy=("publish_input",), facts={"host": host}
        )
    elif address is None and (host.rstrip(".").endswith(_PRIVATE) or "." not in host.rstrip(".")):
        yield Finding(
            code="url.private_name", severity="warning", basis="likely", remedy=("publish_input",), facts={"host": host}
        )
    elif parts.scheme.lower() == "http":
        yield Finding(code="url.not_encrypted", severity="info", basis="likely")


def _expiry(url: str, request: CheckRequest) -> Iterator[Finding]:
    """Yield how long a signed URL is valid: the service fetches the inputs at an unknown time of the job."""
    expires = expires_at(url)
    if expires is None:
        return
    left = expires - request.now
    if left < -CLOCKS:
        yield Finding(
            code="url.expired",
            severity="error",
            basis="fact",
            remedy=("sign_again",),
            facts={"minutes": round(-left / 60)},
        )
    elif left < request.deadline:
        yield Finding(
            code="url.expires_soon",
            severity="warning",
            basis="likely",
            remedy=("sign_for_longer",),
            facts={"minutes": max(0, round(left / 60)), "deadline": round(request.deadline / 60)},
        )
