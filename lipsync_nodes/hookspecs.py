"""What a plugin can add to the core, as pluggy hooks of the project `lipsync_nodes`.

A plugin is a distribution with an entry point in the group `lipsync_nodes` that names a module or an object with
functions marked by `hookimpl`:

    from lipsync_nodes.hookspecs import hookimpl

    @hookimpl
    def lipsync_publish_asset(asset, media_type, seconds):
        return my_cdn.upload(asset.source, media_type)
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from importlib.metadata import entry_points
from typing import Final

import pluggy

from lipsync_nodes.fields import Asset

__all__ = ["PROJECT", "hookimpl", "lipsync_publish_asset", "plugins"]

PROJECT: Final = "lipsync_nodes"

_hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@_hookspec(firstresult=True)
def lipsync_publish_asset(asset: Asset, media_type: str, seconds: float) -> str | None:
    """Give a local file a public URL; the first plugin that returns one is taken, before any configured storage.

    Args:
        asset: a path, bytes, or an open binary file (seek to its start). It was checked and is of the right kind.
        media_type: its MIME type, by its content.
        seconds: how long the URL has to work at least.

    Returns:
        An http(s) URL that the service can fetch, or None to leave it to others.

    """


@cache
def plugins() -> pluggy.PluginManager:
    """Return the manager with all plugins that are installed; a broken one is a warning that names it, not the end."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(sys.modules[__name__])
    for point in entry_points(group=PROJECT):
        try:
            manager.register(point.load(), name=point.name)
        except Exception as error:  # noqa: BLE001  # it is somebody else's code
            warnings.warn(f"The plugin {point.name} ({point.value}) cannot be loaded: {error!r}", stacklevel=2)
    return manager
