"""The paths under `/sandbox` in the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from lipsync_nodes.sandbox.faults.rules import ACTIONS, MATCH, Rule
from lipsync_nodes.sandbox.jobs.clock import LONGEST_ADVANCE
from lipsync_nodes.sandbox.server.openapi_parts import (
    RANGE_ANSWERS,
    closed,
    errors,
    json_body,
    nullable,
    path,
)

__all__ = ["CONTROL_SCHEMAS", "control_paths"]

_NUMBER: Final = r"^[0-9]{1,6}$"


def control_paths(security: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the paths; *security* says what they need."""
    rules = json_body("The rules that are set.", _list_of("ActiveRule"))
    number = path("number", {"type": "integer", "minimum": 1, "maximum": 999_999}, "The number of the rule.")
    operations = {
        "/sandbox/jobs": {"get": _jobs()},
        "/sandbox/requests": {"get": _requests()},
        "/sandbox/faults": {
            "get": _operation("get-faults", "The fault rules that are set", rules),
            "put": _operation("replace-faults", "Replace all fault rules", rules, _RULES, 400, 403, 422),
            "post": _operation("add-faults", "Add fault rules", rules, _RULES, 400, 403, 422),
            "delete": _operation("delete-faults", "Delete all fault rules", rules, None, 403),
        },
        "/sandbox/faults/{number}": {
            "delete": _operation("delete-fault", "Delete one fault rule", rules, None, 403, 404)
            | {"parameters": [number]}
        },
        "/sandbox/clock": {
            "get": _clock("get-clock", "The time"),
            "post": _clock("advance-clock", "Advance it", _ADVANCE),
        },
        "/sandbox/reset": {"post": _reset()},
        "/sandbox/state": {"get": _export(), "put": _import()},
        "/sandbox/form": {"get": _form()},
    }
    for methods in operations.values():
        for operation in methods.values():
            operation["security"] = security
            operation["responses"] |= errors(401) if security else {}
    return operations


def _operation(
    name: str, summary: str, answer: dict[str, Any], body: dict[str, Any] | None = None, *codes: int
) -> dict[str, Any]:
    operation = {
        "operationId": name,
        "summary": summary,
        "tags": ["sandbox"],
        "responses": {"200": answer, **errors(*codes)},
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _jobs() -> dict[str, Any]:
    answer = json_body("The jobs, newest first.", _list_of("SandboxJob"))
    return _operation("list-jobs", "The latest 200 jobs, with all that the sandbox knows", answer)


def _requests() -> dict[str, Any]:
    answer = json_body("The requests, the oldest first.", _list_of("Request"))
    limit = {
        "name": "limit",
        "in": "query",
        "description": "Only the latest ones.",
        "schema": {"type": "integer", **_LIMITS},
    }
    return _operation("list-requests", "The requests that were received", answer, None, 422) | {"parameters": [limit]}


def _clock(name: str, summary: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return _operation(name, summary, json_body("The time.", "Clock"), body, *([400, 403, 422] if body else []))


def _reset() -> dict[str, Any]:
    operation = _operation("reset", "Delete all jobs, fault rules and recorded requests", {}, None, 403)
    operation["responses"] = {"204": {"description": "All is deleted."}, **errors(403)}
    return operation


def _export() -> dict[str, Any]:
    operation = _operation("export-state", "The state as one file: jobs, videos, files, fault rules, requests", {})
    operation["responses"] = {"200": {"description": "A ZIP file.", "content": _ZIP}, **RANGE_ANSWERS}
    return operation


def _import() -> dict[str, Any]:
    counts = {name: {"type": "integer"} for name in ("jobs", "files", "rules", "requests")}
    answer = json_body("How many of each there are now.", closed(**counts))
    operation = _operation("import-state", "Replace the state with an exported file", answer, None, 403, 413, 422)
    return operation | {"requestBody": {"required": True, "content": _ZIP}}


def _form() -> dict[str, Any]:
    answer = json_body("The endpoints, their fields, media for demos, and the page's API key.", "Form")
    return _operation("get-form", "What the page's form is made of", answer)


def _list_of(name: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}


def _rule(action: str) -> dict[str, Any]:
    """Return the schema of the rules with this action."""
    places, parameters = ACTIONS[action]
    known = Rule.model_json_schema()["properties"]
    properties = {name: _plain(known[name]) for name in sorted(MATCH | parameters)}
    properties["action"] = {"const": action}
    properties["where"] = {"enum": [*places, None]}
    return {
        "type": "object",
        "title": action,
        "required": ["action"],
        "properties": properties,
        "additionalProperties": False,
    }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter without a title, and closed if it is a mapping."""
    closing = {"additionalProperties": False} if "patternProperties" in schema else {}
    return {name: value for name, value in schema.items() if name not in {"title", "$ref"}} | closing


_LIMITS: Final = {"minimum": 0, "maximum": 999_999}
_RULE: Final = {"anyOf": [_rule(action) for action in ACTIONS]}
_RULES: Final = {"anyOf": [{"$ref": "#/components/schemas/Rule"}, _list_of("Rule")]}
_SECONDS: Final = {"type": "number", "minimum": 0, "maximum": LONGEST_ADVANCE}
_ADVANCE: Final = {
    "type": "object",
    "properties": {
        "advance": _SECONDS,
        "advance_per_poll": nullable(_SECONDS, "Each poll advances the clock by this."),
    },
    "additionalProperties": False,
}
_ZIP: Final = {"application/zip": {"schema": {"type": "string", "format": "binary"}}}
_TEXT: Final = {"type": "string"}
_OPEN: Final = {"type": "object"}
CONTROL_SCHEMAS: Final[dict[str, Any]] = {
    "Rule": _RULE,
    "ActiveRule": {
        "type": "object",
        "required": ["action", "number", "matched", "struck"],
        "properties": {
            "action": {"enum": list(ACTIONS)},
            "number": {"type": "integer", "description": "For `DELETE /sandbox/faults/{number}`."},
            "matched": {"type": "integer", "description": "How often it matched."},
            "struck": {"type": "integer", "description": "How often it was applied."},
        },
    },
    "Clock": closed(
        clock={"enum": ["real", "manual"]},
        now={"type": "number", "description": "Seconds since 1970."},
        advanced={"type": "number"},
        advance_per_poll={"type": "number"},
    ),
    "Request": closed(
        where={"enum": ["submit", "poll", "output", "files"]},
        method=_TEXT,
        path=_TEXT,
        query=_TEXT,
        headers=_OPEN,
        body={"description": "The JSON of a submission, or its text."},
        leaks_key={"type": "boolean", "description": "Whether an API key was found outside Authorization."},
        who=_TEXT,
        time={"type": "number", "description": "Seconds since 1970."},
        status=nullable({"type": "integer"}, "Null if no response was sent."),
        milliseconds=nullable({"type": "number"}, "Null until the response was sent."),
    ),
    "SandboxJob": {
        "allOf": [
            {
                "type": "object",
                "required": ["id", "status", "error", "endpoint", "form", "age", "credits", "picture", "webhook"],
                "properties": {
                    "endpoint": _TEXT,
                    "form": _OPEN,
                    "age": {"type": "number", "description": "Seconds since it was submitted."},
                    "credits": nullable({"type": "integer"}, "An estimate; null if the media were not measured."),
                    "picture": _OPEN,
                    "webhook": nullable(_OPEN, "What became of its webhook; null if it has none."),
                },
            }
        ]
    },
    "Form": closed(
        endpoints={"type": "array", "items": _OPEN},
        media={"type": "array", "items": closed(name=_TEXT, kind=_TEXT, people={"type": "integer"}, url=_TEXT)},
        key=_TEXT,
        shown_key=_TEXT,
    ),
}
