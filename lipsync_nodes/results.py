"""Output URL → file: whole or not at all.

The URL comes from outside, so it is fetched with suspicion: https only (http for a sandbox on this machine), no
Authorization header, no address of a private network even behind a redirect or a DNS name, a cap on its size, and what
arrives must be a video. A cut connection is resumed by Range; the file appears under its name only once it is whole.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from lipsync_nodes.contract import Job
from lipsync_nodes.errors import DownloadError
from lipsync_nodes.settings import is_loopback
from lipsync_nodes.transport import CutShort, Downloads

__all__ = ["LARGEST_VIDEO", "OnProgress", "download", "plain_name", "source_and_target"]

LARGEST_VIDEO: Final = 4 << 30
REDIRECTS: Final = 5
# Tries in a row that bring no byte; each one that does starts the count anew.
FRUITLESS_TRIES: Final = 5
FIRST_PAUSE: Final = 0.2

OnProgress = Callable[[int, int | None], object]


def source_and_target(job_or_url: Job | str, path: str | Path) -> tuple[str, Path]:
    """Return the URL to fetch and the file to write; in a folder the file is named by the job."""
    url = job_or_url.output if isinstance(job_or_url, Job) else job_or_url
    if not url:
        raise DownloadError("The job has no output to download.", hint="Wait until it is completed.")
    stem = job_or_url.id if isinstance(job_or_url, Job) else PurePosixPath(unquote(urlsplit(url).path)).stem
    target = Path(path)
    is_folder = target.is_dir() or str(path).endswith(("/", os.sep))
    return url, target / f"{plain_name(stem)}.mp4" if is_folder else target


def plain_name(stem: str) -> str:
    """Make a name from outside safe as a file name on every system."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in stem).strip(".")[:100] or "video"


def download(
    url: str,
    target: Path,
    *,
    local: bool = False,
    largest: int = LARGEST_VIDEO,
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Fetch *url* into *target* and return *target*.

    Args:
        url: the output of a job.
        target: the file to write; one that is there already is replaced once the new one is whole.
        local: allow http and loopback addresses, for a sandbox on this machine.
        largest: the most bytes to accept.
        on_progress: called with the bytes so far and the bytes in all (None if the server does not say).
        stop: set from another thread, it ends the download with a `DownloadError`.

    Raises:
        DownloadError: nothing was written under the name of *target*.

    """
    fetch = _Fetch(url, local, largest, on_progress or _nobody_listens, stop or threading.Event())
    # Beside the target, so that the rename stays on one file system and is atomic.
    partial = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("x+b") as file:
            fetch.into(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise DownloadError(f"{target} could not be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def _nobody_listens(_done: int, _size: int | None) -> None:
    pass


@dataclass(slots=True)
class _Fetch:
    """One download, over as many connections as it takes."""

    url: str
    local: bool
    largest: int
    on_progress: OnProgress
    stop: threading.Event
    validator: str | None = field(default=None, init=False)
    size: int | None = field(default=None, init=False)

    def into(self, file: IO[bytes]) -> None:
        """Fetch all of it into an empty file."""
        fruitless = 0
        with Downloads(self._check_peer, use_proxies=not self.local) as downloads:
            while True:
                before = file.tell()
                try:
                    self._once(downloads, file)
                    break
                except CutShort as cut:
                    if cut.start_anew:
                        self.validator = None
                    fruitless = 0 if file.tell() > before else fruitless + 1
                    if fruitless >= FRUITLESS_TRIES:
                        raise DownloadError(f"The download broke off at byte {before}: {cut}.") from None
                    self.stop.wait(FIRST_PAUSE * 2**fruitless)
                self._check_stop()
        _check_video(file, whole_is_known=self.size is not None)

    def _once(self, downloads: Downloads, file: IO[bytes]) -> None:
        """Fetch what is missing, over one connection."""
        have = file.tell() if self.validator else 0
        headers = {"Range": f"bytes={have}-", "If-Range": self.validator or ""} if have else {}
        with self._follow(downloads, headers) as response:
            file.seek(self._expect(response, have))
            file.truncate()
            for chunk in response.iter_raw():
                self._check_stop()
                file.write(chunk)
                self._check_size(file.tell())
                self.on_progress(file.tell(), self.size)
            if self.size is not None and file.tell() < self.size:
                raise CutShort(f"{file.tell()} of {self.size} bytes came")

    @contextmanager
    def _follow(self, downloads: Downloads, headers: dict[str, str]) -> Iterator[Any]:
        url = self.url
        for _ in range(REDIRECTS + 1):
            self._check_url(url)
            with downloads.open(url, headers) as response:
                if not response.has_redirect_location:
                    yield response
                    return
                url = urljoin(url, response.headers["location"])
        raise DownloadError(f"The output redirects more than {REDIRECTS} times.")

    def _expect(self, response: Any, have: int) -> int:
        """Check what is about to come, and return the byte at which it begins."""
        status, kind = response.status_code, response.headers.get("content-type", "").partition(";")[0]
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _PASSING:
            raise CutShort(f"the server answered {status}")
        if status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
            raise DownloadError(f"The server of the output answered {status}; the URL may have expired.")
        if kind.startswith("text/") or kind in {"application/json", "application/xml"}:
            raise DownloadError(f"The output is {kind}, not a video.")
        etag = response.headers.get("etag", "")
        validator = etag if etag.startswith('"') else response.headers.get("last-modified")
        if status == HTTPStatus.PARTIAL_CONTENT:
            start, self.size = _range_of(response.headers.get("content-range", ""), have)
            if validator not in {None, self.validator}:
                raise CutShort("the output changed meanwhile", start_anew=True)
        else:
            length = response.headers.get("content-length")
            start, self.size = 0, int(length) if length else None
            self.validator = validator
        self._check_size(self.size or 0)
        return start

    def _check_stop(self) -> None:
        if self.stop.is_set():
            raise DownloadError("The download was stopped.")

    def _check_size(self, size: int) -> None:
        if size > self.largest:
            raise DownloadError(f"The output is larger than the {self.largest} bytes that are allowed.")

    def _check_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise DownloadError(f"The output's URL is malformed: {error}.") from None
        host = parts.hostname or ""
        if parts.scheme != "https" and not (parts.scheme == "http" and self.local and is_loopback(host)):
            raise DownloadError("The output's URL is not https, so it was not fetched.")
        with suppress(ValueError):
            self._check_address(ip_address(host))

    def _check_peer(self, address: str) -> None:
        """Refuse the address that a name led to, before a byte is sent to it."""
        self._check_address(ip_address(address.partition("%")[0]))

    def _check_address(self, address: IPv4Address | IPv6Address) -> None:
        for part in (address, *_inside(address)):
            if not (_is_public(part) or (self.local and part.is_loopback)):
                raise DownloadError(f"The output leads to {address}, which is no public address; it was not fetched.")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    # Translators between the protocols carry an address of the other kind, which is looked at by itself.
    carries = bool(_inside(address))
    return (address.is_global or carries) and not (address.is_multicast or getattr(address, "is_site_local", False))


_TRANSLATED: Final = tuple(map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")))


def _inside(address: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address stands for."""
    if isinstance(address, IPv4Address) or address.is_loopback:
        return ()
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        carried.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(inner for inner in carried if inner is not None)


_PASSING: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    }
)


def _range_of(content_range: str, have: int) -> tuple[int, int]:
    """Return where a partial answer begins, which must be where it was asked to, and the size of the whole."""
    found = re.fullmatch(rf"bytes {have}-\d+/(\d+)", content_range)
    if not found:
        raise DownloadError(f"The server was asked to go on at byte {have} and sent {content_range!r:.60}.")
    return have, int(found[1])


def _check_video(file: IO[bytes], *, whole_is_known: bool) -> None:
    """Refuse what is no MP4, MOV or WebM; where the server gave no length, its boxes must end where the file does."""
    file.seek(0)
    head = file.read(12)
    if head.startswith(_WEBM):
        return
    if head[4:8] not in _FIRST_BOXES:
        raise DownloadError("What was downloaded is not a video (neither MP4, MOV nor WebM).")
    if not whole_is_known and not _ends_with_a_box(file):
        raise DownloadError("The download ended in the middle of the video.")


_WEBM: Final = b"\x1a\x45\xdf\xa3"
_FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})


def _ends_with_a_box(file: IO[bytes]) -> bool:
    """Walk the top-level boxes of an MP4 and tell whether the last ends at the end of the file."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    while at < end:
        file.seek(at)
        header = file.read(16)
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:], "big")
        if size == 0:  # "until the end of the file"
            return True
        at += max(size, 8)
    return at == end
