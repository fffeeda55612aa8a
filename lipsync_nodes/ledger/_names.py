"""File names that are valid on every system."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from typing import Final

# In bytes. With a suffix and other additions, a name stays below the 255 bytes that file systems allow.
LONGEST_STEM: Final = 100

# Windows opens a device under these names, in any folder and with any suffix.
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)


def plain_name(stem: str) -> str:
    """Make a name from outside safe as a file name on every system."""
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem).strip(".")
    name = cut(kept, LONGEST_STEM).rstrip(".") or "video"
    return f"_{name}" if _DEVICE.fullmatch(name) else name


def job_name(job_id: str) -> str:
    """Return the stem of a job's file: its id, with a hash if characters had to be replaced."""
    name = plain_name(job_id)
    return name if name == job_id else f"{name}-{sha256(job_id.encode(errors='replace')).hexdigest()[:8]}"


def cut(name: str, size: int) -> str:
    """Return as much of a name as fits into *size* bytes."""
    return name.encode(errors="replace")[:size].decode(errors="ignore")


def why_not(name: str, *, windows: bool = os.name == "nt") -> str | None:
    """Return why a file cannot have this name; None if it can."""
    if _DEVICE.fullmatch(name):
        return "Windows opens a device under this name"
    if windows and (name != name.rstrip(". ") or re.search(r'[<>:"|?*\x00-\x1f]', name)):
        return 'Windows takes no name with any of <>:"|?* in it, or with a dot or space at its end'
    return None
