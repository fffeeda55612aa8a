"""ComfyUI's types of the pack's sockets. It needs no core: the placeholders of the nodes use it, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from comfy_api.v0_0_2 import io

__all__ = ["LipsyncJob", "outputs_of"]

LipsyncJob = io.Custom("LIPSYNC_JOB")
# The outputs that are not a text.
_TYPES: Final = {"video": io.Video, "job": LipsyncJob, "credits": io.Int, "ok": io.Boolean, "in_sync": io.Boolean}


def outputs_of(helps: Mapping[str, str]) -> list[io.Output]:
    """Return a node's outputs by their names, each with its tooltip."""
    return [_TYPES.get(name, io.String).Output(name, tooltip=text) for name, text in helps.items()]
