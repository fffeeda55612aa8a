"""Fetching a job's media by their URLs, as the service would."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from lipsync_nodes.sandbox.server.files import LARGEST_FILE, FileStore

if TYPE_CHECKING:
    import httpx

__all__ = ["Fetcher", "NotFetched", "new_http"]

_SECONDS: Final = 300
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,5}")


class NotFetched(Exception):
    """A media URL gave no file; the message is one sentence."""


def new_http() -> httpx.AsyncClient:
    """Return an HTTP client that reaches this machine past any proxy."""
    import httpx  # noqa: PLC0415  # costs 90 ms, which jobs that are not rendered need not pay

    here = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
    return httpx.AsyncClient(follow_redirects=True, timeout=httpx.Timeout(30, connect=10), mounts=here)


class Fetcher:
    """Brings media to disk.

    Args:
        http: what to fetch with.
        files: the sandbox's own asset store, which is read from disk.
        largest: the most bytes that one may have.

    """

    def __init__(self, http: httpx.AsyncClient, files: FileStore, largest: int = LARGEST_FILE) -> None:
        self._http = http
        self._files = files
        self._largest = largest

    async def fetch_all(self, urls: Mapping[str, str], folder: Path) -> dict[str, Path]:
        """Return a local file for each field; raise NotFetched for the first that gives none."""
        return {name: await self.fetch(name, url, folder) for name, url in urls.items()}

    async def fetch(self, name: str, url: str, folder: Path) -> Path:
        """Return a local file with what is at *url*."""
        if own := self._files.find_url(url):
            return own
        suffix = _SUFFIX.fullmatch(PurePosixPath(urlsplit(url).path).suffix)
        target = folder / (name + (suffix[0] if suffix else ""))
        try:
            async with asyncio.timeout(_SECONDS):
                problem = await self._download(url, target)
        except TimeoutError:
            problem = f"it took longer than {_SECONDS} s"
        if problem:
            raise NotFetched(f"{name} could not be fetched: {problem} from {_shown(url)}")
        return target

    async def _download(self, url: str, target: Path) -> str:
        import httpx  # noqa: PLC0415  # see new_http

        size = 0
        try:
            async with self._http.stream("GET", url) as answer:
                if not answer.is_success:
                    return str(answer.status_code)
                with target.open("wb") as file:
                    async for chunk in answer.aiter_bytes():
                        size += len(chunk)
                        if size > self._largest:
                            return f"more than {self._largest // 2**20} MiB"
                        file.write(chunk)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return f"no answer ({type(error).__name__})"
        return ""


def _shown(url: str) -> str:
    """Return the URL without its query and password, which may be secrets."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
