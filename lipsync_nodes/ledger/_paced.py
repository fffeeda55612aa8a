"""A record journal that keeps the profile's limits, which one record alone cannot count."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.flows import Accepted, Claim, Claimed, Event, Gone, Paused, Refused, Seen, Sending, Uncertain
from lipsync_nodes.ledger._file import Ledger
from lipsync_nodes.ledger._record import RecordJournal, RecordStore
from lipsync_nodes.settings import Profile

_OUTCOMES: Final = (Accepted, Gone, Paused, Refused, Seen, Uncertain)
_log = logging.getLogger("lipsync_nodes")


class PacedJournal(RecordJournal):
    """A `RecordJournal` for `max_concurrency` and `submits_per_minute`.

    The submissions are counted in a ledger that all processes of this machine share. They are there without their key:
    the host's record alone decides what has been submitted, and its client saves the video. A profile without limits
    does not use the ledger.

    Args:
        store: gets, sets and deletes the record.
        generation: as in `RecordJournal`.
        ledger: counts the submissions.

    """

    def __init__(self, store: RecordStore, generation: int | str = 0, *, ledger: Ledger) -> None:
        super().__init__(store, generation)
        self._ledger = ledger
        self._row = 0

    def record(self, event: Event, profile: Profile) -> object:
        """Record an event, and return the answer. The answer to `Sending` may be to wait for the profile's limits."""
        if profile.max_concurrency is None and profile.submits_per_minute is None:
            return super().record(event, profile)
        if isinstance(event, Sending) and (hold := self._count(replace(event, row=self._row), profile)):
            return hold
        answer = super().record(event, profile)
        if isinstance(event, Claim) and isinstance(answer, Claimed):
            claimed: Any = self._count(Claim(replace(event.submission, key=None, callback=None, target=None)), profile)
            self._row = claimed.row
        elif isinstance(event, _OUTCOMES):
            self._outcome(event, profile)
        return answer

    def _outcome(self, event: Any, profile: Profile) -> None:
        """Count how it went. The record has it already, so a failure here does not matter to the submission."""
        try:
            self._count(replace(event, row=self._row) if hasattr(event, "row") else event, profile)
        except (LipsyncError, OSError) as error:
            _log.warning("The limits of profile %s may count a submission too many: %s", profile.name, error)

    def _count(self, event: Event, profile: Profile) -> object:
        return self._ledger.record(event, profile)
