"""What every command is given: which profile, whether a sandbox is started for the call, and how to answer."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lipsync_nodes.catalogue import NodeSpec
from lipsync_nodes.cli.speak import exit_code, explain
from lipsync_nodes.client import LipsyncClient
from lipsync_nodes.contract import Form
from lipsync_nodes.errors import InvalidRequest, LipsyncError
from lipsync_nodes.media import media_seconds

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import Sandbox

__all__ = ["Session", "common_options"]

INTERRUPTED = 130


@dataclass(frozen=True)
class Session:
    """The options that all commands share."""

    profile: str | None
    base_url: str | None
    use_sandbox: bool
    as_json: bool

    @contextmanager
    def client(self, *, budget: int | None = None) -> Iterator[tuple[LipsyncClient, Sandbox | None]]:
        """Open a client, and the embedded sandbox behind it if one was asked for."""
        if self.use_sandbox:
            from lipsync_nodes.sandbox import embedded  # noqa: PLC0415  # an extra, and slow to load

            with embedded() as sandbox, LipsyncClient(sandbox.api_key, sandbox.base_url, budget=budget) as client:
                yield client, sandbox
        else:
            with LipsyncClient(base_url=self.base_url, profile=self.profile, budget=budget) as client:
                yield client, None


def form_of(spec: NodeSpec, values: Mapping[str, Any], publish: Callable[[Path], str]) -> Form:
    """Build the form from a command's options; a local file becomes a URL by *publish*."""
    given = {field.name: values[field.name] for field in spec.fields if values.get(field.name) is not None}
    for field in spec.media:
        if field.name in given and is_local(given[field.name]):
            given[field.name] = publish(_existing(field.option, given[field.name]))
    return spec.form(**given)


def lengths_of(spec: NodeSpec, values: Mapping[str, Any]) -> dict[str, float]:
    """Return the arguments of `estimate_credits`: lengths that were given, else read from local files."""
    local = {f.name: values[f.name] for f in spec.media if f.media in {"audio", "video"} and is_local(values[f.name])}
    seconds = spec.seconds({name: media_seconds(Path(path)) for name, path in local.items()})
    read = {
        "audio_seconds": seconds.audio,
        "right_audio_seconds": seconds.right_audio,
        "video_seconds": seconds.video,
    }
    given = {name: values.get(name) for name in read}
    return {name: known for name in read if (known := given[name] or read[name]) is not None}


def is_local(value: str) -> bool:
    """Whether an option names a file rather than a URL."""
    return "://" not in value


def _existing(option: str, value: str) -> Path:
    path = Path(value)
    if not path.is_file():
        raise InvalidRequest(f"{option}: there is no file {value}.", hint="Give a file, or an http(s) URL.")
    return path


def common_options(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the shared options as its `session`, and turn errors into words and exit codes."""

    @click.option("--profile", help="A profile of your profiles.toml; by default LIPSYNC_PROFILE.")
    @click.option("--base-url", help="Where the service is; by default LIPSYNC_BASE_URL, or the service itself.")
    @click.option("--sandbox", "use_sandbox", is_flag=True, help="Start the embedded sandbox for this call; no key.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
    @functools.wraps(command)
    def wrapped(profile: str | None, base_url: str | None, use_sandbox: bool, as_json: bool, **options: Any) -> None:
        try:
            command(session=Session(profile, base_url, use_sandbox, as_json), **options)
        except LipsyncError as error:
            explain(error, as_json=as_json)
            sys.exit(exit_code(error))
        except KeyboardInterrupt:
            click.echo("Stopped here. A job that was submitted goes on: `lipsync-nodes wait JOB_ID`.", err=True)
            sys.exit(INTERRUPTED)

    return wrapped
