"""The operators: one for each endpoint in the core's catalogue. They submit a job, wait for it, and save its video.

The classes are generated from the catalogue, and their arguments and templates from the fields of the forms. They are
LipsyncVideoOperator, LipsyncImageOperator and LipsyncImageMultiOperator.
"""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from types import new_class
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import BaseOperator, Context, conf

from lipsync_nodes import Credits, Job, LipsyncError, SubmissionUncertain
from lipsync_nodes.host import (
    CATALOGUE,
    CheckMode,
    NodeSpec,
    PreparedForm,
    RecordJournal,
    deadline_for,
    known_credits,
)
from lipsync_nodes_airflow.arguments import (
    TEMPLATE_EXT,
    ChecksPartial,
    check_fields,
    form_of,
    given_seconds,
    lengths,
    seconds,
)
from lipsync_nodes_airflow.checking import check_options, submit_options
from lipsync_nodes_airflow.delivery import announce, defer, deliver, resume
from lipsync_nodes_airflow.failures import no_retry_in_vain
from lipsync_nodes_airflow.hooks import LipsyncHook
from lipsync_nodes_airflow.journal import journal_of, submission_key
from lipsync_nodes_airflow.lineage import facets
from lipsync_nodes_airflow.links import LINKS
from lipsync_nodes_airflow.storage import check_target

# Remedies that contain the job id.
_NAMES_JOB: Final = {"ask_by_id", "keep_job_id", "wait_again"}


class LipsyncOperator(ChecksPartial, BaseOperator):
    """Submit a job, wait for it, and return the URL of its video.

    Every try of the task continues with the same job, so a retry does not pay again.

    The wait ends at the task's `execution_timeout`, also if it is deferred, with a `JobTimeout`. A retry waits again.

    Args:
        lipsync_conn_id: the id of the connection.
        deferrable: if True, wait in the triggerer, without using a worker slot.
        wait_for_completion: if False, return the job id right after the submission, for a `LipsyncJobSensor`. The task
            has then ended: clearing it submits a new job, even while this one is running.
        poll_interval: the average number of seconds between two polls. This and `timeout` can be a `timedelta`, or a
            template that renders a number.
        timeout: the maximum number of seconds to wait in one try. Default: 1800, or more for long media.
        output_path: where to save the video: a path, or the URL of an object, `s3://conn_id@bucket/key.mp4`. If it ends
            in a slash, it is a folder, in which the file is named after the job.
        media_seconds: the lengths of media for the estimate, by the name of their argument: `{"audio": 12.5}`. Files
            and objects are measured. The result of a template can be JSON.
        webhook: an https URL to which the service POSTs the ended job; or "auto" for the receiver in the connection
            (`asset_events` starts a DAG with it).
        job_id: wait for this job instead of submitting one. If it is empty or None, a job is submitted.
        resubmit_uncertain: submit even if the submission of an earlier try may have been received. You may pay twice.
        check: what to do with the findings of the free check before the submission. "warn" logs them, and fails only
            for what certainly cannot work; "refuse" fails for each error and each warning, and nothing is sent; "off"
            does not check. Default: the connection's `check`, which is "warn" unless you set it. Looking at faces and
            sound needs the extra `check`.
        fetch: if True, media that are URLs are fetched for the check, so that it looks at them, too.
        tags: names and values for reports, such as `{"client": "acme"}`. They are never sent to the service. The result
            of a template can be JSON.
        durable: if False, keep no record of the job: each try submits and pays for a new one.

    XComs: `return_value` is the URL. `job_id` is set before the task waits. `credits_estimate`, `execution_time_ms` and
    `output_path` are set if they are known.

    """

    spec: ClassVar[NodeSpec]
    template_fields: Sequence[str] = (
        "lipsync_conn_id",
        "media_seconds",
        "output_path",
        "webhook",
        "job_id",
        "tags",
        "timeout",
        "poll_interval",
    )
    template_ext: Sequence[str] = TEMPLATE_EXT
    template_fields_renderers: ClassVar[dict[str, str]] = {"media_seconds": "json", "tags": "json"}
    operator_extra_links = LINKS
    ui_color = "#e8e4ff"
    delivered: str | None = None  # where the video is, once it is there

    def __init__(
        self,
        *,
        lipsync_conn_id: str = LipsyncHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        wait_for_completion: bool = True,
        poll_interval: float | timedelta | None = None,
        timeout: float | timedelta | None = None,
        output_path: str | None = None,
        media_seconds: Mapping[str, float] | None = None,
        webhook: str | None = None,
        job_id: str | None = None,
        resubmit_uncertain: bool = False,
        check: CheckMode | None = None,
        fetch: bool = False,
        tags: Mapping[str, str] | None = None,
        durable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_options({"check": check, "tags": tags})
        self.lipsync_conn_id = lipsync_conn_id
        self.deferrable = deferrable
        self.wait_for_completion = wait_for_completion
        self.poll_interval = given_seconds("poll_interval", poll_interval)
        self.timeout = given_seconds("timeout", timeout)
        self.output_path = output_path
        self.media_seconds = media_seconds
        self.webhook = webhook
        self.job_id = job_id
        self.resubmit_uncertain = resubmit_uncertain
        self.check = check
        self.fetch = fetch
        self.tags = tags
        self.durable = durable

    @classmethod
    def check_arguments(cls, given: Mapping[str, Any]) -> None:
        """Raise `InvalidRequest` for literal values that are wrong."""
        check_fields(cls.spec, given)
        check_options(given)
        for name in ("timeout", "poll_interval"):
            given_seconds(name, given.get(name))

    def execute(self, context: Context) -> str:
        """Submit a job, or find that of an earlier try, and wait for it."""
        started = time.time()
        with no_retry_in_vain():
            self._read_times()
            announce(self, context)
            job_id, length = (self.job_id, None) if self.job_id else self._submitted(context)
            announce(self, context, job_id)
            if not self.wait_for_completion:
                with journal_of(context) as journal:
                    journal.release(job_id)
                return job_id
            timeout = self.timeout or deadline_for(length)
            if self.deferrable:
                defer(self, job_id, timeout, started, length)
            began = time.time()
            return deliver(self, context, job_id, began + timeout, began=began, seconds=length, just_submitted=True)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Continue after the trigger has fired."""
        with no_retry_in_vain():
            self._read_times()
            announce(self, context, event["job_id"])
            return resume(self, context, event)

    def on_kill(self) -> None:
        """Leave the job running: a retry or a cleared task continues with it."""
        self.log.info("Nobody waits for the job any more; it goes on at the service.")

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002  # Airflow's interface
        """Return the inputs and the video for OpenLineage."""
        return facets(self.delivered, [getattr(self, field.name) for field in self.spec.media])

    def _read_times(self) -> None:
        """Convert the times, which may be templates."""
        self.timeout = seconds("timeout", self.timeout)
        self.poll_interval = seconds("poll_interval", self.poll_interval)

    def _submitted(self, context: Context) -> tuple[str, float | None]:
        """Submit at most once. Return the job id and the length of the video in seconds, if it is known."""
        json.dumps([self.lipsync_conn_id, self.poll_interval])  # fail before paying if it cannot be deferred
        target = check_target(self.output_path)
        with ExitStack() as open_:
            form = self._form(open_)
            estimate = self._estimate(form)
            journal = open_.enter_context(journal_of(context, durable=self.durable))
            client = open_.enter_context(LipsyncHook(self.lipsync_conn_id).client(ledger=journal))
            if estimate is not None:
                context["ti"].xcom_push(key="credits_estimate", value=int(estimate))
            try:
                job: Job = client.submit(
                    form,
                    key=submission_key(context, form, client.profile),
                    webhook=self.webhook or None,
                    estimate=estimate,
                    target=target,
                    resubmit_uncertain=self.resubmit_uncertain,
                    **submit_options(self),
                )
            except LipsyncError as error:
                self._show_the_way_on(error, context, journal)
                raise
        return job.id, estimate.seconds if estimate else None

    def _show_the_way_on(self, error: LipsyncError, context: Context, journal: object) -> None:
        """Add to an error what to do in Airflow about a submission that may have been paid for."""
        if error.job_id:
            if not _NAMES_JOB.intersection(error.remedy):
                error.remedy += ("ask_by_id",)
            with suppress(Exception):  # the error has the id, too
                announce(self, context, error.job_id)
        elif isinstance(error, SubmissionUncertain):
            if self.webhook == "auto" and isinstance(journal, RecordJournal):  # the core's remedy is about a ledger
                error.remedy = ("webhook_elsewhere",)
            error.remedy += ("id_once_known",)

    def _form(self, files: ExitStack) -> PreparedForm:
        """Build the form from the rendered templates."""
        return form_of(self.spec, {field.name: getattr(self, field.name) for field in self.spec.fields}, files)

    def _estimate(self, form: PreparedForm) -> Credits | None:
        """Return the most credits that the job can cost; None if a length of its media is not known."""
        return known_credits(form, lengths=lengths(self.media_seconds or {}))


def _operator(spec: NodeSpec) -> type[LipsyncOperator]:
    """Make the operator of an endpoint."""
    names = [field.name for field in spec.fields]

    def __init__(self: LipsyncOperator, **kwargs: Any) -> None:  # noqa: N807  # it becomes the method
        form = {name: kwargs.pop(name, None) for name in names}
        check_fields(spec, form)
        LipsyncOperator.__init__(self, **kwargs)
        for name, value in form.items():
            setattr(self, name, value)

    __init__.__signature__ = _signature(spec)  # type: ignore[attr-defined]  # Airflow reads the arguments from it
    body = {
        "__doc__": _doc(spec),
        "__init__": __init__,
        "__module__": __name__,
        "spec": spec,
        "template_fields": (*names, *LipsyncOperator.template_fields),
        "template_fields_renderers": _renderers(spec),
    }
    name = f"Lipsync{spec.command.title().replace('-', '')}Operator"
    return new_class(name, (LipsyncOperator,), exec_body=lambda namespace: namespace.update(body))


def _renderers(spec: NodeSpec) -> dict[str, str]:
    objects = [field.name for field in spec.fields if field.type == "object"]
    return LipsyncOperator.template_fields_renderers | dict.fromkeys(objects, "json")


def _signature(spec: NodeSpec) -> inspect.Signature:
    itself, *options = inspect.signature(LipsyncOperator.__init__).parameters.values()
    fields = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.required else None,
            annotation=field.type,
        )
        for field in spec.fields
    ]
    return inspect.Signature([itself, *fields, *options])


def _doc(spec: NodeSpec) -> str:
    lines = [f"        {field.name}: {field.help}" for field in spec.fields]
    media = "        Media are public URLs, files of the worker, or objects: s3://conn_id@bucket/key."
    rest = "        The others are those of `LipsyncOperator`. All inputs may be templates."
    return "\n".join([spec.help, "", "    Args:", *lines, media, rest, ""])


_OPERATORS: Final = {operator.__name__: operator for operator in map(_operator, CATALOGUE)}
globals().update(_OPERATORS)

__all__ = ["LipsyncOperator", *_OPERATORS]  # noqa: PLE0604  # names of classes

if TYPE_CHECKING:
    from lipsync_nodes_airflow._operators import *  # noqa: F403  # a stub: type checkers cannot run the above
