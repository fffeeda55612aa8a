"""What all nodes share: schemas that every version of ComfyUI takes, and the refusal of bad input."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any, Final, NamedTuple

from comfy_api.v0_0_2 import io

from lipsync_nodes.settings import load_profile

__all__ = ["LipsyncJob", "Node", "Submitted", "schema", "video_outputs"]

CATEGORY: Final = "lipsync"
LipsyncJob = io.Custom("LIPSYNC_JOB")


class Submitted(NamedTuple):
    """What goes through a LIPSYNC_JOB socket: a job id, and the name of the profile that it was submitted with."""

    job_id: str
    profile: str


def schema(**known: Any) -> io.Schema:
    """Make a schema of what this version of ComfyUI knows: an unknown keyword would stop the whole pack."""
    allowed = {field.name for field in fields(io.Schema)}
    return io.Schema(category=CATEGORY, **{name: value for name, value in known.items() if name in allowed})


def video_outputs() -> list[io.Output]:
    """Return the outputs of a node that waits for a job."""
    return [io.Video.Output("video"), io.String.Output("output_url"), io.String.Output("job_id")]


class Node(io.ComfyNode):
    """A node of the pack: bad input is refused before the run begins."""

    @classmethod
    async def validate_inputs(cls, **values: Any) -> bool:
        """Raise for what is wrong; then nothing of the graph is run.

        ComfyUI tells what is raised once, of this node; a text that is returned it repeats for each input.
        """
        await asyncio.to_thread(cls.check, values)
        return True

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Raise `LipsyncError` for what can be seen to be wrong; what comes through a socket is None by now."""
        load_profile((values.get("profile") or "").strip() or None).bearer()
