"""The checks of `comfyui check`: the program, the pack, the core in ComfyUI's Python, the media of the examples."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lipsync_nodes import ConfigurationError
from lipsync_nodes.cli.findings import Finding, finding
from lipsync_nodes.cli.trouble import in_our_words

from . import probe
from .folder import PACK, Comfy, Placed, example_media

__all__ = ["findings"]

# The newest ComfyUI that the tests run; `requires-comfyui` in pyproject.toml names the oldest.
NEWEST_TESTED: Final = "0.30.0"


def findings(comfy: Comfy, pack: Path, python: Path, profile: str, *, ask: bool) -> Iterator[Finding]:
    """Check a ComfyUI and the Python that runs it. With *ask*, also check the service."""
    again = f"Run: lipsync-nodes comfyui install '{comfy.folder}'"
    placed = comfy.packs()
    yield _program(comfy, pack)
    yield _pack(comfy, pack, placed, again)
    loaded = next((one for one in placed if (one.pack / "requirements.txt").is_file()), Placed(pack, pack))
    yield from _in_its_python(comfy, python.absolute(), loaded, profile, ask=ask)
    missing = [name for name in sorted(example_media(pack)) if not (comfy.input / name).is_file()]
    found = f"{', '.join(missing)} not in {comfy.input}" if missing else f"in {comfy.input}"
    yield finding("media of the examples", not missing, found, again, needed=False)


def _program(comfy: Comfy, pack: Path) -> Finding:
    text = (pack / "pyproject.toml").read_text(encoding="utf-8")
    wanted = SpecifierSet(tomllib.loads(text)["tool"]["comfy"]["requires-comfyui"])
    if not comfy.program:
        return finding("ComfyUI", True, f"base folder {comfy.folder}; the pack needs ComfyUI {wanted}")
    fits = comfy.version is not None and wanted.contains(comfy.version, prereleases=True)
    version = comfy.version or "of an unknown, old version"
    if fits and Version(str(comfy.version)) > Version(NEWEST_TESTED):
        found = f"{version} in {comfy.folder}; the pack was tested with versions up to {NEWEST_TESTED}"
        do = "Update lipsync-nodes if there is a newer version, and try the nodes with a sandbox before you pay."
        return finding("ComfyUI", False, found, do, needed=False)
    return finding("ComfyUI", fits, f"{version} in {comfy.folder}", f"Update ComfyUI: the pack needs {wanted}.")


def _pack(comfy: Comfy, pack: Path, placed: list[Placed], again: str) -> Finding:
    ours = comfy.custom_nodes / PACK
    if not placed:
        broken = ours.is_symlink()
        found = f"{ours} is a link to nothing" if broken else f"not in {comfy.custom_nodes}"
        return finding("pack", False, found, again)
    if len(placed) > 1:
        places = ", ".join(str(one.place) for one in placed)
        return finding("pack", False, f"there is more than one: {places}", "Keep one of them.")
    (one,) = placed
    if one.place == ours and one.kind == "copy" and not one.same_as(pack):
        return finding("pack", False, f"{one.place}, a copy that differs from the installed {pack}", again)
    to = f" to {one.pack.resolve()}" if one.kind == "link" else ""
    return finding("pack", True, f"{one.place}, a {one.kind}{to}")


def _in_its_python(comfy: Comfy, python: Path, placed: Placed, profile: str, *, ask: bool) -> Iterator[Finding]:
    """Check the core, the key and the storage as ComfyUI would find them, with this process's environment."""
    checkout = placed.place if placed.kind == "checkout" else None
    wanted = placed.pack / "requirements.txt"
    pip = f'Run: "{python}" -m pip install -r'
    where = str(python)
    if python == Path(sys.executable):
        where += ", as none was found in the folder; name another by --python"
    try:
        seen = _probe(comfy, python, profile, checkout, ask=ask)
    except ConfigurationError as error:
        in_our_words(error)
        yield finding("core", False, f"{error.message} ({where})", error.hint)
        return
    core, its_python = Requirement(wanted.read_text(encoding="utf-8").strip()), f"Python {seen['python']} ({where})"
    if "core" in seen and not core.specifier.contains(seen["core"], prereleases=True):
        found = f"lipsync-nodes {seen['core']} in {its_python}; the pack needs {core.specifier}"
        yield finding("core", False, found, f'{pip} "{wanted}"')
    elif "error" in seen:
        listed = checkout / "requirements.txt" if checkout else wanted
        yield finding("core", False, f"{seen['error']}, in {its_python}", f'{pip} "{listed}"')
    else:
        yield finding("core", True, f"lipsync-nodes {seen['core']} in {its_python}")
        yield finding("profile", **seen["profile"])
        if ask:
            yield finding("service", **seen["service"])
        yield finding("storage, for media by sockets", **seen["storage"], needed=False)


def _probe(comfy: Comfy, python: Path, profile: str, checkout: Path | None, *, ask: bool) -> dict[str, Any]:
    """Run a small program in ComfyUI's Python, and return what it found."""
    program = Path(probe.__file__).read_text(encoding="utf-8")
    words = [str(python), "-c", program, profile, str(checkout or ""), "yes" if ask else ""]
    try:
        done = subprocess.run(  # noqa: S603  # the user named it, or it is in the user's ComfyUI
            words, cwd=comfy.folder, capture_output=True, encoding="utf-8", errors="replace", timeout=60, check=True
        )
        return dict(json.loads(done.stdout.splitlines()[-1]))
    except OSError as error:
        why = str(error.strerror)
    except subprocess.CalledProcessError as error:
        why = f"it ended with {error.returncode}"
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        why = "it gave no answer"
    raise ConfigurationError(code="comfyui.python_failed", reason=why, remedy="name_python")
