"""Whether the same inputs were paid for before."""

from __future__ import annotations

from contextlib import suppress

from lipsync_nodes.checks._request import Paid
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.ledger import Journal, Ledger
from lipsync_nodes.media import PreparedForm, content_key
from lipsync_nodes.settings import Profile


def holds(journal: Journal | None, key: str | None, profile: Profile) -> bool:
    """Return whether a record of submissions has this key. A host's own kind of record need not be able to say."""
    ask = getattr(journal, "holds", None)
    return key is not None and ask is not None and bool(ask(key, profile))


def paid_before(form: PreparedForm, profile: Profile, journal: Journal | None, key: str | None) -> Paid | None:
    """Return the submission that has this key, or the one that was made with the same inputs by `content_key`."""
    if key is not None:
        return Paid(_job_of(journal, key, profile)) if holds(journal, key, profile) else None
    if not isinstance(journal, Ledger):
        return None
    with suppress(LipsyncError):  # a file that cannot be read is found elsewhere
        same = content_key(form, profile)
        if holds(journal, same, profile):
            return Paid(_job_of(journal, same, profile), by_key=False)
    return None


def _job_of(journal: Journal | None, key: str, profile: Profile) -> str | None:
    job = journal.job_under(key, profile) if isinstance(journal, Ledger) else None
    return job.id if job else None
