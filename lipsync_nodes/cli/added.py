"""The group of all commands: ours, each loaded only when it is run, and those that other distributions add.

An added command is an entry point of the group `lipsync_nodes.commands`. It is loaded only when it is run, or listed by
`--help`. A broken one does not affect the others.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import ClassVar, Final, NoReturn

import click

from lipsync_nodes import ConfigurationError
from lipsync_nodes.cli.output import RUN
from lipsync_nodes.cli.speak import in_words

__all__ = ["COMMANDS", "ExtendableGroup", "Group", "load_command"]

COMMANDS: Final = "lipsync_nodes.commands"
"""The entry-point group for commands that other distributions add to `lipsync-nodes`."""

_WHOLE: Final = 300  # characters, more than any sentence has


class Group(click.Group):
    """A group whose help has the whole first sentence of each command, on as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        names = self.list_commands(ctx)
        commands = [(name, self._listed(ctx, name)) for name in names]
        rows = [(name, one.get_short_help_str(_WHOLE)) for name, one in commands if one and not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _listed(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command as the help lists it."""
        return self.get_command(ctx, name)


class ExtendableGroup(Group):
    """A group with its own commands and those of other distributions. Its own take precedence.

    Attributes:
        own: the commands that are loaded when they are run: the module of each in this package, and its line in the
            help.

    """

    own: ClassVar[dict[str, tuple[str, str]]] = {}

    @cached_property
    def added(self) -> dict[str, EntryPoint]:
        """The added commands by name. Of two with the same name, the first that is found is used."""
        points = reversed(list(entry_points(group=COMMANDS)))
        return {point.name: point for point in points if point.name not in {*self.commands, *self.own}}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names."""
        return sorted({*super().list_commands(ctx), *self.own, *self.added})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command. If an added one cannot be loaded, return a command that says so."""
        if known := super().get_command(ctx, cmd_name):
            return known
        if cmd_name in self.own:
            command: click.Command = getattr(import_module(f"lipsync_nodes.cli.{self.own[cmd_name][0]}"), cmd_name)
            self.add_command(command)
            return command
        point = self.added.get(cmd_name)
        if point is None:
            return None
        try:
            return load_command(point)
        except ConfigurationError as error:
            return _broken(cmd_name, error)

    def _listed(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command as the help lists it. None of ours is loaded for that."""
        return click.Command(name, help=self.own[name][1]) if name in self.own else self.get_command(ctx, name)


def load_command(point: EntryPoint) -> click.Command:
    """Load an added command; raise `ConfigurationError` if it is not one, or fails to load."""
    try:
        with redirect_stdout(sys.stderr):  # what a plugin prints while it is loaded is not part of a result
            command = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # third-party code
        why = repr(error)
    else:
        if isinstance(command, click.Command):
            return command
        why = f"it is {type(command).__name__}, not a click command"
    distribution = point.dist.name if point.dist else "its distribution"
    raise ConfigurationError(
        code="cli.broken_command",
        command=point.name,
        target=point.value,
        reason=why,
        distribution=distribution,
        remedy="upgrade_command",
    )


def _broken(name: str, error: ConfigurationError) -> click.Command:
    def fail(**_: object) -> NoReturn:
        with in_words(as_json=RUN.as_json):
            raise error

    return click.Command(
        name,
        callback=fail,
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
        add_help_option=False,
        short_help="(cannot be loaded; `lipsync-nodes plugins` says why)",
    )
