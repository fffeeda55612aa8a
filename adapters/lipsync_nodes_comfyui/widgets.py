"""Turns described inputs into ComfyUI's widgets. No field is named here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from comfy_api.v0_0_2 import io

from lipsync_nodes.host import FieldSpec

from .descriptions import UNSET
from .sockets import LipsyncJob

__all__ = ["input_of"]

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
