"""The options of commands that listen: `sandbox`, `proxy` and `webhook serve`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["listening_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def listening_options(port: int) -> Callable[[_F], _F]:
    """Add `--host` and `--port`, whose default is *port*."""

    def add(command: _F) -> _F:
        to_host = click.option(
            "--host",
            default="127.0.0.1",
            show_default=True,
            help="Address to listen on. With any other than the default, other machines may reach it.",
        )
        kind, text = click.IntRange(0, 65535), "Port to listen on; 0 for a free one."
        to_port = click.option("--port", type=kind, default=port, show_default=True, help=text)
        return to_port(to_host(command))

    return add
