"""The OpenAPI document of the API and the file store. The endpoints and their forms come from the catalogue."""

from __future__ import annotations

from typing import Any, Final

from lipsync_nodes.sandbox.jobs.store import API_PATH
from lipsync_nodes.sandbox.server.parsing import fields_of_others
from lipsync_nodes.sandbox.server.urls import MEDIA_PATTERN, WEBHOOK_PATTERN
from lipsync_nodes.service import CATALOGUE, NodeSpec

__all__ = ["document"]

_UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_DESCRIPTION: Final = (
    "The lipsync.studio API on this machine, over real HTTP. The videos come from a preview engine. They do not show "
    "the service's quality."
)
_ERRORS: Final = {
    400: "The body is not a JSON object, or a GET has a body.",
    401: "The API key is missing or wrong.",
    404: "There is no such job or file.",
    413: "The request is too large.",
    415: "The Content-Type is not application/json.",
    422: "A field is missing or wrong. The error names it.",
}
_ANY_FILE: Final = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_RANGE_ANSWERS: Final = {
    "206": {"description": "The part that the Range header asks for.", "content": _ANY_FILE},
    "400": {"description": "The Range header is malformed.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    "416": {"description": "There is no such range.", "content": {"text/plain": {"schema": {"type": "string"}}}},
}


def document(url: str, *, token: bool = False) -> dict[str, Any]:
    """Return the document of a sandbox with the base *url*; *token*: whether `/sandbox` needs one."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "lipsync-nodes sandbox", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "paths": {
            **{API_PATH + spec.path: {"post": _submit(spec)} for spec in CATALOGUE},
            API_PATH + "/jobs/{id}": {"get": _poll()},
            "/files/{name}": {"put": _put()},
            "/files/{digest}/{name}": {"get": _file()},
            "/outputs/{name}": {"get": _output()},
        },
        "components": {
            "securitySchemes": {"key": _KEY} | ({"token": _TOKEN} if token else {}),
            "schemas": {"Accepted": _ACCEPTED, "Job": _JOB, "Error": _ERROR, "File": _FILE},
        },
    }


def _submit(spec: NodeSpec) -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["formState"],
        "properties": {"webhook": _WEBHOOK, "formState": _form_state(spec)},
        "additionalProperties": False,
    }
    links = {
        "job": {"operationId": "poll", "parameters": {"id": "$response.body#/id"}},
        "output": {"operationId": "get-output", "parameters": {"name": "{$response.body#/id}.mp4"}},
    }
    return {
        "operationId": f"submit-{spec.command}",
        "summary": spec.help,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {**_json("The job is accepted.", "Accepted"), "links": links},
            **_errors(400, 401, 413, 415, 422),
        },
    }


def _form_state(spec: NodeSpec) -> dict[str, Any]:
    """Return the schema of the formState: without the client's own field `extra`, and open to unknown fields."""
    fields = {name: schema for name, schema in spec.schema["properties"].items() if name != "extra"}
    return {
        "type": "object",
        "required": spec.schema["required"],
        "properties": {name: _field(schema) for name, schema in fields.items()},
        "propertyNames": {"not": {"enum": sorted(fields_of_others(spec))}},
    }


def _field(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without null: only the client accepts it, for a field that is not set."""
    internal = {"zh", "media", "multiline", "advanced", "anyOf"}
    plain = {name: value for name, value in schema.items() if name not in internal and value is not None}
    given: dict[str, Any] = next((kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}), {})
    return {**plain, **given, **({"pattern": MEDIA_PATTERN} if "media" in schema else {})}


def _poll() -> dict[str, Any]:
    return {
        "operationId": "poll",
        "summary": "The status of a job, and its video once it is completed.",
        "parameters": [_path("id", {"type": "string"}, "The job id.")],
        "responses": {"200": _json("The job.", "Job"), **_errors(400, 401, 404)},
    }


def _put() -> dict[str, Any]:
    parameters = {"digest": "$response.body#/digest", "name": "$response.body#/name"}
    link = {"operationId": "get-file", "parameters": parameters}
    return {
        "operationId": "put-file",
        "summary": "Store a file and get a URL for it. The real service has no such endpoint.",
        "parameters": [_path("name", {"type": "string", "minLength": 1}, "The file name. It is made safe.")],
        "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        "responses": {"201": {**_json("The file is stored.", "File"), "links": {"file": link}}, **_errors(401, 413)},
    }


def _file() -> dict[str, Any]:
    digest = _path("digest", {"type": "string"}, "The start of the content's SHA-256.")
    name = _path("name", {"type": "string"}, "The file name.")
    return _download("get-file", "A stored file. Range requests are supported.", [digest, name])


def _output() -> dict[str, Any]:
    name = _path("name", {"type": "string"}, "The job id and `.mp4`.")
    operation = _download("get-output", "The video of a completed job. Range requests are supported.", [name])
    header = {"schema": {"type": "string"}, "description": "States that a preview engine rendered the video."}
    warning = {"schema": {"type": "string"}, "description": "Why the mouth does not follow the sound, if it does not."}
    operation["responses"]["200"]["headers"] = {
        "X-Lipsync-Preview-Engine": header,
        "X-Lipsync-Preview-Warning": warning,
    }
    return operation


def _download(operation: str, summary: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    whole = {"description": "The file.", "content": _ANY_FILE}
    return {
        "operationId": operation,
        "summary": summary,
        "security": [],
        "parameters": parameters,
        "responses": {"200": whole, **_RANGE_ANSWERS, **_errors(404)},
    }


def _path(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def _json(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _errors(*codes: int) -> dict[str, Any]:
    return {str(code): _json(_ERRORS[code], "Error") for code in codes}


def _nullable(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def _closed(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


_KEY: Final = {"type": "http", "scheme": "bearer", "description": "An API key, sk_…"}
_TOKEN: Final = {"type": "http", "scheme": "bearer", "description": "The token that the sandbox printed at its start."}
_WEBHOOK: Final = {
    "type": "string",
    "pattern": WEBHOOK_PATTERN,
    "description": "The job object is POSTed to this URL once the job ends.",
}
_ID: Final = {"type": "string", "pattern": _UUID}
_ACCEPTED: Final = _closed(id=_ID, status={"const": "processing"})
_ERROR: Final = _closed(error={"type": "string", "minLength": 1})
_FILE: Final = _closed(url={"type": "string"}, digest={"type": "string"}, name={"type": "string"})
_JOB: Final = _closed(
    id=_ID,
    model={"enum": ["lipsync", *(spec.id for spec in CATALOGUE)], "description": "`lipsync` until the job ends."},
    status={"enum": ["processing", "completed", "failed"]},
    output=_nullable({"type": "string"}, "URL of the video once completed."),
    error={"type": "string", "description": "Why the job failed; empty if it did not."},
    executionTime={"type": "integer", "minimum": 0, "description": "Milliseconds."},
    timings={"type": "null"},
)
