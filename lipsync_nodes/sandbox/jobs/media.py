"""Downloads a job's media from their URLs, as the service does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    import httpx

__all__ = ["LARGEST_FILE", "MediaFetcher", "NotFetched", "new_http"]

LARGEST_FILE: Final = 512 * 2**20
"""The most bytes that a media file may have."""

_TIMEOUT: Final = 300
_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,5}")


class NotFetched(Exception):
    """A media URL could not be fetched. The message is one sentence."""


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
            problem = f"it took longer than {_TIMEOUT} s"
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
    """Return the URL without its query and password, which may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
