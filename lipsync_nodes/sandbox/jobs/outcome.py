"""The result of a job."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.sandbox.jobs.store import StoredJob

__all__ = ["Outcome"]


@dataclass(slots=True)
class Outcome:
    """The result of a job, as attributes of `StoredJob`."""

    error: str = ""
    cause: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    lengths: dict[str, float] = field(default_factory=dict)
    credits: int | None = None
    doubt: str = ""
    picture: dict[str, Any] = field(default_factory=dict)

    def fail(self, error: LipsyncError) -> Outcome:
        """Take over an error: its English sentence, and what it takes to say it in another language."""
        self.error = str(error)
        self.cause = {"code": error.code, "facts": error.facts, "remedy": error.remedy}
        return self

    def ending(self, job: StoredJob, now: float) -> dict[str, Any]:
        """Return what changes in a job that ends now. A fault rule may let it fail."""
        if fault := job.quirks.get("fail"):
            self.error, self.cause = fault, {}
        if self.error:
            self.output = ""
        result = {name: getattr(self, name) for name in _NAMES}
        delivery = {"state": "pending"} if job.webhook else {}
        return {**result, "status": "failed" if self.error else "completed", "ended": now, "delivery": delivery}


_NAMES: Final = tuple(field.name for field in fields(Outcome))
