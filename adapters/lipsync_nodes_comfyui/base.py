"""What all nodes share: the schema from the description, and the check of the input."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any, ClassVar, Final, NamedTuple

from comfy_api.v0_0_2 import io

from lipsync_nodes import InvalidRequest, LipsyncError

from .descriptions import ALIASES, Description, prices
from .language import in_comfyui
from .own_fields import OUTPUTS
from .preview import check_profile
from .sockets import outputs_of
from .widgets import input_of, price_badge

__all__ = ["Node", "Submitted"]

CATEGORY: Final = "lipsync"


class Submitted(NamedTuple):
    """What goes through a LIPSYNC_JOB socket: a job id, and the name of the profile that it was submitted with."""

    job_id: str
    profile: str


class Node(io.ComfyNode):
    """A node of the pack: its description gives the schema, and bad input is refused before the run begins."""

    about: ClassVar[Description]

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Make the schema; a keyword that ComfyUI does not know would stop the whole pack."""
        cost = prices(cls.about.spec) if cls.about.spec else {}
        newer: dict[str, Any] = {"search_aliases": list(ALIASES), "price_badge": price_badge(cls.about.inputs, cost)}
        known = {field.name for field in fields(io.Schema)}
        return io.Schema(
            node_id=cls.about.id,
            display_name=cls.about.title,
            category=CATEGORY,
            description=cls.about.help,
            inputs=[input_of(field, cost) for field in cls.about.inputs],
            outputs=outputs_of({name: OUTPUTS[name].help for name in cls.about.outputs}),
            is_output_node=True,
            **{name: value for name, value in newer.items() if name in known},
        )

    @classmethod
    async def validate_inputs(cls, **values: Any) -> bool:
        """Raise for bad input; then no node of the graph runs.

        ComfyUI shows a raised error once, on this node. A returned text it would repeat for each input.
        """
        try:
            await asyncio.to_thread(cls.check, values)
        except LipsyncError as error:
            await asyncio.to_thread(in_comfyui, error, refused=True)
            raise
        return True

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Raise `LipsyncError` for bad values; a value that comes through a socket is still None."""
        cls.check_widgets(values)
        check_profile(values.get("profile") or "")

    @classmethod
    def check_widgets(cls, values: dict[str, Any]) -> None:
        """Check choices and ranges. ComfyUI does not, if a node has its own `validate_inputs`."""
        for widget in cls.define_schema().inputs:
            known = getattr(widget, "input_override", None) or widget
            value = values.get(widget.id)
            options, least, most = (getattr(known, name, None) for name in ("options", "min", "max"))
            if options and value is not None and value not in options:
                raise InvalidRequest(
                    code="comfyui.not_a_choice", field=widget.id, choices=options, value=f"{value!r:.40}"
                )
            if least is not None and most is not None and isinstance(value, int | float) and not least <= value <= most:
                raise InvalidRequest(
                    code="comfyui.not_in_range", field=widget.id, least=least, most=most, value=f"{value!r:.40}"
                )
