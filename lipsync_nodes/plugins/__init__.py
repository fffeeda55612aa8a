"""The pluggy hooks: what a plugin can add, and the events of jobs."""

from lipsync_nodes.plugins import _hookspecs as hookspecs
from lipsync_nodes.plugins._hookspecs import API_VERSION, PROJECT, Context, NodeInfo, hookimpl
from lipsync_nodes.plugins._job_event import JobEvent, Kind, tell
from lipsync_nodes.plugins._manager import loaded, plugins

__all__ = [
    "API_VERSION", "PROJECT", "Context", "JobEvent", "Kind", "NodeInfo", "hookimpl", "hookspecs", "loaded", "plugins",
    "tell",
]  # fmt: skip
