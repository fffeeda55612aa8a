"""The endpoints as tools for agents, in the terms of no protocol: JSON in, JSON out."""

from typing import TYPE_CHECKING

from lipsync_nodes._lazy import lazy

if TYPE_CHECKING:
    from lipsync_nodes.agents._roots import Roots
    from lipsync_nodes.agents._table import Tool, tools_of
    from lipsync_nodes.agents._tools import Call, Tools

__all__ = ["Call", "Roots", "Tool", "Tools", "tools_of"]

_HOMES = {
    "agents._roots": ("Roots",),
    "agents._table": ("Tool", "tools_of"),
    "agents._tools": ("Call", "Tools"),
}
__getattr__, __dir__ = lazy(__name__, _HOMES)
