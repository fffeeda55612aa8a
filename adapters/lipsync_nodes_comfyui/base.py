"""What all nodes share: schemas that every version of ComfyUI takes, and the refusal of bad input."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any, Final, NamedTuple

from comfy_api.v0_0_2 import io

from lipsync_nodes.errors import InvalidRequest, LipsyncError
from lipsync_nodes.settings import load_profile

from .hints import in_comfyui

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
        try:
            await asyncio.to_thread(cls.check, values)
        except LipsyncError as error:
            error.hint = in_comfyui(error.hint)
            raise
        return True

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Raise `LipsyncError` for what can be seen to be wrong; what comes through a socket is None by now."""
        cls.check_widgets(values)
        load_profile((values.get("profile") or "").strip() or None).bearer()

    @classmethod
    def check_widgets(cls, values: dict[str, Any]) -> None:
        """Check choices and ranges, for ComfyUI leaves all checks to a node that has one of its own."""
        for widget in cls.define_schema().inputs:
            known = getattr(widget, "input_override", None) or widget
            value = values.get(widget.id)
            options, least, most = (getattr(known, name, None) for name in ("options", "min", "max"))
            if options and value is not None and value not in options:
                raise InvalidRequest(f"`{widget.id}` must be one of {', '.join(map(str, options))}, got {value!r:.40}.")
            if least is not None and most is not None and isinstance(value, int | float) and not least <= value <= most:
                raise InvalidRequest(f"`{widget.id}` must be from {least} to {most}, got {value!r:.40}.")
