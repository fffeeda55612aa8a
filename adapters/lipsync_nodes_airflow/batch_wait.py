"""Waits for many jobs at once, in the triggerer or in the worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent

from lipsync_nodes import AsyncLipsyncClient, LipsyncError
from lipsync_nodes_airflow import triggers
from lipsync_nodes_airflow.hooks import LipsyncHook

__all__ = ["LipsyncBatchTrigger", "wait_for"]

# All jobs together are polled this often in a second, unless `poll_interval` is given.
POLLS_PER_SECOND: Final = 20
EVERY: Final = 60.0


async def wait_for(
    client: AsyncLipsyncClient,
    job_ids: Sequence[str],
    deadline: float,
    poll_interval: float | None,
    *,
    enough: int,
    log: Callable[[str, int, int], object],
) -> None:
    """Return when *enough* of the jobs have ended or cannot be polled, or at the deadline (seconds since 1970)."""
    if poll_interval is None and len(job_ids) > POLLS_PER_SECOND * 8:
        poll_interval = len(job_ids) / POLLS_PER_SECOND
    left = max(1.0, deadline - time.time())

    async def ended(job_id: str) -> bool:
        try:
            await client.wait(job_id, timeout=left, poll_interval=poll_interval, just_submitted=True)
        except LipsyncError as error:  # the task polls again, and gets the error
            return not error.retryable
        return True

    waiting = [asyncio.create_task(ended(job_id)) for job_id in job_ids]
    count, told = 0, time.monotonic()
    try:
        for next_ in asyncio.as_completed(waiting):
            count += await next_
            if count >= enough:
                break
            if time.monotonic() - told > EVERY:
                told = time.monotonic()
                log("%d of %d jobs have ended", count, len(job_ids))
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class LipsyncBatchTrigger(BaseTrigger):
    """Fires when enough jobs of a batch have ended, or at the deadline. It only polls.

    Args:
        lipsync_conn_id: the id of the connection.
        job_ids: the ids of the jobs.
        deadline: when to stop waiting, in seconds since 1970.
        poll_interval: the average number of seconds between two polls of a job.
        enough: the number of jobs to wait for.
        started: when the try started, for the event.

    """

    def __init__(
        self,
        lipsync_conn_id: str,
        job_ids: Sequence[str],
        deadline: float,
        poll_interval: float | None = None,
        *,
        enough: int,
        started: float = 0.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.lipsync_conn_id = lipsync_conn_id
        self.job_ids = list(job_ids)
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.enough = enough
        self.started = started

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as JSON types."""
        names = ("lipsync_conn_id", "job_ids", "deadline", "poll_interval", "enough", "started")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def wait(self) -> None:
        """Wait until it is time to fire."""
        async with await LipsyncHook(self.lipsync_conn_id).async_client(ledger=None) as client:
            await wait_for(
                client, self.job_ids, self.deadline, self.poll_interval, enough=self.enough, log=self.log.info
            )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        await asyncio.sleep(triggers.HANDOVER)
        await self.wait()
        yield TriggerEvent({"deadline": self.deadline, "started": self.started})

    async def on_kill(self) -> None:
        """Leave the jobs running: this is also called when a trigger is moved. A retry or a cleared task continues."""
        self.log.info("Nobody waits for the %d jobs of the batch any more; they go on.", len(self.job_ids))
