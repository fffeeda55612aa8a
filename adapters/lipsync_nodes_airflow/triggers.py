"""The trigger: waits in the triggerer, without a worker slot or a thread. All triggers share one connection pool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

from lipsync_nodes import LipsyncError
from lipsync_nodes_airflow.hooks import LipsyncHook

__all__ = ["LipsyncJobTrigger"]

# Airflow fails a task that is resumed while the worker that deferred it still counts as running. That takes until its
# last heartbeat and a little more: https://github.com/apache/airflow/issues/72716. A video takes longer than that, but
# the job of an earlier try may have ended already.
HANDOVER: Final = 1.0 + conf.getint("workers", "min_heartbeat_interval", fallback=5)


class LipsyncJobTrigger(BaseTrigger):
    """Fires when a job has ended, when it cannot be polled, or at the deadline.

    It only polls, so it may run twice or be moved to another triggerer at any time. The event does not contain the
    result: the task polls again, and gets the error or a new URL of the video.

    Args:
        lipsync_conn_id: the id of the connection. The API key is never in a trigger.
        job_id: the id of the job.
        deadline: when to stop waiting, in seconds since 1970, which is the same on all triggerers.
        poll_interval: the average number of seconds between two polls; None for the core's default.

    """

    def __init__(self, lipsync_conn_id: str, job_id: str, deadline: float, poll_interval: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.lipsync_conn_id = lipsync_conn_id
        self.job_id = job_id
        self.deadline = deadline
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as JSON types."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "lipsync_conn_id": self.lipsync_conn_id,
                "job_id": self.job_id,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait as the core does, which retries temporary errors, and fire once."""
        client = await LipsyncHook(self.lipsync_conn_id).async_client()
        async with client:
            await asyncio.sleep(HANDOVER)
            try:
                left = max(1.0, self.deadline - time.time())
                await client.wait(self.job_id, timeout=left, poll_interval=self.poll_interval, just_submitted=True)
            except LipsyncError as error:
                self.log.warning("%s", error.speak("airflow"))
        yield TriggerEvent({"job_id": self.job_id, "deadline": self.deadline})

    async def on_kill(self) -> None:
        """Leave the job running: this is also called when a trigger is moved. A retry or a cleared task continues."""
        self.log.info("Nobody waits for job %s any more; it goes on at the service.", self.job_id)
