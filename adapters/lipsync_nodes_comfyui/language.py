"""The language of ComfyUI's user, and errors in that language and in ComfyUI's terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import folder_paths

from lipsync_nodes import InvalidRequest, LipsyncError

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


def in_comfyui(error: AnyError, *, refused: bool = False) -> AnyError:
    """Make an error use the terms of ComfyUI and the user's language.

    If the input was *refused* before the run, the text begins with what to do, because the frontend shows it as a
    short notice. The usual remedy, to correct the input, says less than the sentence that names the input.
    """
    return error.speak("comfyui", language(), remedy_first=refused and error.remedy != InvalidRequest.default_remedy)
