"""A file that appears under its name only once it is whole, and goes on after a crash where it was.

What has come lies beside its target as `.name.HASH.part`, with what it is a part of in `.name.HASH.part.note`. The note
is locked by whoever writes the part; another download of the same to the same place takes a part of its own.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import sys
import time
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, Self

from lipsync_nodes.errors import DownloadError
from lipsync_nodes.ledger import cut, why_not

__all__ = [
    "Partial",
    "check_target",
    "unwritable",
]


_PART: Final = re.compile(r"\..+\.[0-9a-f]{8}([0-9a-f]{8})?\.part", re.DOTALL)
# By then the output's URL has expired, too.
_STALE_SECONDS: Final = 7 * 24 * 3600.0
_KINDS: Final = {
    stat.S_IFDIR: "folder",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}


def check_target(target: Path) -> Path:
    """Return the file that a video is written to, which is not *target* itself if that is a link.

    Raises:
        DownloadError: no file can be written there, and what is there would be lost.

    """
    if why := why_not(target.name):
        raise DownloadError(code="download.name_impossible", path=target, reason=why, remedy="another_name")
    try:
        kind = stat.S_IFMT(target.stat().st_mode)
    except FileNotFoundError:
        kind = stat.S_IFREG
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unwritable(target, error) from None
    if kind != stat.S_IFREG:
        shown = _KINDS.get(kind, "no_file")
        raise DownloadError(code="download.target_is", path=target, kind=shown, remedy="give_file_path")
    return Path(os.path.realpath(target)) if target.is_symlink() else target.absolute()


def unwritable(target: Path, error: Exception) -> DownloadError:
    """Return what to say where the system takes no file."""
    reason = getattr(error, "strerror", None) or error
    return DownloadError(code="download.unwritable", path=target, reason=reason)


class Partial:
    """What has come of a file so far.

    Args:
        target: the file that it becomes.
        identity: what is fetched; what has come of something else is not gone on with.

    Attributes:
        file: where to write.
        validator: what `If-Range` takes, if the file can be gone on with.
        size: how large the whole is, if that is known.
        keep: leave what has come for the next one, also where this one fails.

    """

    file: IO[bytes]

    def __init__(self, target: Path, identity: str) -> None:
        self._target = target
        self._path = self._path_of(sha256(f"{identity}\0{target.name}".encode(errors="replace")).hexdigest()[:16])
        self._note: IO[bytes] | None = None
        self.validator: str | None = None
        self.size: int | None = None
        self.keep = False

    def _path_of(self, mark: str) -> Path:
        return self._target.with_name(f".{cut(self._target.name, 80)}.{mark}.part")

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._path.parent

    def __enter__(self) -> Self:
        _remove_stale(self.folder)
        self._note = _locked(_note_of(self._path))
        if self._note is not None and (file := _opened(self._path)) is not None:
            self.file = file
            self._recall(self._note)
        else:
            self._let_go()
            self._path = self._path_of(secrets.token_hex(8))
            self.file = self._path.open("x+b")
        return self

    def _recall(self, note: IO[bytes]) -> None:
        with suppress(ValueError, TypeError, KeyError):
            kept = json.loads(note.read())
            validator, size = kept["validator"], kept["size"]
            if isinstance(validator, str) and isinstance(size, int | None):
                self.validator, self.size = validator, size
        if self.validator is None:
            self.file.truncate()

    def begin(self, validator: str | None, size: int | None) -> None:
        """Begin anew, with something that may be gone on with if it has a validator."""
        self.file.seek(0)
        self.file.truncate()
        # In this order: a note never speaks of bytes of something else.
        self.validator, self.size = validator, size
        if self._note is not None:
            self._note.seek(0)
            self._note.truncate()
            self._note.write(json.dumps({"validator": validator, "size": size}).encode())
            self._note.flush()

    def finish(self) -> None:
        """Show the file, which is whole, under its name."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()  # Windows renames no open file
        check_target(self._target)
        self.keep = True  # Windows replaces no file that a player has open
        self._path.replace(self._target)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with suppress(OSError):  # a full disk, which is known by now
            self.file.close()
        # Ctrl-C and the like leave as much as a crash does.
        left = kind is not None and (self.keep or not issubclass(kind, Exception))
        if left and self.validator and self._note is not None and self._path.stat().st_size:
            self._note.close()
        else:
            self._path.unlink(missing_ok=True)
            self._let_go()

    def _let_go(self) -> None:
        if self._note is not None:
            _remove(self._note, _note_of(self._path))
            self._note = None


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.note")


def _opened(path: Path) -> IO[bytes] | None:
    """Open a file whose name can be guessed, or make it; None if somebody else may have put it there."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags, 0o666), "r+b")
    except OSError:
        return None
    found = os.fstat(file.fileno())
    own = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and own:
        return file
    file.close()
    return None


def _locked(path: Path) -> IO[bytes] | None:
    """Open a file and lock it until it is closed; None if another has it, or the system has no locks."""
    file = _opened(path)
    if file is None:
        return None
    try:
        _lock(file)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # the one before may just have removed it
            return file
    except OSError:
        pass
    file.close()
    return None


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        # A byte that is never read or written: on Windows nobody else may do so.
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_BYTE: Final = 1 << 20


def _remove(note: IO[bytes], path: Path) -> None:
    try:
        path.unlink(missing_ok=True)  # while it is locked: the next one makes its own
    except OSError:  # Windows removes no open file
        note.close()
        with suppress(OSError):
            path.unlink()
    note.close()


@cache
def _remove_stale(folder: Path) -> None:
    """Remove what crashes left in a folder and nobody came back for, once in a process."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - _STALE_SECONDS:
                part = Path(entry.path)
                if (note := _locked(_note_of(part))) is not None:
                    part.unlink(missing_ok=True)
                    _remove(note, _note_of(part))
