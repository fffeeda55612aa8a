"""The language of ComfyUI's user, and errors in that language and in ComfyUI's terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import folder_paths

from lipsync_nodes import LipsyncError

__all__ = ["in_comfyui", "language"]

AnyError = TypeVar("AnyError", bound=LipsyncError)


def language() -> str:
    """Return the language from ComfyUI's settings, English by default.

    A language that the frontend took from the browser is not stored there, and with several users (`--multi-user`) a
    node cannot know whose run it is.
    """
    settings = Path(folder_paths.get_user_directory()) / "default" / "comfy.settings.json"
    try:
        return str(json.loads(settings.read_text(encoding="utf-8")).get("Comfy.Locale", "en"))
    except (OSError, ValueError, AttributeError):
        return "en"


def in_comfyui(error: AnyError) -> AnyError:
    """Make an error use the terms of ComfyUI and the user's language."""
    return error.speak("comfyui", language())
