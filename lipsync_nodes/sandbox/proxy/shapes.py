"""Compares a JSON value with a schema of the sandbox's OpenAPI document, and says what is different."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from lipsync_nodes.sandbox.proxy.differences import Basis, Difference
from lipsync_nodes.sandbox.proxy.redaction import hidden
from lipsync_nodes.sandbox.server.openapi import document

__all__ = ["breaches", "load", "shown"]

_LONGEST: Final = 200
# The documentation shows `"timings": null` in an example, and names the models of one endpoint.
_INFERRED: Final = frozenset({"timings", "model"})
_ALIASES: Final = {"requestId"}  # of `id`, in the documentation's prose
_TYPES: Final = {"string": "a string", "integer": "an integer", "object": "an object", "null": "null"}


def shown(value: Any) -> str:
    """Return a value as short text without secrets: a string as it is, anything else as JSON."""
    safe = hidden(value)
    text = safe if isinstance(safe, str) and safe else json.dumps(safe)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def breaches(name: str, value: Any, path: str = "$") -> Iterator[Difference]:
    """Yield what is different in a value from the schema with this name. *path* is where the value is."""
    seen = set()
    for error in _validator(name).iter_errors(value):
        for one in _differences(error, path):
            if one.path not in seen:
                seen.add(one.path)
                yield one


def load() -> None:
    """Load what is slow to load, so that no response has to wait for it."""
    for name in ("Accepted", "Job"):
        _validator(name)


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  # slow to load

    return Draft202012Validator(document("")["components"]["schemas"][name])


def _differences(error: Any, path: str) -> Iterator[Difference]:
    place = path + error.json_path.removeprefix("$")
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield Difference("", f"{place}.{name}", _expected_at(error, name), _basis(name), "nothing")
    elif error.validator == "additionalProperties":
        for name in sorted(error.instance.keys() - error.schema["properties"].keys() - _ALIASES):
            yield Difference("", f"{place}.{shown(name)}", "no such field", "inferred", shown(error.instance[name]))
    else:
        yield Difference("", place, _expected(error.schema), _basis(place.rpartition(".")[2]), shown(error.instance))


def _basis(field: str) -> Basis:
    return "inferred" if field in _INFERRED else "documented"


def _expected_at(error: Any, name: str) -> str:
    return _expected(error.schema["properties"][name])


def _expected(schema: dict[str, Any]) -> str:
    """Return what a schema asks for, in words."""
    if "const" in schema:
        return f"one of {json.dumps(schema['const'])}"
    if "enum" in schema:
        return f"one of {', '.join(map(json.dumps, schema['enum']))}"
    if "anyOf" in schema:
        return " or ".join(map(_expected, schema["anyOf"]))
    if "pattern" in schema:
        return "a UUID"
    least = f" of at least {schema['minimum']}" if "minimum" in schema else ""
    return _TYPES.get(schema.get("type", ""), "a value") + least
