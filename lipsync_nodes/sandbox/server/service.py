"""The parts of a sandbox and what they share."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox.faults.rules import Faults
from lipsync_nodes.sandbox.jobs.runner import Works
from lipsync_nodes.sandbox.jobs.store import JobStore
from lipsync_nodes.sandbox.server.files import FileStore
from lipsync_nodes.sandbox.server.journal import Journal
from lipsync_nodes.sandbox.server.responses import Keys

__all__ = ["Service", "build"]


@dataclass
class Service:
    """A running sandbox, without its server.

    Attributes:
        url: how it calls itself where nobody tells it otherwise.
        stopping: set when it is about to end; whoever makes a client wait looks at it.

    """

    url: str
    keys: Keys
    journal: Journal
    faults: Faults
    store: JobStore
    files: FileStore
    works: Works
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def leave(self) -> None:
        """Say that the sandbox is about to end."""
        self.works.leaving = True
        self.stopping.set()

    async def unless_stopping(self, waiting: Coroutine[Any, Any, Any], seconds: float | None = None) -> None:
        """Wait for something, for *seconds* at most, and no longer than the sandbox runs."""
        tasks = {asyncio.ensure_future(waiting), asyncio.ensure_future(self.stopping.wait())}
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def reset(self) -> None:
        """Forget jobs, faults and requests; files stay, their URLs stand for their content."""
        self.faults.replace([])
        await self.works.reset()
        self.journal.clear()

    async def close(self) -> None:
        """End all work and close the database."""
        try:
            await self.works.stop()
        finally:
            self.store.close()


def build(
    folder: Path, url: str, *, key: str | None, concurrency: int, seconds: float, seed: int | None, faults: Faults
) -> Service:
    """Put a sandbox together in *folder*; raise ConfigurationError if that cannot be used."""
    for part in (folder, folder / "files", folder / "outputs"):
        _prepare(part)
    files = FileStore(folder / "files")
    keys = Keys(key)
    store = JobStore(folder / "sandbox.sqlite3", seed)  # last, for it is open from now on
    works = Works(folder, store, files, faults, concurrency=concurrency, seconds=seconds)
    return Service(url, keys, Journal(keys.mask), faults, store, files, works)


def _prepare(folder: Path) -> None:
    """Make the folder, and try now what the first upload or video would find out."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"The folder {folder} cannot be used: {reason}.", hint="Choose another one, which can be written to."
        ) from None
