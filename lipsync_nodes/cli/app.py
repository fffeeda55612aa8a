"""The commands, put together."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lipsync_nodes import __version__
from lipsync_nodes.cli.comfyui import comfyui
from lipsync_nodes.cli.demo import demo
from lipsync_nodes.cli.doctor import doctor
from lipsync_nodes.cli.endpoints import estimate, run, submit
from lipsync_nodes.cli.history import jobs, resume
from lipsync_nodes.cli.jobs import download, status, wait
from lipsync_nodes.cli.plugins import plugins
from lipsync_nodes.cli.speak import exit_code, explain
from lipsync_nodes.cli.webhook import webhook
from lipsync_nodes.errors import LipsyncError

__all__ = ["app"]


@click.group()
@click.version_option(__version__)
def app() -> None:
    """Lip-sync videos from the command line: video + audio, image + audio, image + two audios.

    The key comes from LIPSYNC_API_KEY or a profile, never from an option. Without one, try `lipsync-nodes demo`.
    """


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address opens it to the network.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of jobs and files; a temporary one by default.")
@click.option("--concurrency", type=click.IntRange(1), help="Renders at a time.")
@click.option("--json", "as_json", is_flag=True, help="Log JSON lines.")
def sandbox(port: int, host: str, data: Path | None, concurrency: int | None, as_json: bool) -> None:
    """Serve the sandbox until Ctrl-C: the service in a box, with a page at its root."""
    from lipsync_nodes.sandbox import Sandbox  # noqa: PLC0415  # an extra, and slow to load

    try:
        box = Sandbox(data, host=host, port=port, concurrency=concurrency)
        box.serve(log="json" if as_json else "plain")
    except LipsyncError as error:
        explain(error, as_json=False)
        sys.exit(exit_code(error))


for command in (
    demo, run, submit, wait, status, download, estimate, jobs, resume, sandbox, doctor, plugins, webhook, comfyui,
):  # fmt: skip
    app.add_command(command)
