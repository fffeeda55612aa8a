"""What ComfyUI is given: the nodes, or, without a core that fits, nodes of the same names that say what to do."""

from __future__ import annotations

from comfy_api.v0_0_2 import ComfyExtension, io

__all__ = ["LipsyncExtension"]


class LipsyncExtension(ComfyExtension):
    """The pack's nodes."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return the classes of all nodes."""
        from .nodes import NODES

        return NODES
