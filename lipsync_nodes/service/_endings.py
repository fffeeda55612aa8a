"""The end of a job or of a wait for it: the video, or an error."""

from __future__ import annotations

import json
from typing import NamedTuple

from lipsync_nodes.errors import JobFailed, JobStopped, JobTimeout, LipsyncError, ServiceError
from lipsync_nodes.service._job import AS_RECEIVED, Job, JobStatus
from lipsync_nodes.service._reading import said
from lipsync_nodes.service._replies import shorten


def later(job: Job, seen: Job) -> Job:
    """Return the newer state of a job that had already ended. A job that had a video keeps it."""
    had, has = (one.output and one.status is JobStatus.COMPLETED for one in (job, seen))
    return job if had and not has else seen


def video_of(job: Job) -> Job:
    """Return a job that has its video. Raise an error if it ended without one."""
    words = shorten(job.error or said(job.model_extra))
    if job.status is JobStatus.FAILED:
        raise JobFailed(code="job.failed", words=words, output=job.output, job_id=job.id)
    if job.status.stopped:
        status = shorten(job.status.value)
        raise JobStopped(code="job.stopped", status=status, words=words, output=job.output, job_id=job.id)
    if job.output:
        return job
    raise ServiceError(
        code="job.no_output", came=_shown(job), job_id=job.id, may_have_charged=True, remedy="ask_support"
    )


def _shown(job: Job) -> str:
    """Return, shortened, what came in place of an output. It may contain the URL in an unknown form."""
    others = {name: value for name, value in (job.model_extra or {}).items() if value and name != AS_RECEIVED}
    came = job.received.get("output") or others
    return shorten(json.dumps(came, ensure_ascii=False)) if came else ""


class State(NamedTuple):
    """What a wait keeps of a job that is still running: thousands may wait, and a `Job` takes ten times as much."""

    status: JobStatus
    output: str | None
    error: str


def timeout_of(job_id: str, timeout: float, seen: State | None, trouble: LipsyncError | None) -> JobTimeout:
    """Return the error for a wait that took too long, with the last known state of the job."""
    error = JobTimeout(
        code="job.timeout",
        job_id=job_id,
        timeout=timeout,
        status=shorten(seen.status.value) if seen else None,
        unknown=seen is not None and seen.status is not JobStatus.PROCESSING,
        output=seen.output if seen else None,
        words=shorten(seen.error) if seen else "",
        trouble=trouble,
    )
    error.__cause__ = trouble
    return error
