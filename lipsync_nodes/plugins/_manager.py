"""The plugin manager, with all installed plugins, and the broken ones."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points

import pluggy

from lipsync_nodes._redaction import redact
from lipsync_nodes._shared import LOADING
from lipsync_nodes.plugins import _hookspecs
from lipsync_nodes.plugins._hookspecs import PROJECT


def plugins() -> pluggy.PluginManager:
    """Return the manager with all installed plugins. For each broken plugin, there is a warning."""
    with LOADING:
        return _plugins()


@cache
def _plugins() -> pluggy.PluginManager:
    manager, troubles = loaded()
    for trouble in troubles:
        warnings.warn(trouble, stacklevel=3)
    return manager


def loaded() -> tuple[pluggy.PluginManager, list[str]]:
    """Return a new manager with all installed plugins, and an error message for each broken one."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(_hookspecs)
    troubles = []
    for point in entry_points(group=PROJECT):
        plugin = None
        try:
            plugin = point.load()
            manager.register(plugin, name=point.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # third-party code
            if plugin is not None and manager.get_plugin(point.name) is plugin:  # some of its hooks are registered
                manager.unregister(plugin)
            troubles.append(redact(f"The plugin {point.name} ({point.value}) cannot be loaded: {error!r}"))
        else:
            troubles += [f"The plugin {point.name} ({point.value}): {what}" for what in _misspelt(manager, plugin)]
    return manager, troubles


def _misspelt(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Return an error message for each unknown hook of a plugin. `check_pending` would stop at the first."""
    callers = [caller for caller in manager.get_hookcallers(plugin) or () if not caller.has_spec()]
    return [
        f"there is no hook {caller.name}, so it is never called."
        for caller in callers
        if any(impl.plugin is plugin and not impl.optionalhook for impl in caller.get_hookimpls())
    ]
