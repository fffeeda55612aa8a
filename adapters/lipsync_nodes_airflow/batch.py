"""The operator for a batch: many jobs as one task, with one manifest."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, Literal

from airflow.providers.common.compat.sdk import Asset, BaseOperator, Context, conf

from lipsync_nodes import InvalidRequest, JobFailed, JobTimeout, Ledger, LipsyncError
from lipsync_nodes.host import CheckMode, deadline_for
from lipsync_nodes_airflow.arguments import ChecksPartial, check_choice, given_seconds, seconds
from lipsync_nodes_airflow.batch_jobs import Jobs
from lipsync_nodes_airflow.batch_lines import checked
from lipsync_nodes_airflow.batch_wait import LipsyncBatchTrigger
from lipsync_nodes_airflow.checking import check_options
from lipsync_nodes_airflow.delivery import BACKSTOP
from lipsync_nodes_airflow.failures import no_retry_in_vain
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.lineage import facets
from lipsync_nodes_airflow.links import LipsyncJobLink

__all__ = ["LipsyncBatchOperator"]

# So many failures are named in the result and in the error. All are in the manifest.
NAMED: Final = 20


class LipsyncBatchOperator(ChecksPartial, BaseOperator):
    """Submit many jobs, wait for all of them, save their videos, and return a manifest.

    All lines are checked first. Equal lines are one job, which is paid for once. Every try continues where the last
    one stopped. If a batch with failures is cleared, only the failed jobs are submitted anew; if it had none, all are.

    The worker submits, at the pace of the connection's `submits_per_minute`. Then all jobs are waited for together, in
    one trigger if the task is deferrable. With `max_concurrency`, so many jobs run at a time: whenever half of them
    have ended, the worker saves their videos and submits the next ones.

    Args:
        inputs: the lines: a list of objects, JSON, or a file with an object in each line (a path of the worker or the
            URL of an object). They are those of `lipsync-nodes run --batch`: the fields of an endpoint, `endpoint`, and
            if you like `out` (the name of the file), `key` and lengths such as `audio_seconds`.
        output_path: the folder for the videos and the manifest: a path, or the URL of objects. Videos without `out` are
            named after their jobs.
        endpoint: the endpoint of lines that have none.
        lipsync_conn_id: the id of the connection. Its `budget` is for the whole batch.
        on_failure: "stop" refuses a batch with a wrong line, submits nothing more after a failure, saves what was paid
            for, and fails. "skip" goes on, and fails only if all lines failed.
        deferrable: if True, wait in the triggerer, without using a worker slot.
        poll_interval: the average number of seconds between two polls of a job. Default: more for many jobs.
        timeout: the longest time in seconds in which no job ends. Default: as for one job. `execution_timeout` limits
            the whole try. After both, a retry waits for the same jobs.
        webhook: an https URL to which the service POSTs each ended job; or "auto" for the receiver in the connection.
        resubmit_uncertain: submit even what an earlier try may have submitted. You may pay twice.
        check, fetch: as in the other operators. All lines are checked before the first submission. A line that is
            refused counts as a wrong line.
        tags: names and values for reports, such as `{"client": "acme"}`, for all lines.

    The result is `{"done", "failed", "credits", "manifest", "failures"}`: the numbers of lines, the estimated credits
    of the jobs, the path of the manifest (JSON, with all lines) and the first failed lines.

    Before Airflow 3.3, and with `airflow dags test`, the records of the submissions are in the folder `.lipsync` of
    `output_path`, which all workers have to reach.

    """

    template_fields: Sequence[str] = (
        "inputs",
        "endpoint",
        "lipsync_conn_id",
        "output_path",
        "webhook",
        "tags",
        "timeout",
        "poll_interval",
    )
    operator_extra_links = (LipsyncJobLink(),)
    ui_color = "#e8e4ff"
    delivered: str | None = None  # where the manifest is, once it is there

    def __init__(
        self,
        *,
        inputs: Any,
        output_path: str,
        endpoint: str | None = None,
        lipsync_conn_id: str = LipsyncHook.default_conn_name,
        on_failure: Literal["stop", "skip"] = "stop",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | timedelta | None = None,
        timeout: float | timedelta | None = None,
        webhook: str | None = None,
        resubmit_uncertain: bool = False,
        check: CheckMode | None = None,
        fetch: bool = False,
        tags: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.check_arguments({"on_failure": on_failure, "check": check, "tags": tags})
        self.inputs = inputs
        self.output_path = output_path
        self.endpoint = endpoint
        self.lipsync_conn_id = lipsync_conn_id
        self.on_failure = on_failure
        self.deferrable = deferrable
        self.poll_interval = given_seconds("poll_interval", poll_interval)
        self.timeout = given_seconds("timeout", timeout)
        self.webhook = webhook
        self.resubmit_uncertain = resubmit_uncertain
        self.check = check
        self.fetch = fetch
        self.tags = tags

    @classmethod
    def check_arguments(cls, given: Mapping[str, Any]) -> None:
        """Raise `InvalidRequest` for literal values that are wrong."""
        check_choice("on_failure", given.get("on_failure"), ("stop", "skip"))
        check_options(given)
        for name in ("timeout", "poll_interval"):
            given_seconds(name, given.get(name))

    def execute(self, context: Context) -> dict[str, Any]:
        """Check all lines, submit what was not submitted yet, and wait."""
        return self._carry_on(context, time.time())

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Continue after the trigger has fired."""
        return self._carry_on(context, event["started"], event["deadline"])

    def on_kill(self) -> None:
        """Leave the jobs running: a retry or a cleared task continues with them."""
        self.log.info("Nobody waits for the jobs any more; they go on at the service.")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002  # Airflow's interface
        """Return the file of the lines and the manifest for OpenLineage."""
        return facets(self.delivered, [self.inputs] if isinstance(self.inputs, str) else [])

    def _carry_on(self, context: Context, started: float, deadline: float = math.inf) -> dict[str, Any]:
        """Save and submit what can be, and wait for the rest, until nothing is left."""
        with no_retry_in_vain(), self._jobs(context, look=deadline == math.inf) as jobs:
            while True:
                ended = jobs.advance()
                if not (running := jobs.running):
                    return self._result(jobs, context)
                limit = started + self.execution_timeout.total_seconds() if self.execution_timeout else math.inf
                if time.time() >= (limit if ended else min(limit, deadline)):
                    late = "timeout" if time.time() < limit else "execution_timeout"
                    raise JobTimeout(
                        code="airflow.batch_timeout", jobs=len(running), argument=late, remedy="retry_waits"
                    )
                deadline = min(limit, time.time() + (self.timeout or deadline_for(jobs.longest)))
                # With more to submit, half of the places are enough to go on.
                enough = max(1, len(running) // 2) if jobs.more else len(running)
                self.log.info("%s. Waiting for %d of %d running jobs.", jobs.summary, enough, len(running))
                trigger = LipsyncBatchTrigger(
                    self.lipsync_conn_id, running, deadline, self.poll_interval, enough=enough, started=started
                )
                if self.deferrable:
                    # Airflow does not apply the `execution_timeout` to a deferred task, so it is in the deadline.
                    backstop = timedelta(seconds=max(0.0, deadline - time.time())) + BACKSTOP
                    self.defer(trigger=trigger, method_name="execute_complete", timeout=backstop)
                asyncio.run(trigger.wait())

    @contextmanager
    def _jobs(self, context: Context, *, look: bool) -> Iterator[Jobs]:
        self.timeout = seconds("timeout", self.timeout)
        self.poll_interval = seconds("poll_interval", self.poll_interval)
        items, faults = checked(self.inputs, self.endpoint)
        if not items and not faults:
            raise InvalidRequest(code="airflow.no_lines", value="[]", remedy="nothing_sent")
        hook = LipsyncHook(self.lipsync_conn_id)
        LipsyncJobLink.point_to(hook.site, context)
        with Ledger() as ledger:  # for the limits of the connection
            jobs = Jobs(self, context, hook, items, faults=faults, ledger=ledger)
            jobs.check()
            self._refuse(jobs, jobs.faults)
            with hook.client(ledger=jobs.journal) as jobs.client:
                if look:
                    self._refuse(jobs, jobs.faults | jobs.look())
                yield jobs

    def _refuse(self, jobs: Jobs, faults: Mapping[int, LipsyncError]) -> None:
        """Refuse a batch with wrong lines, unless it goes on without them, or something was already submitted."""
        if faults and not jobs.sent and (self.on_failure == "stop" or len(faults) == len(jobs.lines)):
            raise InvalidRequest(
                code="airflow.wrong_lines",
                count=len(faults),
                total=len(jobs.lines),
                faults=_named(faults),
                remedy="nothing_sent",
            )

    def _result(self, jobs: Jobs, context: Context) -> dict[str, Any]:
        """Return the summary of a batch that has ended, or fail."""
        failures = {
            row["line"]: LipsyncError(code="batch.wrong_line", fault=row["error"]) for row in jobs.lines if row["error"]
        }
        summary = jobs.manifest
        self.delivered = summary["manifest"]
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra = dict(summary)
        if not failures:
            jobs.release_all()
        elif self.on_failure == "stop" or jobs.unsent or not summary["done"]:
            raise JobFailed(
                code="airflow.batch_failed",
                failed=len(failures),
                total=len(jobs.lines),
                unsent=len(jobs.unsent) or None,
                faults=_named(failures),
                manifest=summary["manifest"],
                remedy="clear_batch",
            )
        self.log.info("%s. The manifest is %s", jobs.summary, summary["manifest"])
        named = [row for row in jobs.lines if row["error"]][:NAMED]
        return {**summary, "failures": named}


def _named(faults: Mapping[int, LipsyncError]) -> list[LipsyncError]:
    return [error.at(f"line {number}") for number, error in sorted(faults.items())[:NAMED]]
