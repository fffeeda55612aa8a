"""Opens inputs: a path, bytes, or an open file."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, Final

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service import Asset

# What a path can lead to instead of a file.
KINDS: Final = {
    stat.S_IFDIR: "folder",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


@contextmanager
def opened(asset: Asset | Path) -> Iterator[BinaryIO]:
    """Open an asset at its start. A caller's file stays open. `InvalidRequest` if it is empty or cannot be read."""
    source = asset.source if isinstance(asset, Asset) else asset
    try:
        if isinstance(source, Path):
            _check_regular(source)
            with source.open("rb") as file:
                if isinstance(asset, Asset) and asset.within:
                    _check_within(file, source, asset.within)
                yield _not_empty(file, asset)
        else:
            yield _not_empty(io.BytesIO(source) if isinstance(source, bytes) else source, asset)
    except OSError as error:
        raise InvalidRequest(code="media.unreadable", media=asset, reason=error.strerror or error) from None


def _check_within(file: BinaryIO, path: Path, folders: tuple[Path, ...]) -> None:
    """Refuse a file that is not in the folders: its path may have become a link since it was looked up."""
    real = Path(os.path.realpath(path))
    inside = any(real.is_relative_to(folder) for folder in folders)
    if not inside or not os.path.samestat(os.fstat(file.fileno()), real.lstat()):
        raise InvalidRequest(code="media.replaced", media=path)


def _check_regular(path: Path) -> None:
    """Refuse anything but a regular file before it is opened, because reading it might never end."""
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL in its name
        raise InvalidRequest(code="media.unreadable", media=path, reason=error) from None
    if not stat.S_ISREG(mode):
        kind = "directory" if stat.S_ISDIR(mode) else KINDS.get(stat.S_IFMT(mode), "no_file")
        raise InvalidRequest(code="media.not_a_file", media=path, kind=kind)


def _not_empty(file: BinaryIO, asset: object) -> BinaryIO:
    try:
        file.seek(0)
        first = file.read(1)
        file.seek(0)
    except ValueError as error:  # it was closed
        raise InvalidRequest(code="media.unreadable", media=asset, reason=error) from None
    if not isinstance(first, bytes):
        raise InvalidRequest(code="media.open_as_text", media=asset)
    if not first:
        raise InvalidRequest(code="media.empty", media=asset)
    return file


def digest(asset: Asset) -> str:
    """Return the SHA-256 of the content in hex. The file is streamed."""
    with opened(asset) as file:
        return file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typed for raw files only


def state_of(asset: Asset) -> tuple[int, ...] | None:
    """Return values that change when the file is written to; None if there are none."""
    source = asset.source
    if isinstance(source, bytes):
        return None
    try:
        found = source.stat() if isinstance(source, Path) else os.fstat(source.fileno())
    except (OSError, ValueError, AttributeError, NotImplementedError):  # it cannot be read, or is not in a file system
        return None
    # The last one shows if the file was replaced or changed with the same size and time.
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns
