"""The option `--tag NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

__all__ = ["tag_option", "tags_text"]


def tag_option(text: str) -> Callable[[Callable[..., object]], Callable[..., object]]:
    """Return the option, which can be given several times. The command gets `tags`, a dict."""
    return click.option("--tag", "tags", multiple=True, metavar="NAME=VALUE", callback=_tags, help=text)


def _tags(_context: click.Context, _option: click.Parameter, given: Iterable[str]) -> dict[str, Any]:
    tags: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"give a name and a value, such as client=acme, not {text!r}")
        if tags.setdefault(name, value) != value:
            raise click.BadParameter(f"tag {name!r} has two values")
    return tags


def tags_text(tags: Mapping[str, str]) -> str:
    """Return tags as one line."""
    return ", ".join(f"{name}={value}" for name, value in tags.items())
