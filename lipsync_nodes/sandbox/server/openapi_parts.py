"""The parts that an OpenAPI document is put together from."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["ANY_FILE", "RANGE_ANSWERS", "closed", "errors", "json_body", "nullable", "path"]

_ERRORS: Final = {
    400: "The body is not a JSON object, or a GET has a body.",
    401: "The API key is missing or wrong.",
    403: "The request is from a page of another site.",
    404: "There is no such thing.",
    410: "The video has expired.",
    413: "The request is too large.",
    415: "The Content-Type is not application/json.",
    422: "A field is missing or wrong. The error names it.",
}
ANY_FILE: Final = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
RANGE_ANSWERS: Final = {
    "206": {"description": "The part that the Range header asks for.", "content": ANY_FILE},
    "400": {"description": "The Range header is malformed.", "content": {"text/plain": {"schema": {"type": "string"}}}},
    "416": {"description": "There is no such range.", "content": {"text/plain": {"schema": {"type": "string"}}}},
}


def path(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return a parameter in the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def json_body(description: str, schema: str | dict[str, Any]) -> dict[str, Any]:
    """Return a response with JSON; *schema*: the name of one of the document's, or itself."""
    named = {"$ref": f"#/components/schemas/{schema}"}
    return {
        "description": description,
        "content": {"application/json": {"schema": named if isinstance(schema, str) else schema}},
    }


def errors(*codes: int) -> dict[str, Any]:
    """Return the error responses with these status codes."""
    return {str(code): json_body(_ERRORS[code], "Error") for code in codes}


def nullable(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Return a schema that accepts null too."""
    return {"anyOf": [schema, {"type": "null"}], "description": description}


def closed(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these properties."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
