"""What a client writes submissions down in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lipsync_nodes.flows import Event
from lipsync_nodes.ledger._entry import Entry
from lipsync_nodes.ledger._watching import Bell
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

__all__ = [
    "Journal",
]


class Journal(Protocol):
    """What a client writes submissions down in: a `Ledger`, or what a host has for the purpose."""

    bell: Bell

    def record(self, event: Event, profile: Profile) -> object:
        """Write an event down for good, and answer it as `flows._events` says."""

    def entry_of(self, job_id: str) -> Entry | None:
        """Return the submission that made a job, if it is kept."""

    def entry(self, row: int | None) -> Entry | None:
        """Return one submission by its row, if it is kept."""

    def knows(self, job_id: str) -> bool:
        """Tell whether a job was submitted from here: then it is there, whatever a poll says."""

    def ended(self, job_id: str) -> Job | None:
        """Return a job as it ended, if that was heard of."""

    def secret(self) -> str:
        """Return the secret that callback tokens are made with; raise `ConfigurationError` if there is none."""

    def saved(self, job_id: str, path: Path) -> None:
        """Hear where a job's video was saved."""

    def close(self) -> None:
        """Let go of what is open."""
