"""A record journal that keeps the profile's limits, which one record alone cannot count."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final

from lipsync_nodes import flows
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.ledger._file import Ledger
from lipsync_nodes.ledger._record import RecordJournal, RecordStore
from lipsync_nodes.settings import Profile

_OUTCOMES: Final = (flows.Accepted, flows.Gone, flows.Paused, flows.Refused, flows.Seen, flows.Uncertain)
_log = logging.getLogger("lipsync_nodes")


class PacedJournal(RecordJournal):
    """A `RecordJournal` for `max_concurrency` and `submits_per_minute`.

    The submissions are counted in a ledger that all processes of this machine share. They are there without their key:
    the host's record alone decides what has been submitted, and its client saves the video. A profile without limits
    does not use the ledger, except for submissions with tags, which are there for reports. *store* and *generation* are
    those of a `RecordJournal`.
    """

    def __init__(self, store: RecordStore, generation: int | str = 0, *, ledger: Ledger) -> None:
        super().__init__(store, generation)
        self._ledger = ledger
        self._row = 0

    def record(self, event: flows.Event, profile: Profile) -> object:
        """Record an event, and return the answer. The answer to `Sending` may be to wait for the profile's limits."""
        limited = profile.max_concurrency is not None or profile.submits_per_minute is not None
        if not limited and not self._is_reported(event):
            return super().record(event, profile)
        if isinstance(event, flows.Sending):
            hold = self._sending(replace(event, row=self._row), profile, limited=limited)
            return hold or super().record(event, profile)
        answer = super().record(event, profile)
        if isinstance(event, flows.Claim) and isinstance(answer, flows.Claimed):
            self._claim_in_ledger(event.submission, profile, limited=limited)
        elif isinstance(event, _OUTCOMES):
            self._outcome(event, profile)
        return answer

    def _is_reported(self, event: flows.Event) -> bool:
        """Return whether it is about a submission with tags, which is in the ledger for reports."""
        if isinstance(event, flows.Claim):
            return bool(event.submission.tags)
        if isinstance(event, flows.Seen):  # perhaps in another process than that of the submission
            found = self._read() if event.job.finished else None
            return found is not None and found.job_id == event.job.id and bool(found.tags)
        return self._row > 0

    def _claim_in_ledger(self, wanted: flows.Submission, profile: Profile, *, limited: bool) -> None:
        self._row = 0
        with _not_needed(profile) if not limited else nullcontext():
            claimed: Any = self._ledger.record(
                flows.Claim(replace(wanted, key=None, callback=None, target=None)), profile
            )
            self._row = claimed.row

    def _sending(self, event: flows.Sending, profile: Profile, *, limited: bool) -> object:
        if limited:
            return self._ledger.record(event, profile)
        with _not_needed(profile):
            self._ledger.record(event, profile)
        return None

    def _outcome(self, event: Any, profile: Profile) -> None:
        """Count how it went. The record has it already, so a failure here does not matter to the submission."""
        with _not_needed(profile):
            self._ledger.record(replace(event, row=self._row) if hasattr(event, "row") else event, profile)


@contextmanager
def _not_needed(profile: Profile) -> Iterator[None]:
    """Log an error of the ledger: the submission does not depend on it."""
    try:
        yield
    except (LipsyncError, OSError) as error:
        _log.warning("The ledger's counts and reports of profile %s may be wrong: %s", profile.name, error)
