"""What every command is given: which profile, whether a sandbox is started for the call, and how to answer."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypedDict

import click
from pydantic import SecretStr

from lipsync_nodes.catalogue import NodeSpec
from lipsync_nodes.cli.speak import Progress, in_words, show
from lipsync_nodes.client import LipsyncClient
from lipsync_nodes.contract import Form, Job
from lipsync_nodes.credits import Credits, estimate_credits
from lipsync_nodes.hookspecs import plugins
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.results import source_and_target
from lipsync_nodes.settings import Profile, load_profile

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import Sandbox

__all__ = ["LENGTHS", "Connection", "Session", "Waiting", "common_options", "cost_of", "form_of"]

INTERRUPTED = 130
LENGTHS: Final = ("audio_seconds", "right_audio_seconds", "video_seconds")


@dataclass(frozen=True)
class Session:
    """The options that all commands share, and the ids of the jobs that were seen."""

    profile: str | None
    base_url: str | None
    use_sandbox: bool
    as_json: bool
    job_ids: list[str] = field(default_factory=list)

    @contextmanager
    def opened(self, *, lasting: bool = True, key_needed: bool = True) -> Iterator[Connection]:
        """Open what a command talks to, with the embedded sandbox behind it if one was asked for.

        Args:
            lasting: whether what the command does must be found again by the next one.
            key_needed: whether the service is asked at all.

        """
        with redirect_stdout(sys.stderr):  # what a plugin prints as it is loaded is no part of the answer
            plugins()
        if self.use_sandbox:
            from lipsync_nodes.sandbox.embedded import embedded  # noqa: PLC0415  # an extra, and slow to load

            with embedded(lasting=lasting) as (sandbox, folder), Ledger(folder / "ledger.sqlite") as ledger:
                yield Connection(sandbox_profile(sandbox), ledger, sandbox)
        else:
            profile = load_profile(self.profile, base_url=self.base_url, ask_plugins=key_needed)
            if key_needed:
                profile.bearer()
            with Ledger() as ledger:
                yield Connection(profile, ledger, None)

    @contextmanager
    def client(self, *, budget: int | None = None, lasting: bool = True) -> Iterator[tuple[LipsyncClient, Connection]]:
        """Open a client and what is behind it."""
        with (
            self.opened(lasting=lasting) as to,
            LipsyncClient(profile=to.profile, ledger=to.ledger, budget=budget) as client,
        ):
            yield client, to

    @contextmanager
    def progress(self, what: str, *, usual: float | None = None) -> Iterator[Progress]:
        """Show *what* is going on; the ids of the jobs that are seen are kept for an early end."""
        with Progress.shown(what, usual=usual, job_ids=self.job_ids) as progress:
            yield progress

    def interrupted(self, stopped: KeyboardInterrupt) -> None:
        """Say what goes on although the user stopped here."""
        option = " --sandbox" if self.use_sandbox else ""
        said = list(getattr(stopped, "__notes__", ()))
        said += [f"Job {job_id} is not lost: `lipsync-nodes wait {job_id}{option}`." for job_id in self.job_ids[-3:]]
        said = said or ["No job was seen."]
        message = " ".join(["Stopped.", *said, f"`lipsync-nodes jobs{option}` lists all, `resume{option}` ends them."])
        click.echo(message, err=True)
        if self.as_json:
            last = self.job_ids[-1] if self.job_ids else None
            show({"id": last, "error": {"type": "Interrupted", "message": message}}, as_json=True)


class Waiting(TypedDict):
    """The options of everything that waits, in seconds."""

    timeout: float | None
    poll_interval: float | None


@dataclass(frozen=True)
class Connection:
    """What a command talks to: an account, the ledger of this host, and perhaps a sandbox of its own."""

    profile: Profile
    ledger: Ledger
    sandbox: Sandbox | None

    def saved(self, job: Job, target: str | Path) -> Path | None:
        """Return where the job's video was saved before, if that is where it should be and it is still there."""
        entry = self.ledger.entry_of(job.id)
        path = source_and_target(job, target)[1].absolute()
        return path if entry and entry.saved_to == str(path) and path.is_file() else None


def sandbox_profile(sandbox: Sandbox) -> Profile:
    """Return the account of the embedded sandbox: its port is another each time, its jobs are the same."""
    return Profile(
        name="sandbox", account_name="embedded sandbox", api_key=SecretStr(sandbox.api_key), base_url=sandbox.base_url
    )


def form_of(spec: NodeSpec, values: Mapping[str, Any]) -> Form:
    """Build the form from a command's options or a batch's line."""
    return spec.form(**{field.name: value for field in spec.fields if (value := values.get(field.name)) is not None})


def cost_of(form: Form, values: Mapping[str, Any]) -> Credits:
    """Estimate the credits, from the lengths that were given and those of local files."""
    return estimate_credits(form, **{name: values.get(name) for name in LENGTHS})


def common_options(command: Callable[..., object]) -> Callable[..., object]:
    """Give a command the shared options as its `session`, and turn errors into words and exit codes."""

    @click.option("--profile", help="A profile of your profiles.toml; by default LIPSYNC_PROFILE.")
    @click.option("--base-url", help="Where the service is; by default LIPSYNC_BASE_URL, or the service itself.")
    @click.option("--sandbox", "use_sandbox", is_flag=True, help="Start the embedded sandbox for this call; no key.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
    @functools.wraps(command)
    def wrapped(profile: str | None, base_url: str | None, use_sandbox: bool, as_json: bool, **options: Any) -> None:
        session = Session(profile, base_url, use_sandbox, as_json)
        try:
            with in_words(as_json=as_json):
                command(session=session, **options)
        except KeyboardInterrupt as stopped:
            session.interrupted(stopped)
            sys.exit(INTERRUPTED)

    return wrapped
