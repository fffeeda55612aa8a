"""The pack's own folder in ComfyUI's user folder."""

from __future__ import annotations

from pathlib import Path

import folder_paths

__all__ = ["user_folder"]


def user_folder() -> Path:
    """Return the folder of the ledger and of the sandbox. ComfyUI does not serve a name that begins like this."""
    return Path(folder_paths.get_user_directory()) / "__lipsync_nodes"
