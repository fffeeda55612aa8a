"""The file of an exported state: a zip of one JSON document, the stored files and the videos.

An imported file is not trusted. Each name must be one that an export writes, so no entry can leave its folder. The
number and the sizes are limited before anything is unpacked, and nothing changes unless all of it is valid.
"""

from __future__ import annotations

import errno
import hashlib
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from lipsync_nodes.sandbox.jobs.media import LARGEST_FILE
from lipsync_nodes.sandbox.server.decoding import decoded
from lipsync_nodes.sandbox.server.files import safe_name

__all__ = ["LARGEST_ARCHIVE", "BadArchive", "unpack", "write_archive"]

LARGEST_ARCHIVE: Final = 2 * 2**30
"""The most bytes of an archive, packed and unpacked."""
_DOCUMENT: Final = "state.json"
_LARGEST_DOCUMENT: Final = 64 * 2**20
_MOST_ENTRIES: Final = 50_000
_OUTPUT: Final = re.compile(r"outputs/(card|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.mp4")
_FILE: Final = re.compile(r"files/([0-9a-f]{16})/([^/\\]+)")
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED: Final = 0x1
_UNREADABLE: Final = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, RecursionError, EOFError, NotImplementedError,
)  # fmt: skip


class BadArchive(Exception):
    """The file is not an exported state, or it is too large. The message is one sentence."""


def write_archive(target: Path, document: Mapping[str, Any], files: Iterable[tuple[str, Path]]) -> None:
    """Write an archive. Files that were deleted meanwhile are left out."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # media do not get smaller
        archive.writestr(_DOCUMENT, json.dumps(document), zipfile.ZIP_DEFLATED)
        for name, path in files:
            if path.is_file():
                archive.write(path, name)


def unpack(source: Path, folder: Path) -> Any:
    """Unpack an archive into an empty folder, and return its decoded document; raise `BadArchive`."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = _checked(archive.infolist())
            document = decoded(archive.read(_DOCUMENT))
            for entry in entries:
                _unpack_one(archive, entry, folder)
    except (*_UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: its directory points outside it
            raise
        raise BadArchive(f"It is not the state of a sandbox: {type(error).__name__} {error}".strip()) from None
    return document


def _checked(entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the entries of files; raise `BadArchive` for names and sizes that an export does not write."""
    names = [entry.filename for entry in entries]
    if len(names) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > LARGEST_ARCHIVE:
        raise BadArchive("It has too many files, or too large ones.")
    if len(set(names)) < len(names):
        raise BadArchive("It has two files of the same name.")
    for entry in entries:
        _check(entry)
    return [entry for entry in entries if entry.filename != _DOCUMENT]


def _check(entry: zipfile.ZipInfo) -> None:
    most = _LARGEST_DOCUMENT if entry.filename == _DOCUMENT else LARGEST_FILE
    if entry.file_size > most:
        raise BadArchive(f"{entry.filename[:100]!r} is too large.")
    stored = _FILE.fullmatch(entry.filename)
    known = entry.filename == _DOCUMENT or _OUTPUT.fullmatch(entry.filename)
    if not (known or (stored and safe_name(stored[2]) == stored[2])):
        raise BadArchive(f"{entry.filename[:100]!r} is no file of a sandbox.")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise BadArchive(f"{entry.filename[:100]!r} is encrypted, or packed in an unknown way.")


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack one file. The name of a stored one contains the hash of its content, which must be right."""
    target = folder / entry.filename
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as packed, target.open("wb") as file:
        shutil.copyfileobj(packed, file, 2**20)
    if stored := _FILE.fullmatch(entry.filename):
        with target.open("rb") as file:
            if not hashlib.file_digest(file, "sha256").hexdigest().startswith(stored[1]):
                raise BadArchive(f"{entry.filename[:100]!r} has another content than its name says.")
