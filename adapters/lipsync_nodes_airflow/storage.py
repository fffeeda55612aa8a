"""Object storage: reads media and saves videos with Airflow's `ObjectStoragePath`."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import IO, Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from airflow.providers.common.compat.sdk import AirflowNotFoundException, ObjectStoragePath

from lipsync_nodes import ConfigurationError, DownloadError, Job, LipsyncClient
from lipsync_nodes.host import check_target as check_local
from lipsync_nodes.host import job_name, may_pass

__all__ = [
    "FolderStore",
    "check_target",
    "folder_of",
    "is_object",
    "local_file",
    "opened",
    "save",
    "whole_path",
    "write",
]

CHUNK: Final = 1 << 20
# The core handles these itself: public URLs and local files.
_OF_THE_CORE: Final = frozenset({"", "http", "https", "file"})
# A transaction is of a file system, which all threads share.
_TRANSACTION: Final = Lock()


def is_object(value: object) -> bool:
    """Return whether a value is an object in a storage, or the URL of one, `s3://conn_id@bucket/key`."""
    return isinstance(value, ObjectStoragePath) or (
        "://" in str(value) and urlsplit(str(value)).scheme not in _OF_THE_CORE
    )


def opened(value: Any, files: ExitStack) -> Any:
    """Return a media input for the core. An object is copied into a temporary file, which *files* closes.

    The core reads a file several times. From the copy it reads what was there, whatever happens to the storage.
    """
    if not is_object(value):
        return _local(value)
    copy = files.enter_context(tempfile.TemporaryFile(prefix="lipsync-"))  # noqa: SIM115  # `files` closes it
    _copy(value, copy)
    return copy


def local_file(value: Any, copy: Path) -> Any:
    """Return the path of a file of the worker. Of an object, it is the path of a copy, which this makes."""
    if not is_object(value):
        return _local(str(value))
    with copy.open("wb") as sink:
        _copy(value, sink)
    return copy


def _copy(value: Any, sink: IO[bytes]) -> None:
    try:
        with ObjectStoragePath(str(value)).open("rb") as source:
            shutil.copyfileobj(source, sink, CHUNK)
    except Exception as error:
        raise _unusable(code="airflow.storage_unreadable", path=value, reason=error) from error


def check_target(output_path: object) -> Path | None:
    """Check that a video can be saved, before it is paid for. Return the target if it is a local file."""
    if not output_path:
        return None
    if not is_object(output_path):
        # The name of the file in a folder is not known yet, so any name is checked.
        path = str(_local(str(output_path)))
        return Path(path, "video.mp4") if path.endswith("/") or Path(path).is_dir() else Path(path)
    try:
        target = ObjectStoragePath(str(output_path))
        target.fs.exists(target.path)  # sends a request to the storage, with the connection's credentials
    except Exception as error:
        raise _unusable(code="airflow.storage_unreachable", path=output_path, reason=error) from error
    return None


def _unusable(*, code: str, path: object, reason: Exception) -> ConfigurationError:
    """Return the error of a storage before the submission. It may pass, unless the path or the rights are wrong."""
    passes = may_pass(reason) and not isinstance(reason, AirflowNotFoundException)
    return ConfigurationError(code=code, path=path, reason=reason, remedy="nothing_sent", retryable=passes)


def save(client: LipsyncClient, job: Job, output_path: object) -> str:
    """Save a job's video, whole or not at all, and return its path. A path that ends in a slash is a folder.

    The core first downloads the video into a temporary file, which is complete and checked before anything is stored.
    It is then copied in chunks, so it is never in memory as a whole. It is not streamed directly into the storage,
    because objects cannot be resumed or renamed: each cut connection would start the download again, and could leave an
    incomplete video. The worker's disk needs space for one video.

    Raises:
        DownloadError: the video could not be fetched or stored. Nothing is at the target. A retry costs nothing.

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


def whole_path(saved: str) -> str:
    """Return where a video was saved: the URL of the object, or the whole path of the file on this worker."""
    return saved if is_object(saved) else str(Path(saved).absolute())


def _put(file: Path, target: ObjectStoragePath) -> None:
    storage = target.fs
    # With a transaction, the object appears only when it is complete, and never if copying fails.
    with _TRANSACTION, storage.transaction, file.open("rb") as source, storage.open(target.path, "wb") as sink:
        shutil.copyfileobj(source, sink, CHUNK)


def folder_of(output_path: object) -> str:
    """Check that files can be saved in a folder, before they are paid for. Return it with a slash at its end."""
    folder = f"{str(output_path).rstrip('/')}/"
    local = check_target(folder)
    return folder if local is None else check_local(f"{local.parent}/")


def write(path: str, text: str) -> None:
    """Write a text file, whole or not at all.

    Raises:
        DownloadError: it could not be written.

    """
    with tempfile.TemporaryDirectory(prefix="lipsync-") as folder:
        local = not is_object(path)
        file = Path(f"{path}.part") if local else Path(folder, "text")
        try:
            if local:
                file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            if local:
                file.replace(path)
            else:
                _put(file, ObjectStoragePath(path))
        except Exception as error:
            raise DownloadError(code="download.unwritable", path=path, reason=error) from error


def _local(value: Any) -> Any:
    """Return the path for the URL of a local file, and anything else unchanged."""
    if not isinstance(value, str) or not value.lower().startswith("file:"):
        return value
    host, _, path = value[len("file:") :].removeprefix("//").partition("/")
    if host not in {"", "localhost"}:
        raise ConfigurationError(code="airflow.other_machine", path=value, remedy="file_of_worker")
    return url2pathname(f"/{path}")


class FolderStore:
    """Keeps objects as JSON files in a folder: the records of a batch, where Airflow keeps no state of a task."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the object of a key, or None if there is none."""
        path = self._path(key)
        found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return found

    def set(self, key: str, value: dict[str, Any]) -> None:
        """Store an object, replacing the previous one."""
        write(str(self._path(key)), json.dumps(value))

    def delete(self, key: str) -> None:
        """Delete the object of a key, if there is one."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> ObjectStoragePath:
        return ObjectStoragePath(f"{self._folder}{key.replace('/', '-')}.json")
