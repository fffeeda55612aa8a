"""Waits for a job and returns the result of the task, for operators and sensors, deferred or not."""

from __future__ import annotations

import time
from typing import Any, Final

from airflow.providers.common.compat.sdk import Asset, Context

from lipsync_nodes import Job, JobFailed
from lipsync_nodes.host import video_of
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.journal import journal_of
from lipsync_nodes_airflow.links import LipsyncJobLink
from lipsync_nodes_airflow.storage import save

__all__ = ["announce", "deliver"]

# Even after the deadline there is a last poll, with this many seconds for its response.
LAST_LOOK: Final = 3.0


def announce(task: Any, context: Context, job_id: str) -> None:
    """Set the XCom `job_id` and the link in the UI before the task waits."""
    task.log.info("Job %s", job_id)
    context["ti"].xcom_push(key="job_id", value=job_id)
    LipsyncJobLink.point_to(LipsyncHook(task.lipsync_conn_id).site, context)


def deliver(
    task: Any,
    context: Context,
    job_id: str,
    deadline: float = 0.0,
    *,
    job: Job | None = None,
    just_submitted: bool = False,
) -> str:
    """Wait for a job until the deadline (seconds since 1970), save its video and return the video's URL.

    If *job* is given, it has just ended and is not polled again. When the job has ended and its video is delivered, the
    submission is released. After a timeout or a failed download it is not released, so that even a cleared task
    continues with the same job.
    """
    with journal_of(context) as journal, LipsyncHook(task.lipsync_conn_id).client(ledger=journal) as client:
        try:
            left = max(LAST_LOOK, deadline - time.time())
            job = video_of(
                job
                or client.wait(job_id, timeout=left, poll_interval=task.poll_interval, just_submitted=just_submitted)
            )
        except JobFailed:
            journal.release(job_id)
            raise
        saved = save(client, job, task.output_path) if task.output_path else None
        _tell(task, context, job, saved)
        journal.release(job_id)
    return str(job.output)


def _tell(task: Any, context: Context, job: Job, saved: str | None) -> None:
    ti = context["ti"]
    ti.xcom_push(key="execution_time_ms", value=job.execution_time_ms)
    if saved:
        task.log.info("The video is in %s", saved)
        ti.xcom_push(key="output_path", value=saved)
    LipsyncJobLink.point_to(str(job.output), context)
    task.delivered = saved or str(job.output)
    for outlet in task.outlets:
        if isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra = {"job_id": job.id, "output": saved or job.output}
