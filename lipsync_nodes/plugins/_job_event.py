"""What plugins are told of a job, by the hook `lipsync_job_event`."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Literal

from lipsync_nodes.errors import redact
from lipsync_nodes.plugins._manager import plugins

_log = logging.getLogger("lipsync_nodes")

__all__ = [
    "JobEvent",
    "Kind",
    "tell",
]


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
