"""Waits for a job and returns the result of the task, for operators and sensors, deferred or not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NoReturn

from airflow.providers.common.compat.sdk import Asset, Context

from lipsync_nodes import Job, JobFailed, JobTimeout
from lipsync_nodes.host import deadline_for, video_of
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.journal import journal_of
from lipsync_nodes_airflow.links import LipsyncJobLink, LipsyncVideoLink
from lipsync_nodes_airflow.progress import Progress, counted_wait
from lipsync_nodes_airflow.storage import save, whole_path
from lipsync_nodes_airflow.triggers import LipsyncJobTrigger

__all__ = ["BACKSTOP", "announce", "defer", "deliver", "resume"]

# Even after the deadline there is a last poll, with this many seconds for its response.
LAST_LOOK: Final = 3.0
# If the trigger itself is lost, Airflow ends the deferral this much after the deadline.
BACKSTOP: Final = timedelta(minutes=10)


def announce(task: Any, context: Context, job_id: str | None = None) -> None:
    """Set the link in the UI, and the XCom `job_id` as soon as there is a job."""
    site = LipsyncHook(task.lipsync_conn_id).site
    if job_id:
        context["ti"].xcom_push(key="job_id", value=job_id)
    LipsyncJobLink.point_to(f"{site}#{job_id}" if job_id else site, context)


def defer(task: Any, job_id: str, timeout: float, started: float, seconds: float | None = None) -> NoReturn:
    """Wait for a job in the triggerer, and continue in `execute_complete`.

    Airflow does not apply the `execution_timeout` to a deferred task (https://github.com/apache/airflow/issues/19382),
    so it is a deadline here.

    Args:
        task: the operator or sensor.
        job_id: the id of the job.
        timeout: the most seconds to wait.
        started: when this try started, in seconds since 1970.
        seconds: the length of the video in seconds, if it is known.

    """
    began = time.time()
    deadline = began + timeout
    if task.execution_timeout is not None:
        deadline = min(deadline, started + task.execution_timeout.total_seconds())
    task.defer(
        trigger=LipsyncJobTrigger(
            task.lipsync_conn_id, job_id, deadline, task.poll_interval, began=began, seconds=seconds
        ),
        method_name="execute_complete",
        timeout=timedelta(seconds=max(0.0, deadline - began)) + BACKSTOP,
    )
    raise AssertionError  # `defer` always raises


def resume(task: Any, context: Context, event: Mapping[str, Any]) -> str:
    """Deliver the job of a trigger's event."""
    known = {name: event[name] for name in ("began", "seconds") if event.get(name) is not None}
    return deliver(task, context, event["job_id"], event["deadline"], **known)


def deliver(
    task: Any,
    context: Context,
    job_id: str,
    deadline: float = 0.0,
    *,
    began: float | None = None,
    seconds: float | None = None,
    job: Job | None = None,
    just_submitted: bool = False,
) -> str:
    """Wait for a job until the deadline (seconds since 1970), save its video and return the video's URL.

    If *job* is given, it has just ended and is not polled again. When the job has ended and its video is delivered, the
    submission is released. After a timeout or a failed download it is not released, so that even a cleared task
    continues with the same job.

    Raises:
        JobTimeout: the job has not ended by the deadline.
        JobFailed: the job ended without a video.
        LipsyncError: the job cannot be polled, or its video not saved.

    """
    began = time.time() if began is None else began
    with journal_of(context) as journal, LipsyncHook(task.lipsync_conn_id).client(ledger=journal) as client:
        try:
            with counted_wait(began):
                job = video_of(
                    job
                    or client.wait(
                        job_id,
                        timeout=max(LAST_LOOK, deadline - time.time()),
                        poll_interval=task.poll_interval,
                        just_submitted=just_submitted,
                        on_update=Progress(task.log, began, seconds),
                    )
                )
        except JobTimeout as error:
            _name_the_time(task, error, deadline - began, seconds)
            raise
        except JobFailed:
            journal.release(job_id)
            raise
        saved = save(client, job, task.output_path) if task.output_path else None
        _tell(task, context, job, saved)
        journal.release(job_id)
    return str(job.output)


def _name_the_time(task: Any, error: JobTimeout, waited: float, seconds: float | None) -> None:
    """Say how long the whole wait was, of which the worker may have seen only the end."""
    limit = task.execution_timeout
    if limit is not None and waited < (task.timeout or deadline_for(seconds)) - 0.001:
        raise JobTimeout(code="airflow.execution_timeout", job_id=error.job_id, limit=limit.total_seconds()) from error
    error.facts["timeout"] = round(waited, 1)


def _tell(task: Any, context: Context, job: Job, saved: str | None) -> None:
    ti = context["ti"]
    ti.xcom_push(key="execution_time_ms", value=job.execution_time_ms)
    if saved:
        task.log.info("Saved the video of job %s as %s", job.id, whole_path(saved))
        ti.xcom_push(key="output_path", value=saved)
    LipsyncVideoLink.point_to(str(job.output), context)
    task.delivered = saved or str(job.output)
    for outlet in task.outlets:
        if isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra = {"job_id": job.id, "output": saved or job.output}
