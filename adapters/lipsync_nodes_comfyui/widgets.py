"""Turns described inputs into ComfyUI's widgets. No field is named here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from comfy_api.v0_0_2 import io

from lipsync_nodes.host import FieldSpec

from .own_fields import UNSET
from .sockets import LipsyncJob

__all__ = ["input_of", "price_badge"]

SOCKETS: Final = {"image": io.Image, "audio": io.Audio, "video": io.Video, "mask": io.Mask}
# The largest integer that JavaScript represents exactly.
LARGEST: Final = 2**53 - 1
# What becomes of an integer after each run. A new `seed` is a new job to pay for, so it stays unless the user chooses
# otherwise. Versions that know no names for this would start with a random one.
FIXED: Final = io.ControlAfterGenerate.fixed if hasattr(io, "ControlAfterGenerate") else False


Prices = Mapping[str, tuple[str, str]]


def input_of(field: FieldSpec, prices: Prices) -> io.Input:
    """Render a described input as a widget, with a socket beside it where a value can come from another node."""
    made = _widget_of(field)
    made.extra_dict = _more_of(field, prices if _is_priced(field, prices) else {})
    return made


def _is_priced(field: FieldSpec, prices: Prices) -> bool:
    """Return whether the price depends on this field."""
    return bool(prices) and field.choices == tuple(prices)


def _more_of(field: FieldSpec, prices: Prices) -> dict[str, Any]:
    """Return what the frontend is told besides: `advanced`, and the texts of both languages for `web/lipsync.js`."""
    languages = zip(("en", "zh"), (field.labels, field.zh_labels), _placeholders(field), strict=True)
    texts = {
        language: {
            "labels": dict(zip(field.choices, labels, strict=False)),
            "placeholder": placeholder,
            "prices": {choice: both[language == "zh"] for choice, both in prices.items()},
        }
        for language, labels, placeholder in languages
    }
    return {"advanced": field.advanced or None, "lipsync": texts}


def _placeholders(field: FieldSpec) -> tuple[str, str]:
    """Return an example in each language. A text of several lines has its title there; the frontend shows no other."""
    if not field.example:
        return "", ""
    if field.multiline or field.type == "object":
        return f"{field.title}: {field.example}", f"{field.zh_title}：{field.zh_example}"
    return field.example, field.zh_example


def price_badge(fields: Iterable[FieldSpec], prices: Prices) -> Any:
    """Return the price as ComfyUI's badge: an expression over the widgets; None if there is none, or no such badge."""
    name = next((field.name for field in fields if _is_priced(field, prices)), None)
    if name is None or not hasattr(io, "PriceBadge"):
        return None
    texts = json.dumps({choice: english for choice, (english, _) in prices.items()})
    expression = f'{{"type": "text", "text": $lookup({texts}, widgets.{name})}}'
    return io.PriceBadge(expression, io.PriceBadgeDepends(widgets=[name]))


def _widget_of(field: FieldSpec) -> io.Input:
    title = field.title if field.title != field.name else None
    known: dict[str, Any] = {"display_name": title, "tooltip": field.help, "optional": not field.required}
    if field.choices:
        return io.Combo.Input(field.name, options=list(field.choices), default=field.default, **known)
    return _WIDGETS.get(field.type, _text)(field, known)


def _text(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    """Render a text; a media field takes a URL in the widget or the media by its socket."""
    if field.media:
        url = io.String.Input(field.name, default="", placeholder=field.example, **known)
        return io.MultiType.Input(url, [SOCKETS[field.media]])
    lines = field.multiline or field.type == "object"
    shown = {"placeholder": _placeholders(field)[0] or None, "dynamic_prompts": False if lines else None}
    return io.String.Input(field.name, default="", multiline=lines, **shown, **known)


def _integer(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    largest = LARGEST if field.maximum is None else field.maximum
    return io.Int.Input(field.name, default=UNSET, min=UNSET, max=largest, control_after_generate=FIXED, **known)


def _seconds(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    """Render a length in seconds; the media itself may come by the socket instead."""
    seconds = io.Float.Input(field.name, default=0.0, min=0.0, max=36000.0, step=0.1, **known)
    return io.MultiType.Input(seconds, [SOCKETS[field.media or ""]])


def _job(field: FieldSpec, known: dict[str, Any]) -> io.Input:
    """Render a job id; the job itself, or its video, may come by the socket instead."""
    job = io.String.Input(field.name, default="", placeholder=field.example, **known)
    return io.MultiType.Input(job, [LipsyncJob, *([SOCKETS[field.media]] if field.media else ())])


_WIDGETS: Final[dict[str, Callable[[FieldSpec, dict[str, Any]], io.Input]]] = {
    "integer": _integer,
    "boolean": lambda field, known: io.Boolean.Input(
        field.name, default=field.default, label_on="on", label_off="off", **known
    ),
    "seconds": _seconds,
    "job": _job,
    "job_or_video": _job,
    "socket": lambda field, known: SOCKETS[field.media or ""].Input(field.name, **known),
    "url": lambda field, known: io.String.Input(field.name, default="", placeholder=field.example, **known),
}
