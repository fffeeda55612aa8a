"""The nodes as a pluggy plugin, for any application that uses pluggy.

A host of the pluggy project `lipsync_nodes` finds it by its entry point. A host with its own project uses `plugin_for`:

    manager = pluggy.PluginManager("my_app")
    manager.add_hookspecs(plugin := plugin_for("my_app"))
    manager.register(plugin)

The hooks are documented in `lipsync_nodes.plugins`. Importing this package does not import httpx or pydantic.
"""

import pluggy

from lipsync_nodes.host import PROJECT, Context, NodeInfo, plugins
from lipsync_nodes_pluggy._nodes import Nodes, plugin_for

__all__ = ["Context", "NodeInfo", "Nodes", "manager", "plugin", "plugin_for"]

plugin = plugin_for(PROJECT)
"""The object that the entry point names."""


def manager() -> pluggy.PluginManager:
    """Return the manager of the project `lipsync_nodes`, with all installed plugins.

    The core uses the same manager. If a plugin cannot be loaded, or has an unknown hook, a warning names it, and the
    other plugins are loaded.

        job = manager().hook.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=None)
    """
    return plugins()
