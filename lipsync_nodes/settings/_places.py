"""The user's folders, and the paths in environment variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.settings._profiles_file import shortened


@cache
def named_path(named: str) -> Path:
    """Return a path from an environment variable as an absolute path, so that a change of folder does not affect it."""
    try:
        return Path(named).expanduser().absolute()
    except (RuntimeError, OSError) as error:  # there is no such home folder, or the current folder was removed
        raise ConfigurationError(
            code="settings.path_unusable", path=shortened(named), reason=error, remedy="name_in_full"
        ) from None


def variable(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return an environment variable, so that no caller has the environment with its API keys as a local variable."""
    return (os.environ if environ is None else environ).get(name)


def user_folder(environ: Mapping[str, str] | None = None, *, xdg: str, fallback: str) -> Path:
    """Return this package's folder for one purpose, by the conventions of Windows, macOS or XDG."""
    if sys.platform == "win32":
        base = Path(variable("APPDATA", environ) or _home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = _home() / "Library" / "Application Support"
    else:
        base = Path(variable(xdg, environ) or _home() / fallback)
    return base / "lipsync-nodes"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise ConfigurationError(code="settings.no_home", remedy="set_home") from None
