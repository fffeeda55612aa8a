"""`plugins`: list the installed plugins and added commands, where they come from, and what they do."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
import pluggy

from lipsync_nodes import ConfigurationError
from lipsync_nodes.cli.added import COMMANDS, ExtendableGroup, load_command
from lipsync_nodes.cli.speak import say, show, tell
from lipsync_nodes.host import API_VERSION, PROJECT, loaded

__all__ = ["plugins"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def plugins(as_json: bool) -> None:
    """List the installed plugins: where each comes from, its hooks or command, and its place in the order of calls."""
    with redirect_stdout(sys.stderr):  # what a plugin prints while it is loaded is not part of the result
        manager, troubles = loaded()
    rows = [_row(manager, name, plugin) for name, plugin in manager.list_name_plugin()]
    commands, broken = _commands(click.get_current_context().find_root().command)
    troubles += broken
    if as_json:
        show({"api_version": API_VERSION, "plugins": rows, "commands": commands, "troubles": troubles}, as_json=True)
    else:
        for row in rows:
            say("{name}  ({distribution} {version}, {object})".format_map(row))
            for hook in row["hooks"]:
                say("    {name}, number {place} to be asked".format_map(hook))
        for row in commands:
            say("lipsync-nodes {name}  ({distribution} {version}, {object})".format_map(row))
        for trouble in troubles:
            tell(trouble)
    sys.exit(2 if troubles else 0)


def _row(manager: pluggy.PluginManager, name: str, plugin: object) -> dict[str, Any]:
    point = next(iter(entry_points(group=PROJECT, name=name)))
    callers = sorted(manager.get_hookcallers(plugin) or (), key=lambda caller: caller.name)
    return {**_origin(point), "hooks": [{"name": caller.name, "place": _place(caller, plugin)} for caller in callers]}


def _commands(app: click.Command) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the added commands, and an error message for each that cannot be used."""
    used = app.added if isinstance(app, ExtendableGroup) else {}
    commands, troubles = [], []
    for point in entry_points(group=COMMANDS):
        if point not in used.values():
            troubles.append(f"The command {point.name} ({point.value}) is not used: there is another of that name.")
            continue
        try:
            load_command(point)
            commands.append(_origin(point))
        except ConfigurationError as error:
            troubles.append(error.message)
    return commands, troubles


def _origin(point: EntryPoint) -> dict[str, Any]:
    return {
        "name": point.name,
        "distribution": point.dist.name if point.dist else None,
        "version": point.dist.version if point.dist else None,
        "object": point.value,
    }


def _place(caller: pluggy.HookCaller, plugin: object) -> int:
    """Return the plugin's place in the order of calls, from 1."""
    asked = [impl.plugin for impl in reversed(caller.get_hookimpls())]
    return asked.index(plugin) + 1
