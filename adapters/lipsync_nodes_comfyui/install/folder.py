"""A ComfyUI on this machine: its folders, what is in `custom_nodes`, and how the pack gets there."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from lipsync_nodes import ConfigurationError
from lipsync_nodes.sandbox import MEDIA

if TYPE_CHECKING:
    from packaging.version import Version

__all__ = ["PACK", "Comfy", "Placed", "example_media", "installed_pack", "place_media", "place_pack"]

PACK: Final = "lipsync_nodes_comfyui"
# ComfyUI does not need these files of the pack. They are not in a copy, nor in the registry's archive.
_LEFT_OUT: Final = frozenset({"__pycache__", "install", ".comfyignore"})
_PROGRAM: Final = ("main.py", "folder_paths.py")
_PORTABLE_PYTHON: Final = "python_embeded/python.exe"  # this is the right spelling; it is beside ComfyUI's folder
# comfy-cli, Desktop and most manuals create one of these environments.
_VENV_PYTHONS: Final = tuple(
    f"{venv}/{python}" for venv in (".venv", "venv") for python in ("bin/python", "Scripts/python.exe")
)


@dataclass(frozen=True)
class Placed:
    """A pack of ours in `custom_nodes`.

    Attributes:
        place: the folder that ComfyUI loads.
        pack: the pack's own folder. In a checkout of the whole repository, it is a subfolder.

    """

    place: Path
    pack: Path

    @property
    def kind(self) -> Literal["link", "checkout", "copy"]:
        """What it is."""
        return "checkout" if self.pack != self.place else "link" if self.place.is_symlink() else "copy"

    def same_as(self, pack: Path) -> bool:
        """Return whether this pack has all files of another one, unchanged."""
        mine = _contents(self.pack)
        return all(mine.get(name) == content for name, content in _contents(pack).items())


@dataclass(frozen=True)
class Comfy:
    """A folder with `custom_nodes` and `input`: ComfyUI itself, or the base folder of ComfyUI Desktop."""

    folder: Path
    program: bool

    @classmethod
    def at(cls, path: Path) -> Comfy:
        """Find it at *path* or, in a portable version, in a subfolder. Raise `ConfigurationError` if there is none."""
        for folder in (path.absolute(), path.absolute() / "ComfyUI"):
            if all((folder / name).is_file() for name in _PROGRAM):
                return cls(folder, program=True)
            if all((folder / name).is_dir() for name in ("custom_nodes", "models", "user")):
                return cls(folder, program=False)
        raise ConfigurationError(code="comfyui.not_found", folder=path.absolute(), remedy="give_comfyui_folder")

    @property
    def custom_nodes(self) -> Path:
        """The folder of packs."""
        return self.folder / "custom_nodes"

    @property
    def input(self) -> Path:
        """The folder of the media that graphs load."""
        return self.folder / "input"

    @property
    def version(self) -> Version | None:
        """ComfyUI's version, if the program is here and says so."""
        from packaging.version import InvalidVersion, Version  # noqa: PLC0415  # the help lists this without it

        try:
            text = (self.folder / "comfyui_version.py").read_text(encoding="utf-8")
            return Version(re.findall(r'^__version__ = "(.+)"', text, re.MULTILINE)[0])
        except (OSError, IndexError, InvalidVersion):
            return None

    @property
    def python(self) -> Path:
        """The Python that probably runs it; if none is found, the one that runs this program."""
        known = [self.folder.parent / _PORTABLE_PYTHON]
        known += [above / python for above in (self.folder, self.folder.parent) for python in _VENV_PYTHONS]
        return next((python for python in known if python.is_file()), Path(sys.executable))

    def packs(self) -> list[Placed]:
        """Return each pack of ours that ComfyUI loads."""
        names = sorted(self.custom_nodes.iterdir()) if self.custom_nodes.is_dir() else []
        places = [place for place in names if not place.name.endswith(".disabled")]
        return [Placed(place, pack) for place in places if (pack := _pack_in(place))]


def installed_pack() -> Path:
    """Return the folder of the pack that is installed with this core."""
    found = find_spec(PACK)
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(code="comfyui.no_pack", remedy="reinstall")
    return Path(found.submodule_search_locations[0]).resolve()


def place_pack(comfy: Comfy, pack: Path, *, copy: bool) -> str:
    """Link the pack into `custom_nodes`, or copy it if asked or where links cannot be made; return what was done.

    Raises:
        ConfigurationError: what is there is not ours, or the pack is there in another place.

    """
    target = comfy.custom_nodes / PACK
    for other in comfy.packs():
        if other.place != target or other.kind == "checkout":
            raise ConfigurationError(
                code="comfyui.already_there", place=other.place, kind=other.kind, remedy="keep_one_pack"
            )
    replaced = _make_room(target, pack, copy=copy)
    if replaced is None:
        return "unchanged"
    how = "copied" if copy or not _linked(target, pack) else "linked"
    if how == "copied":
        shutil.copytree(pack, target, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    return f"{how} again" if replaced else how


def _make_room(target: Path, pack: Path, *, copy: bool) -> bool | None:
    """Remove an old link or copy of ours; return whether there was one, None if it is up to date."""
    if target.is_symlink():
        if not copy and target.resolve() == pack:
            return None
        if target.exists() and not _pack_in(target):
            raise _not_ours(target)
        target.unlink()
        return True
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        return False
    if not _pack_in(target) or (target / ".git").exists():
        raise _not_ours(target)
    if Placed(target, target).same_as(pack):
        return None
    shutil.rmtree(target)
    return True


def _linked(target: Path, pack: Path) -> bool:
    try:
        target.symlink_to(pack, target_is_directory=True)
    except OSError:  # Windows requires a privilege, and some file systems do not support links
        return False
    return True


def _not_ours(place: Path) -> ConfigurationError:
    return ConfigurationError(code="comfyui.not_ours", place=place, remedy="move_away")


def example_media(pack: Path) -> dict[str, Path]:
    """Return the files that the example workflows load, by their names in ComfyUI's `input`."""
    own = {file.name: file for file in (pack / "example_media").glob("lipsync_*")}
    return own | {f"lipsync_{file.name}": file for file in MEDIA.iterdir() if file.suffix in {".jpg", ".mp3"}}


def place_media(comfy: Comfy, pack: Path) -> dict[str, str]:
    """Copy the examples' media into `input`; return what was done with each, a file of the user's own is kept."""
    comfy.input.mkdir(exist_ok=True)
    done = {}
    for name, source in sorted(example_media(pack).items()):
        target = comfy.input / name
        if not target.exists():
            shutil.copyfile(source, target)
            done[name] = "copied"
        else:
            done[name] = "unchanged" if target.read_bytes() == source.read_bytes() else "kept, it is another file"
    return done


def _pack_in(place: Path) -> Path | None:
    """Return the folder of our pack, if this is it or a checkout that holds it."""
    for pack in (place, place / "adapters" / PACK):
        extension = pack / "extension.py"
        if extension.is_file() and "class LipsyncExtension" in extension.read_text(encoding="utf-8", errors="ignore"):
            return pack
    return None


def _contents(pack: Path) -> dict[str, bytes]:
    files = {file.relative_to(pack): file for file in pack.rglob("*") if file.is_file()}
    return {name.as_posix(): file.read_bytes() for name, file in files.items() if _LEFT_OUT.isdisjoint(name.parts)}
