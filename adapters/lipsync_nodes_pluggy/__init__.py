"""The nodes as a pluggy plugin, for applications that know nothing of ComfyUI or Airflow.

A host of the project `lipsync_nodes` finds it by its entry point; one that keeps its own project takes `plugin_for`:

    manager = pluggy.PluginManager("my_app")
    manager.add_hookspecs(plugin := plugin_for("my_app"))
    manager.register(plugin)

The hooks are documented in `lipsync_nodes.plugins`. Importing this costs neither httpx nor pydantic.
"""

import pluggy

from lipsync_nodes.host import PROJECT, Context, NodeInfo, plugins
from lipsync_nodes_pluggy._nodes import Nodes, plugin_for

__all__ = ["Context", "NodeInfo", "Nodes", "manager", "plugin", "plugin_for"]

plugin = plugin_for(PROJECT)
"""What the entry point names."""


def manager() -> pluggy.PluginManager:
    """Return the manager of the project `lipsync_nodes`, with every plugin that is installed.

    It is the one that the core asks, too. A plugin that cannot be loaded, or that has a hook which nobody calls, is a
    warning that names it; the others work.

        job = manager().hook.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=None)
    """
    return plugins()
