"""Lip-sync videos in llm: `llm lipsync image …` for people, and a tool for each node that models can call.

Commands and tools are made from what the nodes say of themselves. The key is the one of `llm keys set lipsync`, else
the one that lipsync-nodes finds. A tool's call has its inputs for a submission key: a model that repeats itself, or a
chat that is run again, gets the same job and pays nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
import llm
from pluggy import PluginManager

from lipsync_nodes_pluggy import NodeInfo, plugin_for

# The nodes have their own plugin manager, beside that of llm.
nodes = PluginManager("llm_lipsync")
nodes.add_hookspecs(plugin := plugin_for("llm_lipsync"))
nodes.register(plugin)


def described() -> list[NodeInfo]:
    """Return all nodes."""
    return [node for of_plugin in nodes.hook.lipsync_nodes_describe() for node in of_plugin]


@cache
def account() -> Any:
    """Return the profile, with the API key that llm stores, if there is one."""
    from lipsync_nodes.host import load_profile  # noqa: PLC0415  # llm loads plugins at each start

    return load_profile(api_key=llm.get_key(key_alias="lipsync"))


def submit(node: NodeInfo, inputs: dict[str, Any], *, once: bool) -> Any:
    """Submit a job. With `once`, the same inputs give the same job."""
    from lipsync_nodes.host import (  # noqa: PLC0415
        content_key,
        spec_named,
    )

    options = {"key": content_key(spec_named(node.id).form_from(inputs), account())} if once else {}
    context = {"profile": account(), "options": options}
    return nodes.hook.lipsync_nodes_submit(node=node.id, inputs=inputs, context=context)


def wait(job_id: str, on_update: Callable[[Any], object] | None = None) -> Any:
    """Wait for the video."""
    context = {"profile": account(), "on_update": on_update}
    return nodes.hook.lipsync_nodes_wait(job=job_id, timeout=None, context=context)


@llm.hookimpl
def register_tools(register: Callable[..., None]) -> None:
    """Register a tool for each node. With `--tools-approve`, llm asks before each call."""
    for node in described():
        register(
            llm.Tool(
                name=node.id.replace("-", "_"),
                description=f"{node.help}. Costs credits. Returns the URL of the video.",
                input_schema=dict(node.inputs),
                implementation=partial(run_tool, node),
            )
        )


def run_tool(node: NodeInfo, **inputs: Any) -> str:
    """Make the video for a tool call."""
    done = wait(submit(node, inputs, once=True).id)
    return json.dumps({"id": done.id, "output": done.output})


@llm.hookimpl
def register_commands(cli: click.Group) -> None:
    """Add `llm lipsync`."""

    @cli.group(name="lipsync")
    def lipsync() -> None:
        """Lip-sync videos: a command for each kind, and `wait`."""

    for node in described():
        lipsync.command(name=node.id.removeprefix("lipsync-"), help=f"{node.help}.")(command_for(node))

    @lipsync.command(name="wait")
    @click.argument("job_id")
    def wait_command(job_id: str) -> None:
        """Wait for a job that was submitted before."""
        say(lambda: wait(job_id, show))


def command_for(node: NodeInfo) -> Callable[..., None]:
    """Build the command of a node from its JSON Schema."""

    @click.option("--no-wait", is_flag=True, help="Print the job id and leave.")
    def command(no_wait: bool, **values: Any) -> None:
        inputs = {name: value for name, value in values.items() if value is not None}

        def run() -> Any:
            job = submit(node, inputs, once=False)
            click.echo(f"Job {job.id}", err=True)
            return job if no_wait else wait(job.id, show)

        say(run)

    for name, field in reversed(node.inputs["properties"].items()):
        if not field.get("advanced"):
            command = option_for(name, field, required=name in node.inputs["required"])(command)
    return command


def option_for(name: str, field: dict[str, Any], *, required: bool) -> Callable[..., Any]:
    """Build the option of a field."""
    kind = next((kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"), field)
    read = click.Choice(kind["enum"]) if "enum" in kind else {"integer": int}.get(kind["type"], str)
    text = field["description"]
    if "media" in field:
        read, text = url_or_file, f"{text} A URL or a file."
    return click.option("--" + name.replace("_", "-"), name, type=read, required=required, help=text)


def url_or_file(typed: str) -> str | Path:
    """Read a URL or the path of a file. A path is accepted here, because a person typed it; tools take URLs only."""
    return typed if "://" in typed else Path(typed)


def show(job: Any) -> None:
    """Print the status of a job on stderr."""
    click.echo(f"{job.id} {job.status}", err=True)


def say(run: Callable[[], Any]) -> None:
    """Print the result (only the URL, if there is one), or the error."""
    from lipsync_nodes import LipsyncError  # noqa: PLC0415

    try:
        job = run()
    except LipsyncError as error:
        raise click.ClickException(str(error)) from None
    click.echo(job.output or job.id)
