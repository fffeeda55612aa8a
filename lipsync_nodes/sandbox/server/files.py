"""The file store: a PUT stores a file under a stable URL that contains the hash of its content."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from lipsync_nodes.sandbox.jobs.media import LARGEST_FILE
from lipsync_nodes.settings import is_loopback

__all__ = ["FileStore", "TooLarge", "in_chunks", "safe_name"]

_DIGITS: Final = 16
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_DIGEST: Final = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")


class TooLarge(Exception):
    """The file is larger than the store accepts."""


def safe_name(name: str) -> str:
    """Return the last part of *name* as a file name that is valid on every system and stays in its folder."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    plain = _FORBIDDEN.sub("_", last.encode("utf-8", "replace").decode()).strip(" .")
    stem, suffix = PurePosixPath(plain).stem, PurePosixPath(plain).suffix
    short = stem.encode()[:120].decode("utf-8", "ignore") + suffix.encode()[:16].decode("utf-8", "ignore")
    return f"_{short}" if _RESERVED.fullmatch(short) else short or "file"


async def in_chunks(file: Path) -> AsyncIterator[bytes]:
    """Yield the content of a file on disk."""
    with file.open("rb") as source:  # a local disk: blocking reads are short
        while chunk := source.read(2**20):
            yield chunk


class FileStore:
    """Files on disk, each stored as `<start of its SHA-256>/<name>`.

    Args:
        folder: where the files are kept.
        largest: the most bytes that a file may have.

    """

    def __init__(self, folder: Path, largest: int = LARGEST_FILE) -> None:
        self._folder = folder
        self._largest = largest
        folder.mkdir(parents=True, exist_ok=True)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> str:
        """Store a file and return its path below `/files/`; raise TooLarge and keep nothing if it is too large."""
        handle, part = tempfile.mkstemp(dir=self._folder, suffix=".part")
        with ExitStack() as clean:
            clean.callback(Path(part).unlink, missing_ok=True)
            with os.fdopen(handle, "wb") as file:
                digest = await self._write(chunks, file.write)
            return self._keep(Path(part), digest, safe_name(name))

    def _keep(self, part: Path, digest: str, name: str) -> str:
        (self._folder / digest).mkdir(exist_ok=True)
        part.replace(self._folder / digest / name)
        return f"{digest}/{name}"

    async def _write(self, chunks: AsyncIterator[bytes], write: Callable[[bytes], int]) -> str:
        hashed, size = hashlib.sha256(), 0
        async for chunk in chunks:
            size += len(chunk)
            if size > self._largest:
                raise TooLarge
            hashed.update(chunk)
            write(chunk)
        return hashed.hexdigest()[:_DIGITS]

    def all(self) -> list[Path]:
        """Return the paths of all files, in order."""
        folders = [folder for folder in sorted(self._folder.iterdir()) if _DIGEST.fullmatch(folder.name)]
        return [file for folder in folders for file in sorted(folder.iterdir())]

    def clear(self) -> None:
        """Delete all files. One that is being sent may stay where the system does not let it be deleted."""
        for folder in self._folder.iterdir():
            if _DIGEST.fullmatch(folder.name):
                shutil.rmtree(folder, ignore_errors=True)

    def find(self, digest: str, name: str) -> Path | None:
        """Return the path of a stored file, or None."""
        if not _DIGEST.fullmatch(digest) or safe_name(name) != name:
            return None
        file = self._folder / digest / name
        return file if file.is_file() else None

    def find_url(self, url: str) -> Path | None:
        """Return the path of the stored file with this URL, or None.

        The URL of an earlier run, with another port, is valid too: the hash identifies the content.
        """
        parts = urlsplit(url)
        segments = parts.path.split("/")
        if not is_loopback(parts.hostname or "") or len(segments) != 4 or segments[:2] != ["", "files"]:  # noqa: PLR2004
            return None
        return self.find(segments[2], unquote(segments[3]))
