"""Downloads a job's media from their URLs, as the service does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from lipsync_nodes.errors import LipsyncError

if TYPE_CHECKING:
    import httpx

__all__ = ["LARGEST_FILE", "MediaFetcher", "NotFetched", "new_http"]

LARGEST_FILE: Final = 512 * 2**20
"""The most bytes that a media file may have."""

_TIMEOUT: Final = 300
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,5}")


class NotFetched(LipsyncError):
    """A media URL could not be fetched."""


def new_http() -> httpx.AsyncClient:
    """Return an HTTP client that uses no proxy for this machine."""
    import httpx  # noqa: PLC0415  # takes 90 ms, and jobs that are not rendered do not need it

    here = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}
    return httpx.AsyncClient(follow_redirects=True, timeout=httpx.Timeout(30, connect=10), mounts=here)


class MediaFetcher:
    """Downloads media files.

    Args:
        http: the HTTP client.
        stored: returns the path of a URL's file if it is in the sandbox's own file store.
        largest: the most bytes that a file may have.

    """

    def __init__(
        self, http: httpx.AsyncClient, stored: Callable[[str], Path | None], largest: int = LARGEST_FILE
    ) -> None:
        self._http = http
        self._stored = stored
        self._largest = largest

    async def fetch_all(self, urls: Mapping[str, str], folder: Path) -> dict[str, Path]:
        """Return a local file for each field; raise NotFetched for the first URL that cannot be fetched."""
        return {name: await self.fetch(name, url, folder) for name, url in urls.items()}

    async def fetch(self, name: str, url: str, folder: Path) -> Path:
        """Return a local file with the content of *url*."""
        if own := self._stored(url):
            return own
        suffix = _SUFFIX.fullmatch(PurePosixPath(urlsplit(url).path).suffix)
        target = folder / (name + (suffix[0] if suffix else ""))
        try:
            async with asyncio.timeout(_TIMEOUT):
                problem = await self._download(url, target)
        except TimeoutError:
            problem = {"seconds": _TIMEOUT}
        if problem:
            raise NotFetched(code="sandbox.not_fetched", field=name, url=_shown(url), **problem)
        return target

    async def _download(self, url: str, target: Path) -> dict[str, Any]:
        """Download a file. Return what went wrong as facts; they are empty if nothing did."""
        import httpx  # noqa: PLC0415  # see new_http

        size = 0
        try:
            async with self._http.stream("GET", url) as answer:
                if not answer.is_success:
                    return {"status": answer.status_code}
                with target.open("wb") as file:
                    async for chunk in answer.aiter_bytes():
                        size += len(chunk)
                        if size > self._largest:
                            return {"mebibytes": self._largest // 2**20}
                        file.write(chunk)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return {"kind": type(error).__name__}
        return {}


def _shown(url: str) -> str:
    """Return the URL without its query and password, which may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
