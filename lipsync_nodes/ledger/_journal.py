"""The interface between a client and its record of submissions."""

from __future__ import annotations

from typing import Protocol

from lipsync_nodes.flows import Event
from lipsync_nodes.settings import Profile


class Journal(Protocol):
    """Records submissions: a `Ledger`, or a `RecordJournal` over a host's own store.

    Only a `Ledger` also has the lengths of videos, the waiting callers and the saved files. The client checks in its
    constructor whether it has one.
    """

    def record(self, event: Event, profile: Profile) -> object:
        """Record an event permanently, and return the answer that `flows._events` describes."""

    def knows(self, job_id: str) -> bool:
        """Return whether a job was submitted from here. If so, it exists, whatever a poll says."""
