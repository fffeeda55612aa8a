"""Reading `profiles.toml`: what is wrong with the file is said in a sentence that quotes none of its values."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from lipsync_nodes.errors import ConfigurationError

__all__ = [
    "read_profiles",
    "shortened",
]


def read_profiles(path: Path, *, named: bool) -> dict[str, dict[str, Any]]:
    """Return the tables of the file; one that is *named* has to be there."""
    where = f"LIPSYNC_CONFIG names {shortened(str(path), 200, quoted=False)}" if named else str(path)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if not named:
            return {}
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{where}, which cannot be used: {reason}.", hint="Correct it, or unset it.") from None
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"{where}, which is no file.", hint="Name the profiles.toml itself.")
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"{path} holds keys and others can read it.", hint=f"Run: chmod 600 '{path}'")
    profiles = _parsed(path)
    if stray := next((entry for entry, value in profiles.items() if not isinstance(value, dict)), None):
        raise ConfigurationError(
            f"{path}: `{shortened(stray, quoted=False)}` stands above all tables, so no profile has it.",
            hint="Put it below the line [default].",
        )
    return profiles


def _parsed(path: Path) -> dict[str, Any]:
    # An error's own text may quote a line, and a line may hold a key.
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8.", hint="Save it as UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"line \d+, column \d+|end of document", str(error))
        raise ConfigurationError(f"{path} is not TOML ({place[0] if place else 'malformed'}).") from None
    except RecursionError:
        raise ConfigurationError(f"{path} cannot be read as TOML: it is nested too deep.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None


def shortened(text: str, longest: int = 60, *, quoted: bool = True) -> str:
    """Return a text from outside as it can stand in a sentence, in quotes and without what cannot be shown."""
    text = text if len(text) <= longest else f"{text[:longest]}…"
    return repr(text) if quoted or not text.isprintable() else text
