"""One submission in the ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lipsync_nodes.ledger._targets import file_identity
from lipsync_nodes.service import Job
from lipsync_nodes.settings import EMBEDDED_ACCOUNT

# In these states, a key belongs to one submission only. A unique index enforces it.
KEEPS_KEY: Final = "state NOT IN ('refused', 'failed')"
# Rows that reserve a file for a video that is not saved yet.
UNSAVED: Final = "saved_to IS NULL AND target IS NOT NULL AND state NOT IN ('failed', 'refused', 'stopped')"
# The states of a job that has ended.
ENDS: Final = frozenset({"completed", "failed", "stopped"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission in the ledger. Times are in seconds since 1970."""

    row: int
    account: str
    key: str | None
    endpoint: str
    form: str
    state: str
    lease_until: float | None
    created_at: float
    sent_at: float | None
    ended_at: float | None
    looked_at: float | None
    job_id: str | None
    job: str | None
    reason: str | None
    credits: int | None
    seconds: float | None
    target: str | None
    saved_to: str | None
    callback: str | None
    webhook_job_id: str | None
    webhook_at: float | None
    handled_at: float | None
    inputs: str | None
    tags_text: str | None
    verification_text: str | None
    profile: str | None

    @property
    def as_job(self) -> Job | None:
        """The job, as last seen; None if there is none yet."""
        return job_kept(self.job, self.job_id)

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that the caller gave it."""
        return _object(self.tags_text) or {}

    @property
    def verification(self) -> Mapping[str, Any] | None:
        """The latest verification of its video, as JSON types; None if there is none."""
        return _object(self.verification_text)

    @property
    def verdict(self) -> str | None:
        """The verdict of the verification, such as `in_sync`; None if there is none."""
        found = (self.verification or {}).get("verdict")
        return found if isinstance(found, str) else None

    @property
    def preview(self) -> bool:
        """Whether an embedded sandbox made it, not the service."""
        return self.account.startswith(EMBEDDED_ACCOUNT)

    @property
    def resolution(self) -> str | None:
        """The resolution of the video, if the form has one."""
        return self._text("resolution")

    @property
    def order(self) -> str | None:
        """The order in which two people speak, if the form has one."""
        return self._text("order")

    def _text(self, field: str) -> str | None:
        found = (_object(self.form) or {}).get(field)
        return found if isinstance(found, str) else None

    def is_saved_as(self, file: Path) -> bool:
        """Return whether the job's video was saved as this file and the file still exists."""
        return self.saved_to is not None and file.is_file() and file_identity(self.saved_to) == file_identity(file)


def _object(text: str | None) -> dict[str, Any] | None:
    """Read a recorded JSON object; None if there is none, or if it can no longer be read."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def job_kept(text: str | None, job_id: str | None) -> Job | None:
    """Read a recorded job. If it can no longer be read, return a job with only the id, which can be polled."""
    if not text:
        return None
    try:
        return Job.model_validate_json(text)
    except ValueError:
        return Job(id=job_id) if job_id else None
