"""Fetches the URLs of a form, as the service would: without credentials. What they lead to is checked like a file.

The URLs are not trusted. Private addresses are refused, unless the service is a sandbox on this machine. The size and
the time are limited. No API key, and no user name or password in a URL, is sent.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from lipsync_nodes._redaction import redact
from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._limit import Limit
from lipsync_nodes.checks._request import CheckRequest
from lipsync_nodes.checks._urls import is_private
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.http import CutShort, Downloads
from lipsync_nodes.media import PreparedForm, is_public
from lipsync_nodes.service import Asset

LARGEST: Final = 512 << 20
# For all URLs of a form together.
SECONDS: Final = 120.0
REDIRECTS: Final = 5
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True, repr=False)
class FetchedAsset(Asset):
    """The content of a URL in a temporary file.

    Attributes:
        name: the URL without its query, which may be a signature.
        content_type: the type that the server states; empty if it states none.

    """

    name: str = ""
    content_type: str = ""

    def __str__(self) -> str:
        return self.name


class _Found(Exception):  # never leaves this module
    """What was found instead of a file."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class _NotPublic(Exception):  # never leaves this module
    """A host has a private address."""


@contextmanager
def fetched(form: PreparedForm, request: CheckRequest) -> Iterator[tuple[PreparedForm, list[Finding]]]:
    """Fetch the URLs of a form. Yields a form with the files, and what was found. At the end the files are deleted."""
    findings: list[Finding] = []
    assets: dict[str, Asset] = {}
    with tempfile.TemporaryDirectory(prefix="lipsync-nodes-") as folder:
        known: dict[str, Asset | Finding] = {}  # the same URL may be in two fields
        limit = dataclasses.replace(request.limit, ends=min(request.limit.ends, time.monotonic() + SECONDS))
        with Downloads(_peer_check(request), use_proxies=not request.local) as downloads:
            for name, url in form.urls.items():
                if not request.local and is_private(urlsplit(url).hostname or ""):
                    continue  # `url_findings` tells it
                if url not in known:
                    known[url] = _one(downloads, url, Path(folder) / name, request, limit)
                found = known[url]
                if isinstance(found, Finding):
                    findings.append(found.at(name))
                else:
                    assets[name] = found
        yield form.with_assets(assets) if assets else form, findings


def _one(downloads: Downloads, url: str, target: Path, request: CheckRequest, limit: Limit) -> Asset | Finding:
    try:
        return _get(downloads, url, target, request, limit)
    except _Found as found:
        return found.finding
    except _NotPublic as error:
        host = str(error) or urlsplit(url).hostname or ""
        return Finding(
            code="url.private_name", severity="warning", basis="likely", remedy=("publish_input",), facts={"host": host}
        )
    except (CutShort, LipsyncError) as error:
        return Finding(
            code="url.not_reached",
            severity="warning",
            basis="likely",
            remedy=("publish_input",),
            facts={"reason": redact(str(error))[:200]},
        )


def _get(downloads: Downloads, url: str, target: Path, request: CheckRequest, limit: Limit) -> Asset:
    shown = _shown(url)
    for _ in range(REDIRECTS + 1):
        _check_host(url, request)
        with downloads.open(url, {}, _left(limit)) as response:
            if response.has_redirect_location:
                url = urljoin(url, response.headers["location"])
                continue
            _check_status(response.status_code)
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            head = _save(response, target, limit)
            if kind == "text/html" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
                raise _Found(Finding(code="url.web_page", severity="error", basis="fact", remedy=("link_to_file",)))
            return FetchedAsset(target, name=shown, content_type=kind)
    raise _Found(Finding(code="url.redirects", severity="warning", basis="likely", facts={"most": REDIRECTS}))


def _save(response: Any, target: Path, limit: Limit) -> bytes:
    """Save the body, and return its beginning."""
    head, size = b"", 0
    with target.open("wb") as file:
        for chunk in response.iter_bytes():
            head = head or chunk[:64]
            size += file.write(chunk)
            if size > LARGEST:
                raise _Found(
                    Finding(code="url.too_large", severity="info", basis="fact", facts={"most": LARGEST >> 20})
                )
            _left(limit)
    return head


def _left(limit: Limit) -> float:
    left = limit.left
    if left <= 0:
        raise _Found(Finding(code="url.too_slow", severity="info", basis="fact"))
    return left


def _check_status(status: int) -> None:
    if status == HTTPStatus.OK:
        return
    passing = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING
    if passing or status < HTTPStatus.BAD_REQUEST:
        raise _Found(Finding(code="url.answered", severity="warning", basis="likely", facts={"status": status}))
    raise _Found(
        Finding(code="url.refused", severity="error", basis="fact", remedy=("publish_input",), facts={"status": status})
    )


def _check_host(url: str, request: CheckRequest) -> None:
    """Refuse a redirect to another scheme or to a private address."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in {"http", "https"}:
        raise CutShort(f"it redirects to {parts.scheme}:")
    if not request.local and is_private(parts.hostname or ""):
        raise _NotPublic(parts.hostname)


def _peer_check(request: CheckRequest) -> Any:
    def check(address: str) -> None:
        if not (request.local or is_public(ip_address(address.partition("%")[0]))):
            raise _NotPublic

    return check


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
