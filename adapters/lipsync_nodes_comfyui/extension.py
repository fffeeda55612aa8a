"""What ComfyUI is given: the nodes, or, without a core that fits, nodes of the same names that say what to do."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any, ClassVar, Final

from comfy_api.v0_0_2 import ComfyExtension, io

__all__ = ["LipsyncExtension"]

# Shell quotes: the path of a portable ComfyUI on Windows often has spaces.
INSTALL: Final = f'"{sys.executable}" -m pip install --upgrade lipsync-nodes'
log = logging.getLogger("lipsync_nodes")


class LipsyncExtension(ComfyExtension):
    """The pack's nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the classes of all nodes; a missing or old core takes no node out of anybody's graph."""
        try:
            from .nodes import NODES  # noqa: PLC0415  # it needs the core
            from .webhook import receive_webhooks  # noqa: PLC0415  # likewise
        except (ImportError, AttributeError, TypeError) as error:
            return _placeholders(f"{_words(error)} Run {INSTALL} and start ComfyUI again.")
        await receive_webhooks()
        return NODES


def _words(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"The Python package {error.name.partition('.')[0]!r} is not installed for ComfyUI."
    return f"The installed lipsync-nodes does not fit this pack, it is too old or too new ({error})."


class _Placeholder(io.ComfyNode):
    """Stands for a node that cannot work yet."""

    why: ClassVar[str]
    title: ClassVar[str]

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id=cls.__name__,
            display_name=f"{cls.title} (not ready)",
            category="lipsync",
            description=cls.why,
            inputs=[io.String.Input("how", default=cls.why, multiline=True, optional=True, display_name="What to do")],
            outputs=[io.Video.Output("video"), io.String.Output("output_url"), io.String.Output("job_id")],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, **_: Any) -> io.NodeOutput:
        raise RuntimeError(cls.why)


def _placeholders(why: str) -> list[type[io.ComfyNode]]:
    """Make a node for each name that the pack's own translations know: they are made from the catalogue."""
    log.warning("lipsync-nodes: %s", why)
    names = json.loads((Path(__file__).parent / "locales/en/nodeDefs.json").read_text(encoding="utf-8"))
    return [type(name, (_Placeholder,), {"why": why, "title": of["display_name"]}) for name, of in names.items()]
