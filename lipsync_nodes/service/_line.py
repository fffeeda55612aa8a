"""One line of a batch: an object with the fields of an endpoint, and what a line has besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._arguments import check_tags
from lipsync_nodes.service._catalogue import NodeSpec, spec_named
from lipsync_nodes.service._fields import brief


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One line of a batch. What it does not name is None."""

    spec: NodeSpec
    values: dict[str, Any]  # the fields of its form, not checked yet
    key: str | None
    out: str | None  # the name of the file for its video
    tags: dict[str, str]
    lengths: dict[str, float | None]  # in seconds, by the name of the medium's field


def batch_line(given: object) -> BatchLine:
    """Take a line apart.

    Raises:
        InvalidRequest: it is not an object with an `endpoint`, or it has a wrong value or a field that does not exist.

    """
    values = dict(given) if isinstance(given, Mapping) else {}
    name = values.pop("endpoint", None)
    if not isinstance(name, str):
        raise InvalidRequest(code="batch.not_an_object")
    spec = spec_named(name)
    key, out = (_typed(values.pop(field, None), field, str) for field in ("key", "out"))
    tags = check_tags(_typed(values.pop("tags", None), "tags", Mapping) or {})
    lengths = {one.name: _typed(values.pop(one.seconds, None), one.seconds, (int, float)) for one in spec.timed}
    if strange := values.keys() - {field.name for field in spec.fields}:
        raise InvalidRequest(code="batch.no_such_field", endpoint=spec.id, fields=sorted(map(str, strange)))
    return BatchLine(spec, values, key, out, tags, lengths)


def _typed(value: Any, field: str | None, kind: type | tuple[type, ...]) -> Any:
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool) or value == ""):
        raise InvalidRequest(code="batch.wrong_value", field=field, value=brief(value))
    return value
