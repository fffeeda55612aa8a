"""The operator that only checks: what is wrong with the inputs of a job, before anything is paid for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, Final, Literal

from airflow.providers.common.compat.sdk import BaseOperator, Context

from lipsync_nodes import InvalidRequest, Profile
from lipsync_nodes.host import CATALOGUE, Budget, Verdict, check_form, refusal, spec_named
from lipsync_nodes_airflow.arguments import TEMPLATE_EXT, ChecksPartial, check_choice, check_fields, form_of, lengths
from lipsync_nodes_airflow.checking import report
from lipsync_nodes_airflow.failures import no_retry_in_vain
from lipsync_nodes_airflow.hooks import LipsyncHook

__all__ = ["LipsyncCheckOperator"]

# The fields of all endpoints, each once.
FIELDS: Final = {field.name: field for spec in CATALOGUE for field in spec.fields}
FAIL_ON: Final[Mapping[str, tuple[str, ...]]] = {"error": ("error",), "warning": ("error", "warning"), "never": ()}


def _with_fields(init: Callable[..., None]) -> Callable[..., None]:
    """Add the fields to the arguments that Airflow reads, for `default_args`."""
    *options, rest = inspect.signature(init).parameters.values()
    fields = [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=one.type)
        for one in FIELDS.values()
    ]
    init.__signature__ = inspect.Signature([*options, *fields, rest])  # type: ignore[attr-defined]
    return init


class LipsyncCheckOperator(ChecksPartial, BaseOperator):
    """Check the inputs of a job before it is paid for, and return the verdict. Nothing is sent to the service.

    Args:
        endpoint: the endpoint, such as `lipsync-image`. Its fields are arguments, as in the operator of the endpoint.
        fail_on: "error" fails the task if the job cannot work; "warning" also if its credits are likely wasted; "never"
            does not fail it.
        fetch: if True, media that are URLs are fetched, so that it looks at them, too.
        media_seconds: the lengths of media for the estimate, as in the other operators.
        lipsync_conn_id: the connection whose `budget` counts. None (the default): no connection and no API key.

    The verdict is the result and the XCom `verdict`, which is set even if the task fails: `{"ok", "credits",
    "findings"}`. Each finding has `code`, `severity` (error, warning or info), `basis`, `field`, `facts`, `message`
    and `remedy`. Looking at faces and sound needs the extra `check`.

    """

    template_fields: Sequence[str] = (*FIELDS, "media_seconds", "lipsync_conn_id")
    template_ext: Sequence[str] = TEMPLATE_EXT
    template_fields_renderers: ClassVar[dict[str, str]] = {"media_seconds": "json"}
    ui_color = "#e8e4ff"

    @_with_fields
    def __init__(
        self,
        *,
        endpoint: str,
        fail_on: Literal["error", "warning", "never"] = "error",
        fetch: bool = False,
        media_seconds: Mapping[str, float] | None = None,
        lipsync_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        form = {name: kwargs.pop(name, None) for name in FIELDS}
        super().__init__(**kwargs)
        self.check_arguments({"endpoint": endpoint, "fail_on": fail_on, **form})
        self.endpoint = endpoint
        self.fail_on = fail_on
        self.fetch = fetch
        self.media_seconds = media_seconds
        self.lipsync_conn_id = lipsync_conn_id
        for name, value in form.items():
            setattr(self, name, value)

    @classmethod
    def check_arguments(cls, given: Mapping[str, Any]) -> None:
        """Raise `InvalidRequest` for literal values that are wrong."""
        check_choice("fail_on", given.get("fail_on"), tuple(FAIL_ON))
        if (endpoint := given.get("endpoint")) is None:
            return
        spec = spec_named(endpoint)
        known = {field.name for field in spec.fields}
        if strange := sorted(name for name in FIELDS if given.get(name) is not None and name not in known):
            raise InvalidRequest(code="batch.no_such_field", endpoint=spec.id, fields=strange)
        check_fields(spec, given)

    def execute(self, context: Context) -> dict[str, Any]:
        """Check the inputs, and return the verdict as JSON types."""
        with no_retry_in_vain():
            verdict = self._verdict()
            report(self.log, verdict)
            found = verdict.as_json(host="airflow")
            context["ti"].xcom_push(key="verdict", value=found)
            bad = tuple(one for one in verdict.findings if one.severity in FAIL_ON[self.fail_on])
            if bad:
                error = refusal(bad)
                error.remedy = (*bad[0].remedy, "set_fail_on")
                raise error
        return found

    def _verdict(self) -> Verdict:
        spec = spec_named(self.endpoint)
        profile = LipsyncHook(self.lipsync_conn_id).profile if self.lipsync_conn_id else Profile()
        budget = None if profile.budget is None else Budget(profile.budget)
        given = {field.name: getattr(self, field.name) for field in spec.fields}
        with ExitStack() as files:
            form = form_of(spec, given, files)
            media = lengths(self.media_seconds or {})
            return check_form(form, profile, budget=budget, lengths=media, fetch=self.fetch)
