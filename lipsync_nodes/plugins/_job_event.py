"""The events of jobs, for the hook `lipsync_job_event`."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Literal

from lipsync_nodes._redaction import redact
from lipsync_nodes.plugins._manager import plugins

_log = logging.getLogger("lipsync_nodes")


Kind = Literal["submitted", "updated", "completed", "failed", "stopped", "downloaded", "refused", "uncertain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """Something that happened to a job. It contains plain values and no API key.

    Attributes:
        kind: `submitted`, `updated` (polled and not finished), `completed`, `failed`, `stopped` (cancelled, timed
            out …), `downloaded`, `refused` (certainly no job exists), or `uncertain` (a job may exist).
        account: the account of the job, as the ledger names it.
        job_id: the id of the job; None if there is no job.
        endpoint: the endpoint, such as `lipsync-image`; None if the ledger does not know the job.
        submission_key: the submission key.
        credits: the most credits that the job can cost, if that was known at the submission.
        status: the status in the service's own words.
        output: the URL of the video.
        reason: why the job failed, was refused or is uncertain; empty otherwise.
        path: the file in which the video was saved.
        at: the time of the event, in seconds since 1970.

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


def tell(event: JobEvent) -> None:
    """Call each observer. Log the error of one that raises, and continue with the next.

    Observers are called one by one, because pluggy stops at the first that raises. Only Ctrl-C is not caught.
    """
    for observer in reversed(plugins().hook.lipsync_job_event.get_hookimpls()):
        try:
            observer.function(*(event for _ in observer.argnames))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # third-party code; even a sys.exit in it must not lose a job id
            _log.warning("The plugin %s failed when told %s: %s", observer.plugin_name, event.kind, redact(repr(error)))
