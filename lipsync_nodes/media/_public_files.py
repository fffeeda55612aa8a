"""Files that a host serves with its own web server for the time of a job.

The folder is the only state, so files survive a restart of the host, and any process can withdraw them. A file's name
has 192 random bits, a mark of its submission, and when it expires, so only who was given the name can fetch the file.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.media._open import opened
from lipsync_nodes.media._probe import MEDIA_TYPES
from lipsync_nodes.service import Asset

# Lower case only: some file systems do not tell it from upper case.
_NAME: Final = re.compile(r"[0-9a-f]{48}-([0-9a-f]{16})-([0-9a-f]{8,10})\.[a-z0-9]{3,4}")
_RANDOM_BYTES: Final = 24
# An unfinished copy that is older than this belongs to a process that was killed.
_LONGEST_COPY: Final = 3600.0


class PublicFiles:
    """The files of a host that are public now, in a folder for nothing else.

    The host's web server asks `find` for each requested name, and sends nothing else.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._withdrawn: set[str] = set()

    def publish(self, asset: Asset, suffix: str, seconds: float, key: str | None = None) -> str:
        """Copy a file here, and return the name by which it can be found.

        The name ends in *suffix*, such as `.png`. It expires after *seconds*, unless `withdraw` is called with the
        submission *key* before. Raises `ConfigurationError` if the folder cannot be written.
        """
        mark = _mark(key) if key else secrets.token_hex(8)
        name = f"{secrets.token_hex(_RANDOM_BYTES)}-{mark}-{int(time.time() + seconds):08x}{suffix}"
        partial = self._folder / f"{name}.part"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            with opened(asset) as source, partial.open("xb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            partial.replace(self._folder / name)
        except OSError as error:
            raise ConfigurationError(code="storage.folder_unwritable", reason=error) from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return name

    def find(self, name: str) -> tuple[Path, str] | None:
        """Return the file with this name and its MIME type; None if there is none, or no longer."""
        found = _NAME.fullmatch(name)
        if found is None or name in self._withdrawn or int(found[2], 16) < time.time():
            return None
        path = self._folder / name
        return (path, MEDIA_TYPES.get(path.suffix, "application/octet-stream")) if path.is_file() else None

    def withdraw(self, key: str) -> None:
        """Delete the files that were published for this submission key."""
        mark = _mark(key)
        for path, of, _ in list(self._all()):
            if of == mark:
                self._delete(path)

    def _sweep(self) -> None:
        """Delete what has expired, and unfinished copies of processes that were killed."""
        now = time.time()
        for path, _, expires in list(self._all()):
            if expires < now:
                self._delete(path)
        for path in self._folder.glob("*.part"):
            with suppress(OSError):
                if path.stat().st_mtime < now - _LONGEST_COPY:
                    path.unlink()

    def _all(self) -> Iterator[tuple[Path, str, int]]:
        """Yield each file, the mark of its submission, and when it expires."""
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if found := _NAME.fullmatch(path.name):
                yield path, found[1], int(found[2], 16)

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:  # Windows does not delete a file while it is being sent
            self._withdrawn.add(path.name)


def _mark(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:16]
