"""What all commands share: the profile, the sandbox, and the form of the output."""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import click
from pydantic import SecretStr

from lipsync_nodes import AsyncLipsyncClient, Credits, Job, Ledger, LipsyncClient, LipsyncError, Profile
from lipsync_nodes.cli.output import RUN
from lipsync_nodes.cli.speak import Progress, in_words, say
from lipsync_nodes.host import (
    NodeSpec,
    PreparedForm,
    file_identity,
    known_credits,
    load_profile,
    plugins,
    source_and_target,
)

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import Sandbox

__all__ = ["Connection", "Session", "Waiting", "common_options", "cost_of", "form_of", "lengths_of", "means_sandbox"]


@dataclass(frozen=True)
class Session:
    """The options that all commands share."""

    profile: str | None
    base_url: str | None
    use_sandbox: bool
    as_json: bool

    @contextmanager
    def opened(self, *, lasting: bool = True, key_needed: bool = True) -> Iterator[Connection]:
        """Open the connection of a command: to the service, or to an embedded sandbox.

        Args:
            lasting: whether the next command has to find the jobs of this one.
            key_needed: whether the command uses the service at all.

        """
        with redirect_stdout(sys.stderr):  # what a plugin prints while it is loaded is not part of the result
            plugins()
        if self.use_sandbox:
            from lipsync_nodes.sandbox import embedded  # noqa: PLC0415  # an extra, and slow to load

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
        """Open a client and its connection."""
        with (
            self.opened(lasting=lasting) as to,
            LipsyncClient(profile=to.profile, ledger=to.ledger, budget=budget) as client,
        ):
            yield client, to

    @contextmanager
    def progress(self, what: str, *, usual: float | None = None) -> Iterator[Progress]:
        """Show *what* is going on."""
        with Progress.shown(what, usual=usual) as progress:
            yield progress

    def say_no_jobs(self, command: str) -> None:
        """Say that a list is empty, and where the jobs of `--sandbox` are."""
        there = "" if self.use_sandbox else f" Those made with --sandbox: `lipsync-nodes {command} --sandbox`."
        say(f"No jobs found.{there}")


class Waiting(TypedDict):
    """The options of all commands that wait, in seconds."""

    timeout: float | None
    poll_interval: float | None


@dataclass(frozen=True)
class Connection:
    """What a command uses: a profile, the ledger of this host, and its own sandbox, if there is one."""

    profile: Profile
    ledger: Ledger
    sandbox: Sandbox | None

    def place(self, job: Job, target: str | Path, progress: Progress) -> tuple[Path, bool]:
        """Return the file for a job's video, and whether it already exists. No two jobs have the same file."""
        wanted = source_and_target(job, target)[1]
        file = self.ledger.place(job.id, wanted)
        if file_identity(file) != file_identity(wanted):
            progress.line(f"{wanted} is the file of another job: the video of job {job.id} goes to {file}")
        entry = self.ledger.entry_of(job.id)
        return file, entry is not None and entry.is_saved_as(file)

    def save(self, client: LipsyncClient, job: Job, target: str | Path, progress: Progress) -> Path:
        """Save a job's video unless it already exists, and return its path."""
        file, there = self.place(job, target, progress)
        return file if there else client.download(job, file, on_progress=progress.loaded)

    async def asave(self, client: AsyncLipsyncClient, job: Job, target: str | Path, progress: Progress) -> Path:
        """Save a job's video; see `save`."""
        file, there = await asyncio.to_thread(self.place, job, target, progress)
        return file if there else await client.download(job, file)


def sandbox_profile(sandbox: Sandbox) -> Profile:
    """Return the profile of the embedded sandbox. Its account is fixed, because its port changes with each start."""
    return Profile(
        name="sandbox", account_name="embedded sandbox", api_key=SecretStr(sandbox.api_key), base_url=sandbox.base_url
    )


def form_of(spec: NodeSpec, values: Mapping[str, Any], *, draft: bool = False) -> PreparedForm:
    """Build the form from a command's options or a line of a batch. A *draft* may lack required fields."""
    given = {field.name: value for field in spec.fields if (value := values.get(field.name)) is not None}
    return PreparedForm((spec.draft if draft else spec.form)(**given))


def lengths_of(spec: NodeSpec, values: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the lengths in a command's options or in a line of a batch, by field name."""
    return {field.name: values.get(field.seconds) for field in spec.timed}


def cost_of(form: PreparedForm, values: Mapping[str, Any]) -> Credits | None:
    """Estimate the credits from the given lengths and those of local files. None if a length is not known."""
    return known_credits(form, lengths=lengths_of(form.spec, values), allow_long=values.get("allow_long", False))


def means_sandbox(profile: str | None, base_url: str | None) -> bool:
    """Return whether the built-in profile `sandbox` was chosen, which is the same as `--sandbox`."""
    if (profile or os.environ.get("LIPSYNC_PROFILE")) != "sandbox":
        return False
    try:
        return load_profile(profile, base_url=base_url, ask_plugins=False).embedded
    except LipsyncError:
        return False  # the command itself reports it


def common_options(command: Callable[..., object]) -> Callable[..., object]:
    """Pass the shared options to a command as its `session`, and turn errors into messages and exit codes."""

    @click.option("--profile", help="Name of a profile in profiles.toml, or sandbox. Default: LIPSYNC_PROFILE.")
    @click.option("--base-url", help="URL of the service. Default: LIPSYNC_BASE_URL, or https://lipsync.studio/api/v1.")
    @click.option(
        "--sandbox", "use_sandbox", is_flag=True, help="Use a sandbox that runs for this command; needs no API key."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout and nothing else.")
    @functools.wraps(command)
    def wrapped(profile: str | None, base_url: str | None, use_sandbox: bool, as_json: bool, **options: Any) -> None:
        use_sandbox = use_sandbox or means_sandbox(profile, base_url)
        session = Session(profile, base_url, use_sandbox, as_json)
        RUN.option = " --sandbox" if use_sandbox else ""
        with in_words(as_json=as_json):
            command(session=session, **options)

    return wrapped
