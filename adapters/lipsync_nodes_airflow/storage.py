"""Object storage: media that lie there, and videos that go there, by Airflow's `ObjectStoragePath`."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from airflow.providers.common.compat.sdk import ObjectStoragePath

from lipsync_nodes import ConfigurationError, DownloadError, Job, LipsyncClient
from lipsync_nodes.host import job_name

__all__ = ["check_target", "is_object", "opened", "save"]

CHUNK: Final = 1 << 20
# What the core knows itself: public URLs and files of this machine.
_OF_THE_CORE: Final = frozenset({"", "http", "https", "file"})


def is_object(value: object) -> bool:
    """Tell whether something is, or names, an object in a storage, `s3://conn_id@bucket/key`."""
    return isinstance(value, ObjectStoragePath) or (
        "://" in str(value) and urlsplit(str(value)).scheme not in _OF_THE_CORE
    )


def opened(value: Any, files: ExitStack) -> Any:
    """Return a media input as the core takes it: an object as a file to read, open as long as *files*."""
    if not is_object(value):
        return _local(value)
    try:
        return files.enter_context(ObjectStoragePath(str(value)).open("rb"))
    except Exception as error:
        raise ConfigurationError(
            code="airflow.storage_unreadable", path=value, reason=error, remedy="nothing_sent"
        ) from error


def check_target(output_path: object) -> Path | None:
    """Find out that a video could not be stored before it is paid for; return the target if it is a local file."""
    if not output_path:
        return None
    if not is_object(output_path):
        # The name of a file in a folder is not known yet; where it is does not depend on it.
        path = str(_local(str(output_path)))
        return Path(path, "video.mp4") if path.endswith("/") or Path(path).is_dir() else Path(path)
    try:
        target = ObjectStoragePath(str(output_path))
        target.fs.exists(target.path)  # asks the storage, with the connection's credentials
    except Exception as error:
        raise ConfigurationError(
            code="airflow.storage_unreachable", path=output_path, reason=error, remedy="nothing_sent"
        ) from error
    return None


def save(client: LipsyncClient, job: Job, output_path: object) -> str:
    """Save a job's video, whole or not at all, and return where it is; a path that ends in a slash is a folder.

    It comes by the core's download into a temporary file: resumed after a cut, checked, complete before a byte of it is
    stored. From there it goes in pieces, so memory does not grow with it. A storage has no half object to be resumed or
    renamed, so what is streamed there straight from the service would start anew with every cut, and could end as half
    a video that looks whole. The disk of a worker needs room for one video.

    Raises:
        DownloadError: the video could not be fetched or stored. Nothing is at the target; a retry pays nothing.

    """
    target, name = str(output_path), f"{job_name(job.id)}.mp4"
    if not is_object(target):
        return str(client.download(job, _local(target)))
    target += name if target.endswith("/") else ""
    with tempfile.TemporaryDirectory(prefix="lipsync-") as folder:
        video = client.download(job, Path(folder) / name)
        try:
            _put(video, ObjectStoragePath(target))
        except Exception as error:
            raise DownloadError(code="download.unwritable", path=target, reason=error, job_id=job.id) from error
    return target


def _put(file: Path, target: ObjectStoragePath) -> None:
    storage = target.fs
    # A transaction shows the object once all of it is there, and never if the copying fails.
    with storage.transaction, file.open("rb") as source, storage.open(target.path, "wb") as sink:
        shutil.copyfileobj(source, sink, CHUNK)


def _local(value: Any) -> Any:
    """Return a URL of a file of this machine as its path, and anything else as it is."""
    if not isinstance(value, str) or not value.lower().startswith("file:"):
        return value
    host, _, path = value[len("file:") :].removeprefix("//").partition("/")
    if host not in {"", "localhost"}:
        raise ConfigurationError(code="airflow.other_machine", path=value, remedy="file_of_worker")
    return url2pathname(f"/{path}")
