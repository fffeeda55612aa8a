"""`lipsync-nodes airflow demo` runs an Airflow with example DAGs on the sandbox; `airflow examples` copies the DAGs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from lipsync_nodes import ConfigurationError
from lipsync_nodes.cli.added import Group
from lipsync_nodes.cli.speak import in_words, say, show

__all__ = ["airflow"]


@click.group(cls=Group)
def airflow() -> None:
    """Try the operators in an Airflow of its own, or copy the example DAGs into yours."""


@airflow.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
def examples(folder: Path, as_json: bool) -> None:
    """Copy three example DAGs into DIR, such as the `dags` folder of your Airflow. They use the shipped media."""
    from lipsync_nodes_airflow.demo import copy_examples  # noqa: PLC0415  # slow, and `--help` does not need it

    with in_words(as_json=as_json):
        copied = [str(file) for file in copy_examples(folder)]
    if as_json:
        show({"files": copied}, as_json=True)
        return
    for file in copied:
        say(file)


@airflow.command()
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default="lipsync-airflow")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The port of Airflow's UI."
)
def demo(folder: Path, port: int) -> None:
    """Run an Airflow with three example DAGs and the sandbox, without an API key. Ctrl-C ends all.

    Everything is in DIR (default: lipsync-airflow). Your own Airflow is not touched.
    """
    with in_words(as_json=False):
        if not find_spec("airflow"):
            raise ConfigurationError(
                code="cli.no_library", package="lipsync-nodes[airflow,sandbox]", remedy="install_extra"
            )
        from lipsync_nodes_airflow.demo import run  # noqa: PLC0415  # as above

        run(folder.absolute(), port)
