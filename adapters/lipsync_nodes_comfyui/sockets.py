"""ComfyUI's types of the pack's sockets. It needs no core: the placeholders of the nodes use it, too."""

from __future__ import annotations

from typing import Final

from comfy_api.v0_0_2 import io

__all__ = ["LipsyncJob", "outputs_of"]

LipsyncJob = io.Custom("LIPSYNC_JOB")
# The outputs that are not a text.
_TYPES: Final = {"video": io.Video, "job": LipsyncJob, "credits": io.Int}


def outputs_of(*names: str) -> list[io.Output]:
    """Return a node's outputs by their names."""
    return [_TYPES.get(name, io.String).Output(name) for name in names]
