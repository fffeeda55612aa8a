"""The OpenAPI document of the API and the file store. The endpoints and their forms come from the catalogue."""

from __future__ import annotations

from typing import Any, Final

from lipsync_nodes.sandbox.jobs.store import API_PATH
from lipsync_nodes.sandbox.server.openapi_control import CONTROL_SCHEMAS, control_paths
from lipsync_nodes.sandbox.server.openapi_parts import (
    ANY_FILE,
    RANGE_ANSWERS,
    closed,
    errors,
    json_body,
    nullable,
    path,
)
from lipsync_nodes.sandbox.server.parsing import fields_of_others
from lipsync_nodes.sandbox.server.urls import MEDIA_PATTERN, WEBHOOK_PATTERN
from lipsync_nodes.service import CATALOGUE, NodeSpec

__all__ = ["document"]

_UUID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_DESCRIPTION: Final = (
    "The lipsync.studio API on this machine, over real HTTP. The videos come from a preview engine. They do not show "
    "the service's quality."
)
_TAGS: Final = {
    "service": "What the service has too.",
    "files": "Media and videos.",
    "sandbox": "What only the sandbox has, for tests.",
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
            **control_paths([{"token": []}] if token else []),
        },
        "webhooks": {"job-ended": {"post": _webhook()}},
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "components": {
            "securitySchemes": {"key": _KEY} | ({"token": _TOKEN} if token else {}),
            "schemas": {"Accepted": _ACCEPTED, "Job": _JOB, "Error": _ERROR, "File": _FILE, **CONTROL_SCHEMAS},
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
        "tags": ["service"],
        "summary": spec.help,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "200": {**json_body("The job is accepted.", "Accepted"), "links": links},
            **errors(400, 401, 413, 415, 422),
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
        "tags": ["service"],
        "summary": "The status of a job, and its video once it is completed.",
        "parameters": [path("id", {"type": "string"}, "The job id.")],
        "responses": {"200": json_body("The job.", "Job"), **errors(400, 401, 404)},
    }


def _webhook() -> dict[str, Any]:
    return {
        "operationId": "job-ended",
        "summary": "The ended job, sent to the `webhook` of its submission. It is not signed.",
        "tags": ["service"],
        "security": [],
        "requestBody": json_body("The job.", "Job") | {"required": True},
        "responses": {"2XX": {"description": "It is delivered. With any other status it is tried three times in all."}},
    }


def _put() -> dict[str, Any]:
    parameters = {"digest": "$response.body#/digest", "name": "$response.body#/name"}
    link = {"operationId": "get-file", "parameters": parameters}
    return {
        "operationId": "put-file",
        "tags": ["files"],
        "summary": "Store a file and get a URL for it. The real service has no such endpoint.",
        "parameters": [path("name", {"type": "string", "minLength": 1}, "The file name. It is made safe.")],
        "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        "responses": {"201": {**json_body("The file is stored.", "File"), "links": {"file": link}}, **errors(401, 413)},
    }


def _file() -> dict[str, Any]:
    digest = path("digest", {"type": "string"}, "The start of the content's SHA-256.")
    name = path("name", {"type": "string"}, "The file name.")
    return _download("get-file", "A stored file. Range requests are supported.", [digest, name])


def _output() -> dict[str, Any]:
    name = path("name", {"type": "string"}, "The job id and `.mp4`.")
    operation = _download("get-output", "The video of a completed job. Range requests are supported.", [name])
    header = {"schema": {"type": "string"}, "description": "States that a preview engine rendered the video."}
    warning = {
        "schema": {"type": "string"},
        "description": "What is wrong with the video: the mouth does not follow the sound, for example.",
    }
    operation["responses"] |= errors(410)
    operation["responses"]["200"]["headers"] = {
        "X-Lipsync-Preview-Engine": header,
        "X-Lipsync-Preview-Warning": warning,
    }
    return operation


def _download(operation: str, summary: str, parameters: list[dict[str, Any]]) -> dict[str, Any]:
    whole = {"description": "The file.", "content": ANY_FILE}
    return {
        "operationId": operation,
        "tags": ["files"],
        "summary": summary,
        "security": [],
        "parameters": parameters,
        "responses": {"200": whole, **RANGE_ANSWERS, **errors(404)},
    }


_KEY: Final = {"type": "http", "scheme": "bearer", "description": "An API key, sk_…"}
_TOKEN: Final = {"type": "http", "scheme": "bearer", "description": "The token that the sandbox printed at its start."}
_WEBHOOK: Final = {
    "type": "string",
    "pattern": WEBHOOK_PATTERN,
    "description": "The job object is POSTed to this URL once the job ends.",
}
_ID: Final = {"type": "string", "pattern": _UUID}
_ACCEPTED: Final = closed(id=_ID, status={"const": "processing"})
_ERROR: Final = closed(error={"type": "string", "minLength": 1})
_FILE: Final = closed(url={"type": "string"}, digest={"type": "string"}, name={"type": "string"})
_JOB: Final = closed(
    id=_ID,
    model={"enum": ["lipsync", *(spec.id for spec in CATALOGUE)], "description": "`lipsync` until the job ends."},
    status={"enum": ["processing", "completed", "failed"]},
    output=nullable({"type": "string"}, "URL of the video once completed."),
    error={"type": "string", "description": "Why the job failed; empty if it did not."},
    executionTime={"type": "integer", "minimum": 0, "description": "Milliseconds."},
    timings={"type": "null"},
)
