"""The parts of a running sandbox, and how they are put together."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox.faults.rules import Faults
from lipsync_nodes.sandbox.jobs.clock import Clock, ClockKind
from lipsync_nodes.sandbox.jobs.runner import JobRunner
from lipsync_nodes.sandbox.jobs.store import API_PATH, JobStore
from lipsync_nodes.sandbox.server.files import FileStore
from lipsync_nodes.sandbox.server.journal import RequestJournal
from lipsync_nodes.sandbox.server.keys import Keys

__all__ = ["Service", "build"]


@dataclass
class Service:
    """A running sandbox without its HTTP server.

    Attributes:
        url: where it is reached, for clients that send no usable Host header.
        clock: the time by which jobs, webhooks and the expiry of outputs go.
        advance_per_poll: by how many seconds each poll of a job advances the clock.
        outputs_expire: how many seconds after the end of a job its video can be downloaded; None for no limit.
        stopping: set when the sandbox is about to stop. Requests that wait must stop waiting then.

    """

    url: str
    keys: Keys
    journal: RequestJournal
    faults: Faults
    clock: Clock
    store: JobStore
    files: FileStore
    runner: JobRunner
    advance_per_poll: float = 0.0
    outputs_expire: float | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._advance_per_poll = self.advance_per_poll

    @property
    def base_url(self) -> str:
        """The base URL of the API."""
        return self.url + API_PATH

    def begin_stop(self) -> None:
        """Announce that the sandbox is about to stop."""
        self.runner.stopping = True
        self.stopping.set()

    async def wait_unless_stopping(self, waiting: Coroutine[Any, Any, Any], seconds: float | None = None) -> None:
        """Wait for a coroutine, but at most *seconds*, and not beyond the stop of the sandbox."""
        tasks = {asyncio.ensure_future(waiting), asyncio.ensure_future(self.stopping.wait())}
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def reset(self) -> None:
        """Delete jobs, stored files, fault rules and requests. The clock does not go back."""
        self.faults.replace([])
        self.advance_per_poll = self._advance_per_poll
        await self.runner.reset()
        self.files.clear()
        self.journal.clear()

    async def close(self) -> None:
        """Stop all work and close the database."""
        try:
            await self.runner.stop()
        finally:
            self.store.close()


def build(
    folder: Path,
    url: str,
    *,
    key: str | None,
    concurrency: int,
    seconds: float,
    seed: int | None,
    faults: Faults,
    clock: ClockKind = "real",
    advance_per_poll: float = 0.0,
    outputs_expire: float | None = None,
    token: str = "",
) -> Service:
    """Build a sandbox in *folder*; raise ConfigurationError if the folder cannot be used."""
    for part in (folder, folder / "files", folder / "outputs"):
        _prepare(part)
    files = FileStore(folder / "files")
    keys = Keys(key, token)
    store = JobStore(folder / "sandbox.sqlite3", seed)  # last, because it opens the database
    time = Clock(clock, start=store.latest_moment())  # no job of an earlier run is in the future
    faults.now = time.now
    runner = JobRunner(
        folder / "outputs", store, files.find_url, faults, time, concurrency=concurrency, seconds=seconds
    )
    journal = RequestJournal(keys.mask)
    return Service(url, keys, journal, faults, time, store, files, runner, advance_per_poll, outputs_expire)


def _prepare(folder: Path) -> None:
    """Create the folder and write to it once, so that the start fails and not the first upload or video."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            code="sandbox.folder_unusable", folder=folder, reason=reason, remedy="another_folder"
        ) from None
