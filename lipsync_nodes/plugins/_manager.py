"""The one plugin manager: what is installed, and what is broken."""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import entry_points
from threading import RLock
from typing import Final

import pluggy

from lipsync_nodes._shared import Shared
from lipsync_nodes.errors import redact
from lipsync_nodes.plugins import _hookspecs
from lipsync_nodes.plugins._hookspecs import PROJECT

__all__ = [
    "loaded",
    "plugins",
]


class _Loading(Shared):
    """One thread loads at a time, and no fork comes between: in the child, that thread's import would never end."""

    def manager(self) -> pluggy.PluginManager:
        with self._lock:
            return _plugins()


_loading: Final = _Loading(RLock)


def plugins() -> pluggy.PluginManager:
    """Return the one manager with all plugins that are installed; a broken one is a warning that names it."""
    return _loading.manager()


@cache
def _plugins() -> pluggy.PluginManager:
    manager, troubles = loaded()
    for trouble in troubles:
        warnings.warn(trouble, stacklevel=4)
    return manager


def loaded() -> tuple[pluggy.PluginManager, list[str]]:
    """Return a new manager with all plugins that are installed, and a sentence on each that is broken."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(_hookspecs)
    troubles = []
    for point in entry_points(group=PROJECT):
        plugin = None
        try:
            plugin = point.load()
            manager.register(plugin, name=point.name)
        except (Exception, SystemExit) as error:  # noqa: BLE001  # it is somebody else's code
            if plugin is not None and manager.get_plugin(point.name) is plugin:  # half of its hooks are there
                manager.unregister(plugin)
            troubles.append(redact(f"The plugin {point.name} ({point.value}) cannot be loaded: {error!r}"))
        else:
            troubles += [f"The plugin {point.name} ({point.value}): {what}" for what in _misspelt(manager, plugin)]
    return manager, troubles


def _misspelt(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Say which hooks of a plugin nobody will ever call; `check_pending` would stop at the first of all plugins."""
    callers = [caller for caller in manager.get_hookcallers(plugin) or () if not caller.has_spec()]
    return [
        f"there is no hook {caller.name}, so it is never called."
        for caller in callers
        if any(impl.plugin is plugin and not impl.optionalhook for impl in caller.get_hookimpls())
    ]
