"""The catalogue's fields → ComfyUI's inputs, and what ComfyUI gives for them → a form. No field is named here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from comfy_api.v0_0_2 import io

from lipsync_nodes.catalogue import CATALOGUE, FieldSpec, NodeSpec
from lipsync_nodes.contract import Form
from lipsync_nodes.errors import InvalidRequest

from .media import media_of

__all__ = ["form_of", "input_of", "own_inputs", "timed_fields", "timed_input"]

SOCKETS: Final = {"image": io.Image, "audio": io.Audio, "video": io.Video, "mask": io.Mask}
# A whole number without a default is a widget all the same; this stands for "not given".
UNSET: Final = -1
# JavaScript counts no further.
LARGEST: Final = 2**53 - 1
MEDIA_HINT: Final = "Give a public URL, or load a file of this machine and connect it. Nothing was charged."

TEMP, OUTPUT = "temp", "output"
STOP, SKIP = "stop", "skip"


def input_of(field: FieldSpec) -> io.Input:
    """Render a field as a widget; a media field takes a URL in the widget or the media by its socket."""
    known: dict[str, Any] = {"display_name": field.title, "tooltip": field.help, "optional": not field.required}
    if field.media:
        url = io.String.Input(field.name, default="", placeholder=f"https://… or {field.media}", **known)
        return io.MultiType.Input(url, [SOCKETS[field.media]])
    if field.choices:
        return io.Combo.Input(field.name, options=list(field.choices), default=field.default, **known)
    if field.type == "integer":
        known["tooltip"] += f" {UNSET}: not given."
        # Left to itself the frontend draws a new `seed` after each run, and each would be a new job to pay for.
        known["control_after_generate"] = False
        return io.Int.Input(
            field.name, default=UNSET, min=UNSET, max=LARGEST if field.maximum is None else field.maximum, **known
        )
    if field.type == "object":
        known["tooltip"] += " A JSON object."
    lines = field.multiline or field.type == "object"
    return io.String.Input(field.name, default="", multiline=lines, dynamic_prompts=False if lines else None, **known)


def own_inputs(*names: str) -> list[io.Input]:
    """Return those inputs that are not the endpoint's, but this pack's."""
    return [_OWN[name]() for name in names]


_OWN: Final[dict[str, Callable[[], io.Input]]] = {
    "force_new": lambda: io.Boolean.Input(
        "force_new",
        default=False,
        optional=True,
        display_name="Force new",
        tooltip="Submit a new job each time, and pay for it, even if the same was submitted before. "
        "Also the way on after a submit whose outcome is unknown.",
    ),
    "on_failure": lambda: io.Combo.Input(
        "on_failure",
        options=[STOP, SKIP],
        default=STOP,
        optional=True,
        display_name="On failure",
        tooltip="What a failed job does: stop the run, or skip what comes after this node and let the rest go on.",
    ),
    "save_in": lambda: io.Combo.Input(
        "save_in",
        options=[TEMP, OUTPUT],
        default=TEMP,
        optional=True,
        display_name="Save in",
        tooltip="The folder of the video, which is named by the job: temp is emptied when ComfyUI starts.",
    ),
    "profile": lambda: io.String.Input(
        "profile",
        default="",
        optional=True,
        display_name="Profile",
        tooltip="The name of a profile in profiles.toml; empty: the one of the environment (LIPSYNC_API_KEY). "
        "Never write a key here: it would be saved with the workflow.",
    ),
}


def form_of(spec: NodeSpec, values: Mapping[str, Any], linked: Iterable[str] = ()) -> Form:
    """Build the form from what the widgets and sockets gave.

    Args:
        spec: the endpoint.
        values: by input name; None where there is none.
        linked: media inputs whose value is not there yet; the form is checked without them.

    Raises:
        InvalidRequest: names the input that is wrong.

    """
    waiting = set(linked)
    given = {field.name: _given(field, values.get(field.name)) for field in spec.fields if field.name not in waiting}
    # A value that comes through a socket later cannot be wrong yet.
    stand_in = {field.name: b"?" for field in spec.fields if field.name in waiting and field.media}
    try:
        return spec.form_from({name: value for name, value in (given | stand_in).items() if value is not None})
    except InvalidRequest as error:
        about_media = any(f"`{field.name}`" in error.message for field in spec.media)
        raise InvalidRequest(error.message, hint=MEDIA_HINT if about_media else None) from None


def _given(field: FieldSpec, value: Any) -> Any:
    """Return a field's value as the form takes it; a text is kept, and a media text is a URL there."""
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
        raise InvalidRequest(f"`{field.name}` is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidRequest(f'`{field.name}` must be a JSON object such as {{"name": 1}}.')
    return value


def timed_fields() -> list[FieldSpec]:
    """Return the media fields of all endpoints that last some time, each name once."""
    fields = {field.name: field for spec in CATALOGUE for field in spec.media if field.media in {"audio", "video"}}
    return list(fields.values())


def timed_input(field: FieldSpec) -> io.Input:
    """Render a timed field as its length in seconds, or the media itself by its socket."""
    seconds = io.Float.Input(
        field.name,
        default=0.0,
        min=0.0,
        max=36000.0,
        step=0.1,
        optional=True,
        display_name=field.title,
        tooltip=f"{field.title}: how long it lasts, in seconds, or the media itself. 0: not known, or not needed.",
    )
    return io.MultiType.Input(seconds, [SOCKETS[field.media or ""]])
