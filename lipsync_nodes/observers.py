"""Job events: what plugins are told by `lipsync_job_event`, after the ledger and in the order in which it happened."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from lipsync_nodes.contract import Job, JobStatus
from lipsync_nodes.errors import redact
from lipsync_nodes.events import Accepted, Event, Refused, Seen, Unsure
from lipsync_nodes.hookspecs import plugins

if TYPE_CHECKING:
    from lipsync_nodes.ledger import Journal

__all__ = ["JobEvent", "Kind", "observed", "report", "report_saved", "tell"]

_log = logging.getLogger("lipsync_nodes")

Kind = Literal["submitted", "updated", "completed", "failed", "stopped", "downloaded", "refused", "uncertain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One thing that happened to a job. Values only, and no key in any of them.

    Attributes:
        kind: `submitted`, `updated` (a look at a job that is not finished), `completed`, `failed`, `stopped` (it was
            cancelled, timed out …), `downloaded`; `refused` (surely no job was made), `uncertain` (nobody knows whether
            one was).
        account: whose job it is, as the ledger calls it.
        job_id: its id; None where there is no job.
        endpoint: `lipsync-image`; None where the ledger does not know, as of a job that was submitted elsewhere.
        submission_key: what the submit gave as its key.
        credits: what it costs at most, as far as that was known at the submit.
        status: the service's own word.
        output: URL of the video.
        reason: why it failed, was refused or is uncertain; empty otherwise.
        path: the file that the video was saved to.
        at: when it was told, in seconds since 1970.

    """

    kind: Kind
    account: str
    job_id: str | None = None
    endpoint: str | None = None
    submission_key: str | None = None
    credits: int | None = None
    status: str | None = None
    output: str | None = None
    reason: str = ""
    path: str | None = None
    at: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        for name in ("job_id", "submission_key", "status", "output", "reason"):
            if text := getattr(self, name):
                object.__setattr__(self, name, redact(text))


_ENDS: Final[dict[JobStatus, Kind]] = {JobStatus.COMPLETED: "completed", JobStatus.FAILED: "failed"}


def observed(event: Event | None = None) -> bool:
    """Tell whether anybody listens, and to this event; where nobody does, nothing is put together."""
    told = event is None or isinstance(event, Accepted | Seen | Refused | Unsure)
    return told and bool(plugins().hook.lipsync_job_event.get_hookimpls())


def report(event: Event, ledger: Journal, account: str) -> None:
    """Tell observers of what a flow has written down, if it concerns them."""
    match event:
        case Accepted(_, job):
            _report("submitted", ledger, account, job=job)
        case Seen(job):
            _report("stopped" if job.status.stopped else _ENDS.get(job.status, "updated"), ledger, account, job=job)
        case Refused(row, reason):
            _report("refused", ledger, account, row=row, reason=reason)
        case Unsure(row, reason):
            _report("uncertain", ledger, account, row=row, reason=reason)


def report_saved(job: Job | None, url: str, path: Path, ledger: Journal, account: str) -> None:
    """Tell observers that a video was saved."""
    _report("downloaded", ledger, account, job=job, output=url, path=str(path))


def _report(
    kind: Kind, ledger: Journal, account: str, *, job: Job | None = None, row: int | None = None, **facts: Any
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


def tell(event: JobEvent) -> None:
    """Tell each observer; one that raises is logged, and the next is told all the same.

    Each is called by itself, because pluggy stops at the first that raises. Only Ctrl-C gets through.
    """
    for observer in reversed(plugins().hook.lipsync_job_event.get_hookimpls()):
        try:
            observer.function(*(event for _ in observer.argnames))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # it is somebody else's code; no sys.exit in it may lose a job id
            _log.warning("The plugin %s failed when told %s: %s", observer.plugin_name, event.kind, redact(repr(error)))
