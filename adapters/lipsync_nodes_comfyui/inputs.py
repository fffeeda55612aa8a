"""Turns the values of widgets and sockets into a form. No field is named here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lipsync_nodes import InvalidRequest
from lipsync_nodes.host import FieldSpec, NodeSpec, check_tags

from .media import media_of
from .own_fields import UNSET

if TYPE_CHECKING:
    from lipsync_nodes.host import PreparedForm

__all__ = ["form_of", "tags_of"]


def form_of(spec: NodeSpec, values: Mapping[str, Any], linked: Iterable[str] = ()) -> PreparedForm:
    """Build the form from the values of widgets and sockets.

    Args:
        spec: the endpoint.
        values: by input name; None where there is none.
        linked: inputs whose value comes through a socket later; the form is checked without them.

    Raises:
        InvalidRequest: names the input that is wrong.

    """
    from lipsync_nodes.host import PreparedForm  # noqa: PLC0415  # loaded with the first form, not at ComfyUI's start

    waiting = set(linked)
    given = {field.name: _given(field, values.get(field.name)) for field in spec.fields if field.name not in waiting}
    try:
        known = {name: value for name, value in given.items() if value is not None}
        return PreparedForm(spec.form_from(known, draft=bool(waiting)))
    except InvalidRequest as error:
        if wrong := [field.name for field in spec.media if field.name in error.facts.get("faults", {})]:
            error.remedy = ()
            error.advise("give_url_or_connect", field=wrong[0])
        raise


def _given(field: FieldSpec, value: Any) -> Any:
    """Return a value as the form takes it; a text for a media field is a URL."""
    if isinstance(value, str) and field.type == "object":
        return _object(field, value)
    if isinstance(value, str) or value is None:
        return value if value is None or field.multiline else value.strip()
    if field.type == "integer" and value == UNSET:
        return None
    return media_of(field, value) if field.media else value


def _object(field: FieldSpec, text: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(code="comfyui.not_json", field=field.name, reason=error) from None
    if not isinstance(value, dict):
        raise InvalidRequest(code="comfyui.not_an_object", field=field.name)
    return value


def tags_of(text: str | None) -> dict[str, str]:
    """Return the tags of a text such as `client=acme, project=spring`.

    Raises:
        InvalidRequest: a part of it is not a name and a value.

    """
    tags = {}
    for part in filter(str.strip, re.split(r"[,，\n]", text or "")):
        name, equals, value = map(str.strip, part.partition("="))
        if not equals:
            raise InvalidRequest(code="comfyui.not_a_tag", field="tags", value=name)
        tags[name] = value
    return check_tags(tags)
