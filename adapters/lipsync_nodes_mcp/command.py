"""`lipsync-nodes mcp` runs the MCP server, over stdio or over HTTP on this machine."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from lipsync_nodes import ConfigurationError
from lipsync_nodes.cli.speak import in_words

__all__ = ["mcp"]

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
ROOT = "Folder whose files the tools may read; videos are saved in the first one. Can be given several times."


@click.command()
@click.option("--profile", help="Name of a profile in profiles.toml, or sandbox. Default: LIPSYNC_PROFILE.")
@click.option("--base-url", help="URL of the service. Default: LIPSYNC_BASE_URL, or https://lipsync.studio/api/v1.")
@click.option("--root", "roots", multiple=True, type=FOLDER, help=ROOT)
@click.option("--budget", type=click.IntRange(0), default=0, help="The most credits that agents may spend. Default: 0.")
@click.option("--http", is_flag=True, help="Serve streamable HTTP on this machine instead of stdio.")
@click.option("--port", type=click.IntRange(0, 65535), default=8789, show_default=True, help="The port of --http.")
def mcp(
    profile: str | None, base_url: str | None, roots: tuple[Path, ...], budget: int, port: int, *, http: bool
) -> None:
    """Serve the endpoints as tools for agents (Model Context Protocol)."""
    with in_words(as_json=False):
        if not find_spec("mcp"):
            raise ConfigurationError(code="cli.no_library", package="lipsync-nodes[mcp]", remedy="install_extra")
        from lipsync_nodes.cli.session import Session, means_sandbox  # noqa: PLC0415  # slow to load
        from lipsync_nodes_mcp._server import serve  # noqa: PLC0415  # an extra

        session = Session(profile, base_url, means_sandbox(profile, base_url), as_json=False)
        serve(session, roots, budget, port if http else None)
