"""What ComfyUI loads: the nodes or, if the core is missing or too old, placeholders that say what to do."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, ClassVar, Final

from comfy_api.v0_0_2 import ComfyExtension, io

from .core import explained, require_core
from .sockets import LipsyncJob, outputs_of

__all__ = ["LipsyncExtension"]

SOCKETS: Final = [io.Image, io.Mask, io.Audio, io.Video, LipsyncJob, io.Int, io.Float, io.Boolean]
log = logging.getLogger("lipsync_nodes")


class LipsyncExtension(ComfyExtension):
    """The pack's nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the classes of all nodes; without a core that fits, graphs keep their nodes as placeholders."""
        try:
            require_core()
            from .nodes import NODES  # noqa: PLC0415  # it needs the core
            from .serving import add_files  # noqa: PLC0415  # likewise
            from .setup_page import add_setup_page  # noqa: PLC0415  # likewise
            from .webhook import receive_webhooks  # noqa: PLC0415  # likewise
        except (ImportError, AttributeError, TypeError) as error:
            return _placeholders(explained(error))
        add_setup_page()
        add_files()
        await receive_webhooks()
        return NODES


class _Placeholder(io.ComfyNode):
    """A placeholder for a node that cannot work yet.

    It has the node's inputs and outputs in the same order, so a graph that is saved meanwhile keeps its values and
    links; each input accepts any type. The last input says what to do, since a translation may replace the title and
    the description.
    """

    why: ClassVar[str]
    texts: ClassVar[dict[str, Any]]

    @classmethod
    def define_schema(cls) -> io.Schema:
        inputs = [io.String.Input(name, default="", optional=True) for name in cls.texts["inputs"]]
        how = io.String.Input("what_to_do", default=cls.why, multiline=True, optional=True, socketless=True)
        return io.Schema(
            node_id=cls.__name__,
            display_name=f"{cls.texts['display_name']} (not ready)",
            category="lipsync",
            description=cls.why,
            inputs=[*(io.MultiType.Input(widget, SOCKETS) for widget in inputs), how],
            outputs=outputs_of({output["name"]: output["tooltip"] for output in cls.texts["outputs"].values()}),
            is_output_node=True,
        )

    @classmethod
    def execute(cls, **_: Any) -> io.NodeOutput:
        raise RuntimeError(cls.why)


def _placeholders(why: str) -> list[type[io.ComfyNode]]:
    """Return a placeholder for each node in the pack's translations; the descriptions need the core."""
    log.warning("lipsync-nodes: %s", why)
    nodes = json.loads((Path(__file__).parent / "locales/en/nodeDefs.json").read_text(encoding="utf-8"))
    return [type(name, (_Placeholder,), {"why": why, "texts": texts}) for name, texts in nodes.items()]
