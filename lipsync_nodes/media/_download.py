"""Downloads an output into a file, whole or not at all.

The URL is not trusted. It must be https (or http for a sandbox on this machine). No Authorization header is sent.
Private addresses are refused, even behind a redirect or a DNS name. The size is limited, and the content must be a
video. After a cut connection the download is resumed by Range, even by another process. The file gets its name only
when it is whole.
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

LARGEST_VIDEO: Final = 4 << 30


def source_and_target(job_or_url: Job | str, path: str | Path) -> tuple[str, Path]:
    """Return the URL to fetch and the file to write. In a folder, the file is named after the job."""
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
    """Fetch the output of a job into *target* and return *target*. It takes the arguments of `LipsyncClient.download`.

    An existing file is replaced when the new one is whole. If it is a link, the file that it leads to is replaced. A
    folder, device or pipe is refused. With *local*, http and loopback addresses are allowed, for a sandbox on this
    machine. *largest* is in bytes. The *identity* of a video whose URL changes each time lets a download be resumed
    after a crash. A 404 or 403 may mean for *appears_within* seconds (default: 30) that the output is not available
    yet. When another thread sets *stop*, the download ends.

    Raises:
        DownloadError: nothing was written to *target*.

    """
    place = check_target(target)
    limits = Limits(largest, timeout, APPEARS_SECONDS if appears_within is None else appears_within)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with Partial(place, identity or url) as partial:
            Fetch(url, local, limits, partial, on_progress or (lambda *_: None), stop or threading.Event()).all()
            partial.finish()
    except OSError as error:
        raise unwritable(target, error) from error
    return target
