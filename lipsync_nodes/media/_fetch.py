"""Fetches a video from an untrusted URL, over as many connections as needed."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import IO, Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from lipsync_nodes.errors import DownloadError
from lipsync_nodes.http import CutShort, Downloads
from lipsync_nodes.media._addresses import Address, is_public, literal
from lipsync_nodes.media._containers import is_video, is_whole
from lipsync_nodes.media._partial import Partial
from lipsync_nodes.settings import is_loopback

OnProgress = Callable[[int, int | None], object]

REDIRECTS: Final = 5
# How many tries in a row may bring no data. Any data resets the count.
FRUITLESS_TRIES: Final = 5
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
# How long an output may take to become available at its URL after its job has ended.
APPEARS_SECONDS: Final = 30.0
# How long a download may take: this many seconds, plus the time for its data at this many bytes per second.
LEAST_SECONDS: Final = 600.0
SLOWEST: Final = 10_000


_NOT_THERE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN})
_RANGE_REFUSED: Final = frozenset({HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})
_PASSING: Final = _RANGE_REFUSED | {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}


class NotThere(CutShort):
    """The server does not have the file, or not yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a download, in bytes and in seconds."""

    largest: int
    timeout: float | None
    appears_within: float
    began: float = field(default_factory=time.monotonic)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def left(self, came: int) -> float:
        """Return how many seconds are left after *came* bytes have arrived."""
        return (LEAST_SECONDS + came / SLOWEST if self.timeout is None else self.timeout) - self.elapsed


@dataclass(slots=True)
class Fetch:
    """One download, over as many connections as needed."""

    url: str
    local: bool
    limits: Limits
    partial: Partial
    on_progress: OnProgress
    stop: threading.Event
    came: int = field(default=0, init=False)  # bytes, over all connections
    furthest: int = field(default=0, init=False)
    fruitless: int = field(default=0, init=False)
    # The length at which a file ended, if nothing showed that it was complete.
    unproven: int = field(default=0, init=False)

    @property
    def file(self) -> IO[bytes]:
        return self.partial.file

    def all(self) -> None:
        """Fetch the whole file."""
        with Downloads(self._check_peer, use_proxies=not self.local) as downloads:
            ended = False
            while not ended:
                self._check_stop()
                try:
                    self._once(downloads)
                    ended = True
                except CutShort as cut:
                    ended = self._is_enough(cut)
        self._check_video()

    def _once(self, downloads: Downloads) -> None:
        """Fetch the missing part over one connection."""
        have = self._have() if self.partial.validator else 0
        headers = {"Range": f"bytes={have}-", "If-Range": self.partial.validator or ""} if have else {}
        with self._follow(downloads, headers) as response:
            if have and _is_all_of(response, have):
                return
            self._begin(response, have)
            at = self.file.tell()
            for chunk in response.iter_raw():
                self._check_stop()
                self.partial.write(chunk)
                self.came += len(chunk)
                at += len(chunk)
                self._check_size(at)
                self.on_progress(at, self.partial.size)
            is_chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
        self._check_end(is_framed=is_chunked)

    @contextmanager
    def _follow(self, downloads: Downloads, headers: dict[str, str]) -> Iterator[Any]:
        url = self.url
        for _ in range(REDIRECTS + 1):
            self._check_url(url)
            with downloads.open(_without_userinfo(url), headers, self.limits.left(self.came)) as response:
                if not response.has_redirect_location:
                    yield response
                    return
                url = urljoin(url, response.headers["location"])
        raise DownloadError(code="download.redirects", most=REDIRECTS)

    def _begin(self, response: Any, have: int) -> None:
        """Check the response, and move to the position where its data begins."""
        self._check_answer(response)
        etag = response.headers.get("etag", "")
        validator = etag if etag.startswith('"') else response.headers.get("last-modified")
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            self._check_part(response.headers.get("content-range", ""), validator, have)
            self.file.seek(have)
            self.file.truncate()
        else:
            length = response.headers.get("content-length")
            self.partial.begin(validator, int(length) if length else None)
        self._check_size(self.partial.size or 0)
        self._check_room()

    def _check_answer(self, response: Any) -> None:
        status, kind = response.status_code, response.headers.get("content-type", "").partition(";")[0]
        if status in _NOT_THERE:
            raise NotThere(f"the server answered {status}")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
            raise CutShort(f"the server answered {status}", start_anew=status in _RANGE_REFUSED)
        if status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            raise DownloadError(code="download.expired", status=status)
        if kind.startswith("text/") or kind in {"application/json", "application/xml"}:
            raise DownloadError(code="download.wrong_type", content_type=kind)

    def _check_part(self, content_range: str, validator: str | None, have: int) -> None:
        """Refuse a partial response that does not continue what has arrived, or has another total size."""
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range)
        if not have or not found:
            raise DownloadError(code="download.wrong_part", at=have, content_range=f"{content_range!r:.60}")
        size, known = None if found[2] == "*" else int(found[2]), self.partial.size
        if validator is None:
            is_same = size is not None and size == known
        else:
            is_same = validator == self.partial.validator and (size == known or None in {size, known})
        if int(found[1]) != have or not is_same:
            raise CutShort("the output changed meanwhile", start_anew=True)
        self.partial.size = size or known

    def _check_end(self, *, is_framed: bool) -> None:
        """Check whether the connection ended because the file is complete."""
        at, size = self._have(), self.partial.size
        if size is not None and at < size:
            raise CutShort(f"{at} of {size} bytes came")
        if size is not None or is_framed:
            return
        # The server only closed the connection. The file counts as complete if the video's container says so, or if the
        # next try ends at the same length.
        whole = is_whole(self.file)
        if whole or (whole is None and at == self.unproven) or not is_video(self.file):
            return
        self.unproven = at
        raise CutShort("it ended in the middle of the video" if whole is False else "nothing says that it is whole")

    def _is_enough(self, cut: CutShort) -> bool:
        """Return True if the file is complete although the connection broke; otherwise pause, or give up."""
        if isinstance(cut, NotThere):
            if self.came or self.limits.elapsed >= self.limits.appears_within:
                raise DownloadError(code="download.not_there", reason=cut)
            self._pause(self.limits.elapsed / 2)
            return False
        if cut.start_anew:
            self.partial.begin(None, None)
        at = self._have()
        self.fruitless = 0 if at > self.furthest else self.fruitless + 1
        self.furthest = max(self.furthest, at)
        is_last = self.fruitless >= FRUITLESS_TRIES
        # Only the end of the framing is missing. If the server supports resuming, the next try asks for the rest.
        if (is_last or not self.partial.validator) and at and self.partial.size is None and is_whole(self.file):
            return True
        if is_last:
            raise self._given_up(code="download.broke_off", at=at, reason=cut)
        self._pause(FIRST_PAUSE * 2**self.fruitless)
        return False

    def _pause(self, seconds: float) -> None:
        self.stop.wait(min(max(seconds, FIRST_PAUSE), LONGEST_PAUSE, max(self.limits.left(self.came), 0.0)))

    def _given_up(self, *, code: str, **facts: Any) -> DownloadError:
        self.partial.keep = True
        return DownloadError(code=code, remedy="resume_download", **facts)

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise DownloadError(code="download.stopped")
        if self.limits.left(self.came) <= 0:
            raise self._given_up(code="download.too_slow", came=self.came, seconds=self.limits.elapsed)

    def _check_size(self, size: int) -> None:
        if size > self.limits.largest:
            raise DownloadError(code="download.too_large", most=self.limits.largest)

    def _check_room(self) -> None:
        """Check that there is enough free disk space."""
        missing = (self.partial.size or 0) - self.file.tell()
        disk = shutil.disk_usage(self.partial.folder)
        if disk.total and missing > disk.free:  # some network file systems report 0 for both
            free, needed = disk.free >> 20, missing >> 20
            raise DownloadError(
                code="download.disk_full", folder=self.partial.folder, free=free, needed=needed, remedy="make_room"
            )

    def _check_video(self) -> None:
        if not is_video(self.file):
            raise DownloadError(code="download.not_a_video")
        if self.unproven and is_whole(self.file) is False:
            raise DownloadError(code="download.cut")

    def _have(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def _check_url(self, url: str) -> None:
        parts = split(url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not (parts.scheme == "http" and self.local and is_loopback(host)):
            raise DownloadError(code="download.not_https")
        if (address := literal(host)) is not None:
            self._check_address(address)

    def _check_peer(self, address: str) -> None:
        """Check a resolved address before a connection is opened."""
        self._check_address(ip_address(address.partition("%")[0]))

    def _check_address(self, address: Address) -> None:
        if not (is_public(address) or (self.local and address.is_loopback)):
            raise DownloadError(code="download.not_public", address=address)


def split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # its message may contain a password
        raise DownloadError(code="download.malformed_url", reason="") from None


def _without_userinfo(url: str) -> str:
    """Return a URL without the user name and password in it, which are never sent."""
    authority = split(url).netloc
    return url.replace(f"//{authority}", f"//{authority.rpartition('@')[2]}", 1)


def _is_all_of(response: Any, have: int) -> bool:
    """Return whether the server says that nothing is missing."""
    said = response.headers.get("content-range")
    return response.status_code in _RANGE_REFUSED and said == f"bytes */{have}"
