"""Where a video is meant to go: checked before anything is paid, and a file of its own for each job."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.ledger._names import cut, job_name, why_not

if TYPE_CHECKING:
    from lipsync_nodes.ledger._entry import Entry


__all__ = [
    "belongs_to",
    "check_target",
    "file_identity",
    "names_folder",
    "own_names",
]


# File systems allow 255 bytes; what is put behind a stem has to fit, too.
LONGEST_STEM: Final = 120
_FOLDERS: Final = frozenset({"", ".", ".."})


def names_folder(path: str | Path) -> bool:
    """Tell whether a path is that of a folder: one that is there, or a text that ends in a separator or dots."""
    # Not Path's: it drops these endings, and raises at a NUL.
    return os.path.basename(path) in _FOLDERS or os.path.isdir(path)  # noqa: PTH112, PTH119


def check_target(target: str | Path) -> str:
    """Find out that a video could not be saved before it is paid for; return the target as the ledger keeps it.

    That is its absolute path without links and detours, and a folder's ends in a separator: until the job has an id,
    its file has no name. The folder is made.

    Raises:
        ConfigurationError: it cannot be written there.

    """
    text = str(target)
    try:
        folder = names_folder(target)
        path = Path(os.path.realpath(target))
        _check_name(path, folder=folder)
        _check_folder(path if folder else path.parent)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise ConfigurationError(
            f"{text[:200]!r} cannot be written: {why or error}.", hint="Nothing was sent. Name another file or folder."
        ) from None
    return os.path.join(path, "") if folder else str(path)  # noqa: PTH118  # a Path has no separator at its end


def _check_name(path: Path, *, folder: bool) -> None:
    """Raise OSError or ValueError for a name that no file can have here."""
    if not folder and (why := why_not(path.name)):
        raise ValueError(why)
    try:
        path.lstat()  # a name that is too long or has a NUL byte fails here, also where no file is
    except FileNotFoundError:
        return
    if not (path.is_dir() if folder else path.is_file()):
        raise ValueError("it is there and is no folder" if folder else "it is there and is no file")


def _check_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=folder).close()


def file_identity(path: str | Path) -> str:
    """Return a text that is the same for all spellings of one file, which need not be there."""
    real = os.path.realpath(path)
    return unicodedata.normalize("NFC", real).casefold() if _ignores_case(Path(real).parent) else real


def _ignores_case(folder: Path) -> bool:
    """Tell whether the file system of a folder takes `A` and `a` for one name."""
    for part in (folder, *folder.parents):
        other = part.name.swapcase()
        if other != part.name and part.exists():
            twin = part.with_name(other)
            return twin.exists() and part.samefile(twin)
    return False


def own_names(wanted: Path, job_id: str) -> Iterator[Path]:
    """Give the files that a job's video may go to, in order: the one that is wanted, then some named by the job."""
    yield wanted
    name = f"{cut(wanted.stem, LONGEST_STEM)}.{job_name(job_id)}"
    yield wanted.with_name(name + wanted.suffix)
    for number in count(2):
        yield wanted.with_name(f"{name}.{number}{wanted.suffix}")


def belongs_to(file: Path, mine: Entry | None, others: Iterable[Entry]) -> Entry | None:
    """Return the submission of another job that has a file, or is to have it; None if it is free for *mine*.

    A video that was saved there keeps it for as long as it is there. Of two jobs that are still to be saved, the one
    that has it as its target has it, and of two such the earlier.
    """
    this = file_identity(file)
    meant = mine is not None and mine.target is not None and file_identity(mine.target) == this

    def has_it(other: Entry) -> bool:
        if other.saved_to is not None:
            return file_identity(other.saved_to) == this and file.exists()
        earlier = mine is None or not meant or other.row < mine.row
        return other.target is not None and file_identity(other.target) == this and earlier

    return next(filter(has_it, others), None)
