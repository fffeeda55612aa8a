"""Job events: what plugins are told by `lipsync_job_event`, after the ledger and in the order in which it happened."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes.errors import redact
from lipsync_nodes.flows import Accepted, Event, Refused, Seen, Uncertain
from lipsync_nodes.plugins import plugins
from lipsync_nodes.service import Job, JobStatus

if TYPE_CHECKING:
    from lipsync_nodes.ledger import Ledger
from lipsync_nodes.plugins import JobEvent, Kind, tell

__all__ = [
    "observed",
    "report",
    "report_saved",
]


_log = logging.getLogger("lipsync_nodes")


_ENDS: Final[dict[JobStatus, Kind]] = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed"}


def observed(event: Event | None = None) -> bool:
    """Tell whether anybody listens, and to this event; where nobody does, nothing is put together."""
    told = event is None or isinstance(event, Accepted | Seen | Refused | Uncertain)
    return told and bool(plugins().hook.lipsync_job_event.get_hookimpls())


def report(event: Event, ledger: Ledger, account: str) -> None:
    """Tell observers of what a flow has written down, if it concerns them."""
    match event:
        case Accepted(_, job):
            _report("submitted", ledger, account, job=job)
        case Seen(job):
            _report("stopped" if job.status.stopped else _ENDS.get(job.status, "updated"), ledger, account, job=job)
        case Refused(row, reason):
            _report("refused", ledger, account, row=row, reason=reason)
        case Uncertain(row, reason):
            _report("uncertain", ledger, account, row=row, reason=reason)


def report_saved(job: Job | None, url: str, path: Path, ledger: Ledger, account: str) -> None:
    """Tell observers that a video was saved."""
    _report("downloaded", ledger, account, job=job, output=url, path=str(path))


def _report(
    kind: Kind, ledger: Ledger, account: str, *, job: Job | None = None, row: int | None = None, **facts: Any
) -> None:
    """Put together what is known and tell it; nothing that fails here reaches the flow."""
    if not observed():
        return
    try:
        if job is not None:
            facts = {"job_id": job.id, "status": job.status.value, "output": job.output, "reason": job.error} | facts
        if entry := ledger.entry_of(job.id) if job else ledger.entry(row):
            facts |= {"endpoint": entry.endpoint, "submission_key": entry.key, "credits": entry.credits}
        tell(JobEvent(kind=kind, account=account, **facts))
    except Exception as error:  # noqa: BLE001  # a job is worth more than the news of it
        _log.warning("Observers could not be told %s: %s", kind, redact(repr(error)))
