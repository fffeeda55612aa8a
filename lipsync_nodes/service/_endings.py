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
    words = shorten(job.error or said(job.model_extra)) or "the service gives no reason"
    besides = f" It gives an output all the same: {job.output}." if job.output else ""
    if job.status is JobStatus.FAILED:
        raise JobFailed(f"The job failed: {words}.{besides}", job_id=job.id)
    if job.status.stopped:
        raise JobStopped(
            f"The job ended without a video, its status is {shorten(job.status.value)!r}: {words}.{besides}",
            job_id=job.id,
        )
    if job.output:
        return job
    came = _shown(job)
    raise ServiceError(
        f"The service says that the job is completed, but gives no output{came and f' that is a video: {came}'}.",
        job_id=job.id,
        may_have_charged=True,
        hint=f"Ask for the job again later (`lipsync-nodes status {job.id} --json` shows all that the service says of "
        "it); if it stays so, tell the service's support its id.",
    )


def _shown(job: Job) -> str:
    """Return what came in place of an output, shortened: its URL may be in there all the same."""
    others = {name: value for name, value in (job.model_extra or {}).items() if value and name != AS_RECEIVED}
    came = job.received.get("output") or others
    return shorten(json.dumps(came, ensure_ascii=False)) if came else ""


def _as_seen(job: Job) -> str:
    """Say what a job looked like that had not ended."""
    parts = [f"when last seen it was {shorten(job.status.value)!r}"]
    if job.status is not JobStatus.PROCESSING:
        parts.append("a status that this version does not know")
    if job.output:
        parts.append(f"with the output {job.output}")
    if words := shorten(job.error):
        parts.append(f"and the service says: {words}")
    return ", ".join(parts)


def timeout_of(job_id: str, timeout: float, seen: Job | None, trouble: LipsyncError | None) -> JobTimeout:
    """Return the error of a wait that took too long, with what was last seen of the job."""
    state = _as_seen(seen) if seen else "its state was never seen"
    last = f" Last trouble: {trouble.message}" if trouble else ""
    error = JobTimeout(
        f"Job {job_id} has not ended within {timeout:g} s; {state}.{last}",
        hint=f"It goes on and is not lost: `lipsync-nodes wait {job_id}` or client.wait({job_id!r}) waits again.",
        job_id=job_id,
    )
    error.__cause__ = trouble
    return error
