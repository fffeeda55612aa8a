"""The sensor: waits for a job that another task or another program submitted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    conf,
)

from lipsync_nodes import JobNotFound, JobTimeout, LipsyncError
from lipsync_nodes_airflow.arguments import ChecksPartial, seconds
from lipsync_nodes_airflow.delivery import announce, defer, deliver, resume
from lipsync_nodes_airflow.failures import no_retry_in_vain
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.lineage import facets
from lipsync_nodes_airflow.links import LINKS

if TYPE_CHECKING:
    from airflow.sdk import XComArg

__all__ = ["LipsyncJobSensor"]


class LipsyncJobSensor(ChecksPartial, BaseSensorOperator):
    """Wait until a job has its video, and return the video's URL. The sensor never submits a job.

    Args:
        job_id: the id of the job, which an operator with `wait_for_completion=False` returns.
        lipsync_conn_id: the id of the connection.
        output_path: where to save the video, as in the operators.
        deferrable: if True, wait in the triggerer. If False, wait as `mode` says: "poke" or "reschedule".
        poke_interval: the number of seconds between two polls.

    `timeout`, `soft_fail` and the other arguments are those of all sensors. The XComs are those of the operators.

    """

    template_fields: Sequence[str] = ("job_id", "lipsync_conn_id", "output_path")
    operator_extra_links = LINKS
    ui_color = "#e8e4ff"
    delivered: str | None = None  # where the video is, once it is there

    def __init__(
        self,
        *,
        job_id: str | XComArg,
        lipsync_conn_id: str = LipsyncHook.default_conn_name,
        output_path: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.check_arguments({"poke_interval": poke_interval})
        self.job_id: Any = job_id
        self.lipsync_conn_id = lipsync_conn_id
        self.output_path = output_path
        self.deferrable = deferrable
        self.poll_interval = self.poke_interval  # the base class has converted it to seconds

    @classmethod
    def check_arguments(cls, given: Mapping[str, Any]) -> None:
        """Raise `InvalidRequest` for a `poke_interval` that is not a time."""
        seconds("poke_interval", given.get("poke_interval"))

    def execute(self, context: Context) -> Any:
        """Wait in the triggerer, or as `mode` says."""
        started = time.time()
        with self._skipped_as_in_poke_mode(), no_retry_in_vain():
            announce(self, context, self.job_id)
            if self.deferrable:
                defer(self, self.job_id, self.timeout, started)
        return super().execute(context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Fetch the job once. Temporary errors are ignored. A 404 leads to a retry, because the job may be very new."""
        with no_retry_in_vain(JobNotFound):
            try:
                with LipsyncHook(self.lipsync_conn_id).client(ledger=None) as client:
                    job = client.job(self.job_id)
            except LipsyncError as error:
                if not error.retryable:
                    raise
                self.log.warning("%s", error.speak("airflow"))
                return False
            if not job.finished:
                return False
            return PokeReturnValue(is_done=True, xcom_value=deliver(self, context, job.id, job=job))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Continue after the trigger has fired."""
        with self._skipped_as_in_poke_mode(), no_retry_in_vain(JobNotFound):
            try:
                return resume(self, context, event)
            except JobTimeout as error:
                if error.code == "airflow.execution_timeout":
                    raise
                raise AirflowSensorTimeout(str(error.speak("airflow"))) from error

    @contextmanager
    def _skipped_as_in_poke_mode(self) -> Iterator[None]:
        """Apply `soft_fail` and `never_fail`. Of a deferred sensor, Airflow applies them to its own errors only."""
        try:
            yield
        except AirflowSkipException:
            raise
        except Exception as error:
            ends = isinstance(error, AirflowSensorTimeout | AirflowFailException | JobTimeout)
            if self.never_fail or (self.soft_fail and ends):
                raise AirflowSkipException(str(error)) from error
            raise

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002  # Airflow's interface
        """Return the video for OpenLineage."""
        return facets(self.delivered, [])
