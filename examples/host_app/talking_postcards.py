"""Talking postcards: choose a node, fill in its form, watch the job, open the video.

Three lines load the nodes by their entry point. The input form is built from the node's JSON Schema. So new nodes and
fields of lipsync-nodes or of other plugins appear here without a change.
"""

from __future__ import annotations

import argparse
import json
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("talking_postcards")


@hookspec
def talking_postcards_arrived(url: str) -> None:
    """Handle a postcard whose video is ready. This is a hook for plugins of this application."""


def nodes_of_plugins() -> pluggy.PluginManager:
    """Load all installed nodes."""
    nodes = pluggy.PluginManager("lipsync_nodes")
    nodes.load_setuptools_entrypoints("lipsync_nodes")
    nodes.add_hookspecs(nodes.get_plugin("lipsync"))
    return nodes


def own_plugins() -> pluggy.PluginManager:
    """Load the plugins of this application."""
    plugins = pluggy.PluginManager("talking_postcards")
    plugins.add_hookspecs(sys.modules[__name__])
    plugins.load_setuptools_entrypoints("talking_postcards")
    return plugins


def choose(nodes: list[Any]) -> Any:
    """Ask which node."""
    for number, node in enumerate(nodes, 1):
        print(f"{number}  {node.title}: {node.help}")
    while True:
        answer = input("Number: ").strip()
        if answer.isdigit() and 0 < int(answer) <= len(nodes):
            return nodes[int(answer) - 1]


def fill_in(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for each field of a JSON Schema, the required ones first. An empty line leaves a field out."""
    required = schema.get("required", [])
    fields = schema["properties"]
    inputs = {}
    for name in sorted(fields, key=lambda name: name not in required):
        if not fields[name].get("advanced"):
            value = ask(fields[name], required=name in required)
            if value is not None:
                inputs[name] = value
    return inputs


def ask(field: Mapping[str, Any], *, required: bool) -> Any:
    """Ask for one field until the answer is valid."""
    kind = next((kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"), field)
    choices = kind.get("enum")
    more = f" ({' | '.join(choices)})" if choices else " (a URL or a file)" if "media" in field else ""
    print(f"\n{field['title']}{'' if required else ', optional'}: {field['description']}")
    while True:
        answer = input(f"{field['title']}{more}: ").strip()
        if not answer and not required:
            return None
        try:
            return read(answer, kind, field)
        except ValueError as error:
            print(error)


def read(answer: str, kind: Mapping[str, Any], field: Mapping[str, Any]) -> Any:
    """Convert an answer to a value. A ValueError says what is wrong with it."""
    if "enum" in kind and answer not in kind["enum"]:
        raise ValueError(f"Choose one of: {', '.join(kind['enum'])}")
    if "media" in field and "://" not in answer:
        # A path is accepted here, because the user typed it.
        if not Path(answer).is_file():
            raise ValueError(f"There is no file {answer}")
        return Path(answer)
    return json.loads(answer) if kind["type"] in {"integer", "object"} else answer


def make(nodes: pluggy.PluginManager, node: Any, inputs: Mapping[str, Any], poll_interval: float | None) -> str:
    """Submit, show the progress, and return the video's URL."""
    context = {"poll_interval": poll_interval, "on_update": lambda job: print(f"  {job.status}")}
    job = nodes.hook.lipsync_nodes_submit(node=node.id, inputs=inputs, context=context)
    print(f"\nJob {job.id}")
    done = nodes.hook.lipsync_nodes_wait(job=job.id, timeout=None, context=context)
    return str(done.output)


def main() -> None:
    """Make one postcard."""
    parser = argparse.ArgumentParser(description="Make a talking postcard.")
    parser.add_argument("--no-open", action="store_true", help="only print the URL of the video")
    parser.add_argument("--poll-interval", type=float, help="average seconds between two polls")
    options = parser.parse_args()
    nodes = nodes_of_plugins()
    node = choose([node for described in nodes.hook.lipsync_nodes_describe() for node in described])
    try:
        url = make(nodes, node, fill_in(node.inputs), options.poll_interval)
    except Exception as error:  # noqa: BLE001  # it may come from any plugin, so its own message is shown
        sys.exit(f"{type(error).__name__}: {error}")
    print(f"\nYour postcard: {url}")
    own_plugins().hook.talking_postcards_arrived(url=url)
    if not options.no_open:
        webbrowser.open(url)
