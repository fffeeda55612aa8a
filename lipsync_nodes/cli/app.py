"""The commands, put together."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

import click

from lipsync_nodes import __version__
from lipsync_nodes.cli.added import ExtendableGroup
from lipsync_nodes.cli.output import RUN, show, tell

__all__ = ["app", "carry_out"]

# The message is the whole help. Before click 8.2, click printed it by itself.
_NO_WORDS: Final[Any] = getattr(click.exceptions, "NoArgsIsHelpError", ())


class _Commands(ExtendableGroup):
    own: ClassVar = {
        "check": ("check", "Check the inputs of a job before you pay for it: files, lengths, cost, faces and sound."),
        "demo": ("demo", "Make three videos with the sandbox, without an API key: one face, two people, and a video."),
        "doctor": ("doctor", "Check the API key, the base URL, the extras and the adapters, and say what to do."),
        "download": ("jobs", "Save the video of a finished job, whole or not at all."),
        "estimate": ("endpoints", "Print how many credits a job would cost."),
        "jobs": ("history", "List the jobs that were submitted from this machine: age, endpoint, state, credits."),
        "plugins": ("plugins", "List the installed plugins: where each comes from, its hooks or command."),
        "proxy": ("proxy", "Run a proxy in front of the service until Ctrl-C: record, replay, or check its responses."),
        "report": ("report", "Report what the jobs cost, and which ones have no usable video."),
        "resume": ("history", "Wait for all unfinished jobs that were submitted from this machine."),
        "run": ("endpoints", "Submit a job, wait for its video and print the URL."),
        "sandbox": (
            "sandbox",
            "Run the sandbox until Ctrl-C: the service on your own machine, with a page that shows its jobs.",
        ),
        "status": ("jobs", "Fetch a job once and print it, finished or not."),
        "submit": ("endpoints", "Submit a job and print its id at once."),
        "verify": ("verify", "Check whether the mouth in a video moves with the speech."),
        "wait": ("jobs", "Wait for a job that was submitted before, and print the URL of its video."),
        "webhook": ("webhook", "Receive webhooks, so that you know at once when a job ends."),
    }


@click.group(cls=_Commands)
@click.version_option(__version__)
def app() -> None:
    """Make lip-sync videos from video + audio, image + audio, or an image of two people + two audios.

    The API key comes from LIPSYNC_API_KEY or a profile, never from an option. Without an API key, try
    `lipsync-nodes demo`.
    """


def carry_out(words: Sequence[str]) -> int:
    """Run a command line and return its exit code. Ctrl-C and unexpected errors are raised."""
    RUN.as_json = _wants_json(words)
    try:
        code = app(list(words), prog_name="lipsync-nodes", standalone_mode=False)
    except _NO_WORDS as error:
        sys.stderr.write(f"{error.format_message()}\n")
        return int(error.exit_code)
    except click.ClickException as error:
        return _misused(error)
    except click.Abort as error:  # what click makes of Ctrl-C
        raise error.__cause__ or KeyboardInterrupt from None
    except SystemExit as ended:
        code = ended.code
    return code if isinstance(code, int) else 0


def _misused(error: click.ClickException) -> int:
    """Print the usage of a command and what is wrong."""
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if context is not None:
        tell(" ".join(context.get_usage().split()))
        tell(f"Try '{context.command_path} --help' for help.")
    tell(f"Error: {message}")
    if RUN.as_json and not RUN.printed:
        about = {"type": "Usage", "code": "cli.usage", "facts": {"message": message}, "message": message}
        show({"id": None, "error": about}, as_json=True)
    return error.exit_code


def _wants_json(words: Sequence[str]) -> bool:
    """Return whether `--json` is given as an option, and not as the value of another option."""
    name = next((word for word in words if not word.startswith("-")), "")
    called = app.get_command(click.Context(app), name)
    with_value = {
        name
        for command in (_commands(called) if called else ())
        for option in command.params
        if isinstance(option, click.Option) and not option.is_flag
        for name in option.opts
    }
    rest = iter(words)
    for word in rest:
        if word in {"--json", "--"}:
            return word == "--json"
        if word in with_value:
            next(rest, None)
    return False


def _commands(command: click.Command) -> Iterator[click.Command]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from _commands(below)
