"""The trigger: waits in the triggerer, without a worker slot or a thread. All triggers share one connection pool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from airflow.providers.common.compat.sdk import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

from lipsync_nodes import JobTimeout, LipsyncError
from lipsync_nodes.host import redact
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.progress import Progress

__all__ = ["LipsyncJobTrigger"]

# Airflow fails a task that is resumed while the worker that deferred it still counts as running. That takes until its
# last heartbeat and a little more: https://github.com/apache/airflow/issues/72716. A video takes longer than that, but
# the job of an earlier try may have ended already. The job is polled meanwhile.
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
        began: when the wait began, in seconds since 1970.
        seconds: the length of the video in seconds, if it is known.

    """

    def __init__(
        self,
        lipsync_conn_id: str,
        job_id: str,
        deadline: float,
        poll_interval: float | None = None,
        *,
        began: float | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.lipsync_conn_id = lipsync_conn_id
        self.job_id = job_id
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.began = began
        self.seconds = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as JSON types."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "lipsync_conn_id": self.lipsync_conn_id,
                "job_id": self.job_id,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
                "began": self.began,
                "seconds": self.seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait as the core does, which retries temporary errors, and fire once."""
        await asyncio.gather(self._wait(), asyncio.sleep(HANDOVER))
        facts = {"job_id": self.job_id, "deadline": self.deadline, "began": self.began, "seconds": self.seconds}
        yield TriggerEvent(facts)

    async def _wait(self) -> None:
        """Wait for the end of the job. Whatever fails here, the job is paid for, and a worker can wait for it."""
        try:
            async with await LipsyncHook(self.lipsync_conn_id).async_client(ledger=None) as client:
                await client.wait(
                    self.job_id,
                    timeout=max(1.0, self.deadline - time.time()),
                    poll_interval=self.poll_interval,
                    just_submitted=True,
                    on_update=Progress(self.log, self.began or time.time(), self.seconds),
                )
        except JobTimeout:
            self.log.info("Job %s has not ended by the deadline", self.job_id)
        except LipsyncError as error:
            self.log.warning("%s", error.speak("airflow"))
        except Exception as error:  # noqa: BLE001  # the connection is not known in the triggerer, for example
            self.log.warning(
                "The triggerer cannot wait for job %s, so a worker does: %s", self.job_id, redact(str(error))
            )

    async def on_kill(self) -> None:
        """Leave the job running: this is also called when a trigger is moved. A retry or a cleared task continues."""
        self.log.info("Nobody waits for job %s any more; it goes on at the service.", self.job_id)
