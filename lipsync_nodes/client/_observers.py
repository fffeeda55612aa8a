"""Reports job events to plugins by `lipsync_job_event`, after they are recorded in the ledger, and in order."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes._redaction import redact
from lipsync_nodes.flows import Accepted, Event, Refused, Seen, Uncertain
from lipsync_nodes.plugins import JobEvent, Kind, plugins, tell
from lipsync_nodes.service import Job, JobStatus

if TYPE_CHECKING:
    from lipsync_nodes.ledger import Ledger

_log = logging.getLogger("lipsync_nodes")

_ENDS: Final[dict[JobStatus, Kind]] = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed"}


def observed(event: Event | None = None) -> bool:
    """Return whether there are observers for this event. If not, no event is built."""
    concerned = event is None or isinstance(event, Accepted | Seen | Refused | Uncertain)
    return concerned and bool(plugins().hook.lipsync_job_event.get_hookimpls())


def report(event: Event, ledger: Ledger, account: str) -> None:
    """Report a recorded event to the observers, if it is one for them."""
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
    _report("downloaded", ledger, account, job=job, output=url, path=str(path))


def _report(
    kind: Kind, ledger: Ledger, account: str, *, job: Job | None = None, row: int | None = None, **facts: Any
) -> None:
    """Build an event and report it. Errors here do not affect the flow."""
    if not observed():
        return
    try:
        if job is not None:
            facts = {"job_id": job.id, "status": job.status.value, "output": job.output, "reason": job.error} | facts
        if entry := ledger.entry_of(job.id) if job else ledger.entry(row):
            facts |= {"endpoint": entry.endpoint, "submission_key": entry.key, "credits": entry.credits}
        tell(JobEvent(kind=kind, account=account, **facts))
    except Exception as error:  # noqa: BLE001  # the job matters more than the report
        _log.warning("Observers could not be told %s: %s", kind, redact(repr(error)))
