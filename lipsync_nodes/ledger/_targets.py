"""The target of a video: checked before anything is paid for, and a separate file for each job."""

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


# File systems allow 255 bytes, including what is added to the stem.
LONGEST_STEM: Final = 120
_FOLDERS: Final = frozenset({"", ".", ".."})


def names_folder(path: str | Path) -> bool:
    """Return whether a path is a folder: an existing one, or a string that ends in a separator or dots."""
    # Without Path, which drops these endings, and raises an error for a NUL.
    return os.path.basename(path) in _FOLDERS or os.path.isdir(path)  # noqa: PTH112, PTH119


def check_target(target: str | Path) -> str:
    """Check that a video can be saved, before it is paid for. Return the target for the ledger.

    The result is the absolute path without links. The path of a folder ends in a separator, because the file has no
    name until the job has an id. The folder is created. Raises `ConfigurationError` if the target cannot be written.
    """
    text = str(target)
    try:
        folder = names_folder(target)
        path = Path(os.path.realpath(target))
        _check_name(path, folder=folder)
        parent = path if folder else path.parent
        parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=parent).close()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise ConfigurationError(
            code="target.impossible", path=repr(text[:200]), reason=why or error, remedy="another_target"
        ) from None
    return os.path.join(path, "") if folder else str(path)  # noqa: PTH118  # a Path has no separator at its end


def _check_name(path: Path, *, folder: bool) -> None:
    """Raise OSError or ValueError for a name that no file can have here."""
    if not folder and (why := why_not(path.name)):
        raise ValueError(why)
    try:
        path.lstat()  # fails for a name that is too long or has a NUL byte, even if there is no file
    except FileNotFoundError:
        return
    if not (path.is_dir() if folder else path.is_file()):
        raise ValueError("it is there and is no folder" if folder else "it is there and is no file")


def file_identity(path: str | Path) -> str:
    """Return a string that is the same for all spellings of a file. The file need not exist."""
    real = os.path.realpath(path)
    return unicodedata.normalize("NFC", real).casefold() if _ignores_case(Path(real).parent) else real


def _ignores_case(folder: Path) -> bool:
    """Return whether the file system of a folder ignores case."""
    for part in (folder, *folder.parents):
        other = part.name.swapcase()
        if other != part.name and part.exists():
            twin = part.with_name(other)
            return twin.exists() and part.samefile(twin)
    return False


def own_names(wanted: Path, job_id: str) -> Iterator[Path]:
    """Yield the possible files for a job's video, in order: the wanted one, then names with the job id."""
    yield wanted
    name = f"{cut(wanted.stem, LONGEST_STEM)}.{job_name(job_id)}"
    yield wanted.with_name(name + wanted.suffix)
    for number in count(2):
        yield wanted.with_name(f"{name}.{number}{wanted.suffix}")


def belongs_to(file: Path, mine: Entry | None, others: Iterable[Entry]) -> Entry | None:
    """Return the submission of another job that has a file or its target there; None if the file is free for *mine*.

    A saved video keeps its file as long as the file exists. Of two jobs that are not saved yet, the one with this
    target gets the file. If both have it, the earlier one gets it.
    """
    this = file_identity(file)
    meant = mine is not None and mine.target is not None and file_identity(mine.target) == this

    def has_it(other: Entry) -> bool:
        if other.saved_to is not None:
            return file_identity(other.saved_to) == this and file.exists()
        earlier = mine is None or not meant or other.row < mine.row
        return other.target is not None and file_identity(other.target) == this and earlier

    return next(filter(has_it, others), None)
