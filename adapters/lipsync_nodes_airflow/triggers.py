"""Waiting in the triggerer: no worker slot, no thread, one connection pool and one TLS context for the whole loop."""

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

# Airflow fails a task that is resumed before the worker that deferred it is seen to be gone, which takes that worker's
# last heartbeat and a little more: https://github.com/apache/airflow/issues/72716. A video takes longer; only what has
# ended already, the job of an earlier try for example, would come too early.
HANDOVER: Final = 1.0 + conf.getint("workers", "min_heartbeat_interval", fallback=5)


class LipsyncJobTrigger(BaseTrigger):
    """Fires when it is time to look at a job: it has ended, it cannot be asked for, or the deadline has come.

    It only ever looks, so it may run twice or be moved to another triggerer at any time. What it saw is not in the
    event: the task asks again, and gets the typed error or a fresh URL of the video.

    Args:
        lipsync_conn_id: which connection; the key itself is nowhere in a trigger.
        job_id: which job.
        deadline: until when to wait, in seconds since 1970: another triggerer has another clock of its own.
        poll_interval: mean seconds between two looks; None for the core's default.

    """

    def __init__(self, lipsync_conn_id: str, job_id: str, deadline: float, poll_interval: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.lipsync_conn_id = lipsync_conn_id
        self.job_id = job_id
        self.deadline = deadline
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, all of them plain JSON and none that changes."""
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
        """Wait by the core's rules, passing errors included, and fire once."""
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
        """Destroy nothing: this is also called when a trigger merely moves. A retry or a clear picks the job up."""
        self.log.info("Nobody waits for job %s any more; it goes on at the service.", self.job_id)
