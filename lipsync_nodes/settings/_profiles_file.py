"""Reads `profiles.toml`. Its error messages never quote the file, which contains API keys."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from lipsync_nodes.errors import ConfigurationError


def read_profiles(path: Path, *, named: bool) -> dict[str, dict[str, Any]]:
    """Return the tables of the file. It may be missing, unless it is *named* by LIPSYNC_CONFIG."""
    shown = shortened(str(path), 200, quoted=False)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if not named:
            return {}
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            code="settings.file_unusable", path=shown, reason=reason, remedy="correct_or_unset"
        ) from None
    if not stat.S_ISREG(mode):
        variable = "LIPSYNC_CONFIG" if named else ""
        raise ConfigurationError(
            code="settings.file_not_regular", path=shown, variable=variable, remedy="name_profiles_file"
        )
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(code="settings.file_readable_by_others", path=path, remedy="chmod")
    profiles = _parsed(path)
    if stray := next((entry for entry, value in profiles.items() if not isinstance(value, dict)), None):
        setting = shortened(stray, quoted=False)
        raise ConfigurationError(
            code="settings.setting_outside_tables", path=path, setting=setting, remedy="put_below_default"
        )
    return profiles


def _parsed(path: Path) -> dict[str, Any]:
    # The message of a parser may quote a line, which may contain an API key.
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigurationError(code="settings.file_not_utf8", path=path, remedy="save_as_utf8") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line \d+, column \d+|end of document", str(error))
        position = place[0] if place else ""
        raise ConfigurationError(code="settings.file_not_toml", path=path, position=position) from None
    except RecursionError:
        raise ConfigurationError(code="settings.file_too_deep", path=path) from None
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(code="settings.file_unreadable", path=path, reason=reason) from None


def shortened(text: str, longest: int = 60, *, quoted: bool = True) -> str:
    """Return a text for an error message, quoted and without unprintable characters."""
    text = text if len(text) <= longest else f"{text[:longest]}…"
    return repr(text) if quoted or not text.isprintable() else text
