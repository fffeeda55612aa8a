"""Checks and converts the arguments of operators: literal ones when the DAG is parsed, rendered ones before paying."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, Final

from lipsync_nodes import InvalidRequest
from lipsync_nodes.host import FieldSpec, NodeSpec, PreparedForm, brief, check_tags
from lipsync_nodes_airflow.storage import opened

__all__ = [
    "TEMPLATE_EXT",
    "ChecksPartial",
    "check_choice",
    "check_fields",
    "form_of",
    "given_seconds",
    "given_tags",
    "lengths",
    "seconds",
    "tags",
]

# Files whose content Airflow renders in place of their name.
TEMPLATE_EXT: Final = (".json",)
# The longest time. Python has no dates after the year 9999.
_LONGEST: Final = timedelta(days=365)
_TEMPLATE: Final = ("{{", "{%", "{#")


def seconds(name: str, value: Any) -> float | None:
    """Return a time, or None, as a number of seconds. A template may have rendered it as a string."""
    if value is None:
        return None
    with suppress(TypeError, ValueError, OverflowError):
        span = value if isinstance(value, timedelta) else timedelta(seconds=_number(value))
        if timedelta() < span <= _LONGEST:
            return span.total_seconds()
    raise InvalidRequest(code="airflow.not_seconds", name=name, value=brief(value), remedy="nothing_sent")


def given_seconds(name: str, value: Any) -> Any:
    """Do the same when the DAG is parsed. A value that is only known later is returned as it is."""
    return seconds(name, value) if _is_known(value) else value


def lengths(given: Any) -> dict[str, float]:
    """Return `media_seconds` as numbers. A template may have rendered it as JSON."""
    try:
        media = json.loads(given) if isinstance(given, str) else given
        return {name: float(length) for name, length in media.items()}
    except (AttributeError, OverflowError, TypeError, ValueError):
        raise InvalidRequest(code="airflow.media_seconds", value=brief(given), remedy="give_json") from None


def tags(given: Any) -> dict[str, str]:
    """Return `tags` as texts by name. A template may have rendered them as JSON."""
    with suppress(TypeError, ValueError):
        given = json.loads(given)
    return check_tags(given or {})


def given_tags(given: Any) -> Any:
    """Do the same when the DAG is parsed. A value that is only known later is returned as it is."""
    return tags(given) if given is not None and _is_known(given) else given


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Raise `InvalidRequest` if an argument is none of its choices. None stands for its default."""
    if value is not None and value not in choices:
        raise InvalidRequest(code="airflow.choice", name=name, choices=list(choices), value=brief(value))


def form_of(spec: NodeSpec, given: Mapping[str, Any], files: ExitStack) -> PreparedForm:
    """Build the form from rendered arguments. Its objects are opened as files, which *files* closes."""
    return PreparedForm(spec.form(**_typed(spec.fields, given, files)))


def _typed(fields: Iterable[FieldSpec], given: Mapping[str, Any], files: ExitStack) -> dict[str, Any]:
    """Return what is given, with the types of the fields. A blank string counts as not given if it may be missing."""
    values = {field.name: _of_type(field, given.get(field.name), files) for field in fields}
    return {name: value for name, value in values.items() if value is not None}


def _of_type(field: FieldSpec, value: Any, files: ExitStack) -> Any:
    """Convert a value to its field's type: templates render everything as a string."""
    if value is None or (isinstance(value, str) and not value.strip() and not field.required):
        return None
    if field.media:
        return opened(value, files)
    if field.type != "string" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            raise InvalidRequest(
                code="airflow.wrong_type", field=field.name, type=field.type, value=brief(value)
            ) from None
    return value


def check_fields(spec: NodeSpec, given: Mapping[str, Any]) -> None:
    """Raise `InvalidRequest` for the values that are wrong, when the DAG is parsed.

    Media and values that are only known later are checked when the task runs.
    """
    fields = [field for field in spec.fields if not field.media and given.get(field.name) is not None]
    if not (known := [field for field in fields if _is_known(given[field.name])]):
        return
    try:
        spec.form(**_typed(known, given, ExitStack()))
    except InvalidRequest as error:
        names = {field.name for field in known}
        faults = error.facts.get("faults", {})
        wrong = {name: fault for name, fault in faults.items() if name.partition(".")[0] in names}
        if wrong or not faults:
            raise (InvalidRequest(code=error.code, faults=wrong) if wrong else error) from None


class ChecksPartial:
    """Makes `.partial(…).expand(…)` check the arguments when the DAG is parsed, as the constructor does."""

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """Return the partial of the base class. It refuses to expand while a required argument is missing."""
        cls.check_arguments(kwargs)
        partial: Any = super().partial(**kwargs)  # type: ignore[misc]  # of the operator that this is mixed into
        partial.__class__ = _checked(type(partial))
        return partial

    @classmethod
    def check_arguments(cls, given: Mapping[str, Any]) -> None:
        """Raise an error for the values that are wrong."""


def _checked(base: Any) -> Any:
    def expand(self: Any, **mapped: Any) -> Any:
        _refuse_missing(self, mapped)
        for name, values in mapped.items():
            for value in values if isinstance(values, list | tuple) else ():
                self.operator_class.check_arguments({name: value})
        return base.expand(self, **mapped)

    def expand_kwargs(self: Any, kwargs: Any, **options: Any) -> Any:
        for given in kwargs if isinstance(kwargs, list | tuple) else ():
            if isinstance(given, Mapping):
                _refuse_missing(self, given)
                self.operator_class.check_arguments(given)
        return base.expand_kwargs(self, kwargs, **options)

    return type(base.__name__, (base,), {"__slots__": (), "expand": expand, "expand_kwargs": expand_kwargs})


def _refuse_missing(partial: Any, mapped: Mapping[str, Any]) -> None:
    parameters = inspect.signature(partial.operator_class.__init__).parameters.values()
    required = {one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty}
    # Airflow fills in these defaults when the task runs, but not those of `partial(default_args=…)`.
    defaults = [getattr(partial.kwargs.get(place), "default_args", None) for place in ("dag", "task_group")]
    if missing := sorted(required.difference(partial.kwargs, mapped, *filter(None, defaults))):
        raise TypeError(f"{partial.operator_class.__name__}.partial() misses {', '.join(missing)}")


def _is_known(value: Any) -> bool:
    """Return whether a value is literal: neither a template nor the result of a task."""
    if isinstance(value, str):
        return not (any(mark in value for mark in _TEMPLATE) or value.endswith(TEMPLATE_EXT))
    if isinstance(value, Mapping | list | tuple):
        return all(map(_is_known, value.values() if isinstance(value, Mapping) else value))
    return value is None or isinstance(value, int | float | timedelta)


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, str) else value
