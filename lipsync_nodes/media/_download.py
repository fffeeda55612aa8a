"""Output URL → file: whole or not at all.

The URL comes from outside, so it is fetched with suspicion: https only (http for a sandbox on this machine), no
Authorization header, no address of a private network even behind a redirect or a DNS name, a cap on its size, and what
arrives must be a video. A cut connection is resumed by Range, also by the next process; the file appears under its name
only once it is whole.
"""

from __future__ import annotations

import threading
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote

from lipsync_nodes.errors import DownloadError
from lipsync_nodes.ledger import job_name, names_folder, plain_name
from lipsync_nodes.media._fetch import APPEARS_SECONDS, Fetch, Limits, OnProgress, split
from lipsync_nodes.media._partial import Partial, check_target, unwritable
from lipsync_nodes.service import Job

__all__ = [
    "LARGEST_VIDEO",
    "download",
    "source_and_target",
]


LARGEST_VIDEO: Final = 4 << 30


def source_and_target(job_or_url: Job | str, path: str | Path) -> tuple[str, Path]:
    """Return the URL to fetch and the file to write; in a folder the file is named by the job."""
    url = job_or_url.output if isinstance(job_or_url, Job) else job_or_url
    if not url:
        raise DownloadError(code="download.no_output", remedy="wait_until_completed")
    target = Path(path)
    if not names_folder(path):
        return url, target
    return url, target / f"{job_name(job_or_url.id) if isinstance(job_or_url, Job) else _stem_of(url)}.mp4"


def _stem_of(url: str) -> str:
    return plain_name(PurePosixPath(unquote(split(url).path)).stem)


def download(
    url: str,
    target: Path,
    *,
    local: bool = False,
    largest: int = LARGEST_VIDEO,
    identity: str | None = None,
    timeout: float | None = None,
    appears_within: float | None = None,
    on_progress: OnProgress | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Fetch *url* into *target* and return *target*.

    Args:
        url: the output of a job.
        target: the file to write; one that is there already is replaced once the new one is whole. What a link leads
            to is replaced, not the link; a folder, device or pipe is refused.
        local: allow http and loopback addresses, for a sandbox on this machine.
        largest: the most bytes to accept.
        identity: what is fetched, where the URL is another each time; what a crash left of it is gone on with.
        timeout: the most seconds that all of it may take; by default ten minutes, and more while bytes come.
        appears_within: for how many seconds a 404 or 403 may mean that the output is not there yet; by default 30.
        on_progress: called with the bytes so far and the bytes in all (None if the server does not say).
        stop: set from another thread, it ends the download with a `DownloadError`.

    Raises:
        DownloadError: nothing was written under the name of *target*.

    """
    place = check_target(target)
    limits = Limits(largest, timeout, APPEARS_SECONDS if appears_within is None else appears_within)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with Partial(place, identity or url) as partial:
            Fetch(url, local, limits, partial, on_progress or _nobody_listens, stop or threading.Event()).all()
            partial.finish()
    except OSError as error:
        raise unwritable(target, error) from error
    return target


def _nobody_listens(_done: int, _size: int | None) -> None:
    pass
