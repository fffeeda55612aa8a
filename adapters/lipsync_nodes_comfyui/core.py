"""Checks that the core is installed and new enough for this pack, before anything of it is used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement  # ComfyUI's own API needs it, too

__all__ = ["checkout_requirements", "explained", "require_core"]

# The one place that names the required version of the core: installers read it, and so does `require_core`.
REQUIREMENTS: Final = Path(__file__).parent / "requirements.txt"


class CoreTooOld(ImportError):
    """The installed core is older than what this pack was written for."""


def require_core() -> None:
    """Raise ImportError if the core is not installed or too old; importing its package costs next to nothing."""
    import lipsync_nodes  # noqa: PLC0415  # it may be missing

    core = Requirement(REQUIREMENTS.read_text(encoding="utf-8").strip())
    if not core.specifier.contains(lipsync_nodes.__version__, prereleases=True):
        raise CoreTooOld(
            f"lipsync-nodes {lipsync_nodes.__version__} is installed for ComfyUI, and this pack needs {core.specifier}."
        )


def explained(error: Exception) -> str:
    """Return what an import error means, and what to do."""
    wanted = REQUIREMENTS
    if isinstance(error, CoreTooOld):
        what = str(error)
    elif isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("lipsync_nodes."):
        package = error.name.partition(".")[0]
        what = f"The Python package {package!r} is not installed for ComfyUI."
        wanted = _checkout(package) or wanted
    else:
        what = f"The installed lipsync-nodes does not fit this pack, it is too old or too new ({error})."
    # Quotes: the path of a portable ComfyUI on Windows often has spaces.
    return f'{what} Run "{sys.executable}" -m pip install -r "{wanted}" and start ComfyUI again.'


def _checkout(missing: str) -> Path | None:
    return None if missing == "lipsync_nodes" else checkout_requirements()


def checkout_requirements() -> Path | None:
    """Return the core's own requirements file, if the core comes from a checkout in `custom_nodes`."""
    core = sys.modules.get("lipsync_nodes")
    if core is None or core.__file__ is None:
        return None
    wanted = Path(core.__file__).parents[1] / "requirements.txt"
    return wanted if wanted.is_file() else None
