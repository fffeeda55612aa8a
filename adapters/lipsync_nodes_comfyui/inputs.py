"""Turns described inputs into ComfyUI's widgets, and their values into a form. No field is named here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from comfy_api.v0_0_2 import io

from lipsync_nodes import InvalidRequest
from lipsync_nodes.host import FieldSpec, NodeSpec

from .descriptions import UNSET
from .media import media_of
from .sockets import LipsyncJob

if TYPE_CHECKING:
    from lipsync_nodes.host import PreparedForm

__all__ = ["form_of", "input_of"]

SOCKETS: Final = {"image": io.Image, "audio": io.Audio, "video": io.Video, "mask": io.Mask}
# The largest integer that JavaScript represents exactly.
LARGEST: Final = 2**53 - 1


def input_of(field: FieldSpec) -> io.Input:
    """Render a described input as a widget, with a socket beside it where a value can come from another node."""
    title = field.title if field.title != field.name else None
    known: dict[str, Any] = {"display_name": title, "tooltip": field.help, "optional": not field.required}
    if field.choices:
        return io.Combo.Input(field.name, options=list(field.choices), default=field.default, **known)
    return _WIDGETS.get(field.type, _text)(field, known)


def _text(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    """Render a text; a media field takes a URL in the widget or the media by its socket."""
    if field.media:
        url = io.String.Input(field.name, default="", placeholder=f"https://… or {field.media}", **known)
        return io.MultiType.Input(url, [SOCKETS[field.media]])
    lines = field.multiline or field.type == "object"
    return io.String.Input(field.name, default="", multiline=lines, dynamic_prompts=False if lines else None, **known)


def _integer(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    largest = LARGEST if field.maximum is None else field.maximum
    # By default the frontend draws a new `seed` after each run, and each would be a new job to pay for.
    return io.Int.Input(field.name, default=UNSET, min=UNSET, max=largest, control_after_generate=False, **known)


def _seconds(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    """Render a length in seconds; the media itself may come by the socket instead."""
    seconds = io.Float.Input(field.name, default=0.0, min=0.0, max=36000.0, step=0.1, **known)
    return io.MultiType.Input(seconds, [SOCKETS[field.media or ""]])


def _job(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    job = io.String.Input(field.name, default="", placeholder="a job id", **known)
    return io.MultiType.Input(job, [LipsyncJob])


_WIDGETS: Final[dict[str, Callable[[FieldSpec, dict[str, Any]], io.Input]]] = {
    "integer": _integer,
    "boolean": lambda field, known: io.Boolean.Input(field.name, default=field.default, **known),
    "seconds": _seconds,
    "job": _job,
    "url": lambda field, known: io.String.Input(field.name, default="", placeholder="https://…", **known),
}


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
        if any(field.name in error.facts.get("faults", {}) for field in spec.media):
            error.remedy = ("give_url_or_connect",)
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
