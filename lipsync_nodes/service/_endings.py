"""What the end of a job means, or of a wait for it: its video, or the error that says what came instead."""

from __future__ import annotations

import json

from lipsync_nodes.errors import JobFailed, JobStopped, JobTimeout, LipsyncError, ServiceError
from lipsync_nodes.service._job import AS_RECEIVED, Job, JobStatus
from lipsync_nodes.service._reading import said
from lipsync_nodes.service._replies import shorten

__all__ = [
    "later",
    "timeout_of",
    "video_of",
]


def later(job: Job, seen: Job) -> Job:
    """Return how a job stands that had ended before and was looked at again: no later word undoes a video."""
    had, has = (one.output and one.status is JobStatus.COMPLETED for one in (job, seen))
    return job if had and not has else seen


def video_of(job: Job) -> Job:
    """Return a job that has its video; raise for one that ended without."""
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
    """Return what came in place of an output, shortened: its URL may be in there all the same."""
    others = {name: value for name, value in (job.model_extra or {}).items() if value and name != AS_RECEIVED}
    came = job.received.get("output") or others
    return shorten(json.dumps(came, ensure_ascii=False)) if came else ""


def timeout_of(job_id: str, timeout: float, seen: Job | None, trouble: LipsyncError | None) -> JobTimeout:
    """Return the error of a wait that took too long, with what was last seen of the job."""
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
