"""A file that gets its name only when it is whole, and that can be continued after a crash.

The part that has arrived is beside its target in `.name.HASH.part`; `.name.HASH.part.note` says what it is a part of.
The download that writes the part locks the note. Another download of the same file to the same target uses its own
part.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, Self

from lipsync_nodes.errors import DownloadError
from lipsync_nodes.ledger import cut, why_not
from lipsync_nodes.media._open import KINDS

# How many bytes arrive before they are sent to the disk, beside the download.
SYNC_EVERY: Final = 32 << 20

_PART: Final = re.compile(r"\..+\.[0-9a-f]{8}([0-9a-f]{8})?\.part", re.DOTALL)
# By then, the output's URL has expired too.
_STALE_SECONDS: Final = 7 * 24 * 3600.0


def check_target(target: Path) -> Path:
    """Return the file to write: if *target* is a link, what it leads to. Raise `DownloadError` if there can be none."""
    if why := why_not(target.name):
        raise DownloadError(code="download.name_impossible", path=target, reason=why, remedy="another_name")
    try:
        kind = stat.S_IFMT(target.stat().st_mode)
    except FileNotFoundError:
        kind = stat.S_IFREG
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unwritable(target, error) from None
    if kind != stat.S_IFREG:
        shown = KINDS.get(kind, "no_file")
        raise DownloadError(code="download.target_is", path=target, kind=shown, remedy="give_file_path")
    return Path(os.path.realpath(target)) if target.is_symlink() else target.absolute()


def unwritable(target: Path, error: Exception) -> DownloadError:
    """Return the error for a file that the system does not allow."""
    reason = getattr(error, "strerror", None) or error
    return DownloadError(code="download.unwritable", path=target, reason=reason)


class Partial:
    """The part of a file that has arrived so far.

    Args:
        target: the final file.
        identity: identifies what is fetched. A part of something else is not continued.

    Attributes:
        file: the file to write to.
        validator: the value for `If-Range`, if the part can be continued.
        size: the size of the whole file, if that is known.
        keep: keep the part for the next download even if this one fails.

    """

    file: IO[bytes]

    def __init__(self, target: Path, identity: str) -> None:
        self._target = target
        self._path = self._path_of(sha256(f"{identity}\0{target.name}".encode(errors="replace")).hexdigest()[:16])
        self._note: IO[bytes] | None = None
        self.validator: str | None = None
        self.size: int | None = None
        self.keep = False
        self._unsynced = 0
        self._syncs: ThreadPoolExecutor | None = None
        self._syncing: Future[None] | None = None

    def _path_of(self, mark: str) -> Path:
        return self._target.with_name(f".{cut(self._target.name, 80)}.{mark}.part")

    @property
    def folder(self) -> Path:
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
        """Start again with an empty file. With a validator, it can be continued later."""
        self.file.seek(0)
        self.file.truncate()
        # The file is emptied first, so that the note never describes data of another file.
        self.validator, self.size = validator, size
        if self._note is not None:
            self._note.seek(0)
            self._note.truncate()
            self._note.write(json.dumps({"validator": validator, "size": size}).encode())
            self._note.flush()

    def write(self, chunk: bytes) -> None:
        """Write data at the position of the file. The disk works on it while more arrives."""
        self.file.write(chunk)
        self._unsynced += len(chunk)
        if self._unsynced >= SYNC_EVERY and (self._syncing is None or self._syncing.done()):
            self._wait_for_sync()
            self._unsynced = 0
            self._syncs = self._syncs or ThreadPoolExecutor(1, "lipsync-sync")
            with suppress(RuntimeError):  # the system starts no more threads: `finish` does it all
                self._syncing = self._syncs.submit(os.fsync, self.file.fileno())

    def _wait_for_sync(self) -> None:
        """Raise the error of the last one. The system reports it only once."""
        syncing, self._syncing = self._syncing, None
        if syncing is not None:
            syncing.result()

    def finish(self) -> None:
        """Give the whole file its name."""
        self.file.flush()
        self._wait_for_sync()
        os.fsync(self.file.fileno())
        self.file.close()  # Windows cannot rename an open file
        check_target(self._target)
        self.keep = True  # Windows cannot replace a file that a player has open
        self._path.replace(self._target)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._syncs is not None:
            self._syncs.shutdown()  # before the file is closed, since another may get its descriptor
        with suppress(OSError):  # a full disk, which has already raised an error
            self.file.close()
        # After Ctrl-C, the part is kept, as after a crash.
        left = kind is not None and (self.keep or not issubclass(kind, Exception)) and not self._is_damaged()
        if left and self.validator and self._note is not None and self._path.stat().st_size:
            self._note.close()
        else:
            self._path.unlink(missing_ok=True)
            self._let_go()

    def _is_damaged(self) -> bool:
        """Return whether the disk has lost data of which `write` has not learnt yet."""
        return self._syncing is not None and self._syncing.done() and self._syncing.exception() is not None

    def _let_go(self) -> None:
        if self._note is not None:
            _remove(self._note, _note_of(self._path))
            self._note = None


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.note")


def _opened(path: Path) -> IO[bytes] | None:
    """Open or create a file with a guessable name. None if another user may have put it there."""
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
    """Open a file and lock it until it is closed. None if it is locked, or if the system has no locks."""
    file = _opened(path)
    if file is None:
        return None
    try:
        _lock(file)
        if os.path.samestat(os.fstat(file.fileno()), path.stat()):  # the previous owner may just have removed it
            return file
    except OSError:
        pass
    file.close()
    return None


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        # Lock a byte that is never read or written: on Windows, a locked byte cannot be.
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


_BYTE: Final = 1 << 20


def _remove(note: IO[bytes], path: Path) -> None:
    try:
        path.unlink(missing_ok=True)  # while it is locked, so that the next download creates its own
    except OSError:  # Windows cannot remove an open file
        note.close()
        with suppress(OSError):
            path.unlink()
    note.close()


@cache
def _remove_stale(folder: Path) -> None:
    """Remove old parts that crashes left in a folder, once in each process."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _PART.fullmatch(entry.name) and entry.stat().st_mtime < time.time() - _STALE_SECONDS:
                part = Path(entry.path)
                if (note := _locked(_note_of(part))) is not None:
                    part.unlink(missing_ok=True)
                    _remove(note, _note_of(part))
