"""What a client needs of the place where its submissions are recorded."""

from __future__ import annotations

from typing import Protocol

from lipsync_nodes.flows import Event
from lipsync_nodes.settings import Profile

__all__ = [
    "Journal",
]


class Journal(Protocol):
    """Records submissions: a `Ledger`, or a `RecordJournal` over what a host keeps for a task.

    What only a `Ledger` has (how long a video is, who waits for a job, where a video was saved), the client asks for
    in its constructor.
    """

    def record(self, event: Event, profile: Profile) -> object:
        """Write an event down for good, and answer it as `flows._events` says."""

    def knows(self, job_id: str) -> bool:
        """Tell whether a job was submitted from here: then it exists, whatever a poll says."""
