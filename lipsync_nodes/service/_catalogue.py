"""The one list of endpoints. A new endpoint is one form in `contract` and one row of `CATALOGUE` here.

Command line, sandbox and adapters render their inputs from `NodeSpec.fields`; none of them lists endpoints or fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import URLS_ONLY
from lipsync_nodes.service._forms import Form, ImageForm, ImageMultiForm, VideoForm

__all__ = [
    "CATALOGUE",
    "Billed",
    "FieldSpec",
    "LengthUnknown",
    "MediaKind",
    "NodeSpec",
    "Seconds",
    "spec_named",
    "spec_of",
]


MediaKind = Literal["video", "image", "audio", "mask"]


class Seconds(NamedTuple):
    """How long the inputs last, in seconds, as far as it is known."""

    audio: float | None = None
    right_audio: float | None = None
    video: float | None = None


class LengthUnknown(InvalidRequest):
    """A length that the cost depends on is not known; nothing is wrong with the form."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What a job is billed for: seconds, and why that may be more than the truth (empty if it is exact)."""

    seconds: float
    caveat: str = ""


def _bill_audio(_form: Form, length: Seconds) -> Billed:
    return Billed(_known(length.audio, "audio_seconds"))


def _bill_video(_form: Form, length: Seconds) -> Billed:
    audio = _known(length.audio, "audio_seconds")
    if length.video is not None and length.video >= audio:
        return Billed(audio)
    # A longer audio extends the video and is billed on "video length"; the audio's length bounds every reading.
    return Billed(audio, "an audio longer than its video may be billed on either; the audio is the upper bound")


def _bill_two_audios(form: Form, length: Seconds) -> Billed:
    left = _known(length.audio, "audio_seconds")
    right = _known(length.right_audio, "right_audio_seconds")
    together = getattr(form, "order", None) == "meanwhile"
    return Billed(max(left, right) if together else left + right)


def _known(seconds: float | None, argument: str) -> float:
    if seconds is None:
        raise LengthUnknown(
            f"The cost depends on a length that is not known: {argument}.",
            hint=f"Give {argument} (in seconds).",
        )
    return seconds


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One input of a node, as a host renders it.

    Attributes:
        name: the formState field.
        type: its JSON type: string, integer or object.
        media: video, image, audio or mask if it is a media field, else None.
        default: the value that the service assumes where the field is left out; None if there is none.
        choices: the allowed values, empty if any is.
        minimum, maximum: the bounds of an integer; None if there is none.
        title, help: English; `zh_title`, `zh_help`: Chinese.

    """

    name: str
    type: str
    media: MediaKind | None
    required: bool
    default: Any
    choices: tuple[str, ...]
    title: str
    help: str
    zh_title: str
    zh_help: str
    multiline: bool = False
    advanced: bool = False
    minimum: int | None = None
    maximum: int | None = None

    @property
    def option(self) -> str:
        """The field's name as a command-line option, `--left-audio`."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True)
class NodeSpec:
    """One endpoint.

    Attributes:
        id: the service's own name for it, as in its path.
        form: the class of its formState.
        title, zh_title: what people call it.
        billed: the documented rule that turns lengths into billed seconds.

    """

    id: str
    form: type[Form]
    title: str
    zh_title: str
    billed: Callable[[Form, Seconds], Billed]

    @property
    def path(self) -> str:
        """The path below the base URL that a submit is POSTed to."""
        return f"/{self.id}"

    @property
    def command(self) -> str:
        """Its name as a subcommand: `image-multi`."""
        return self.id.removeprefix("lipsync-")

    @property
    def help(self) -> str:
        """One English sentence on what it does."""
        return (self.form.__doc__ or "").split(" (`")[0]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the form; `media` names the kind of a media field, `zh` holds the Chinese text."""
        schema = self.form.model_json_schema()
        schema["properties"]["extra"]["propertyNames"] = {"not": {"enum": list(schema["properties"])}}
        return schema

    def form_from(self, inputs: Mapping[str, Any]) -> Form:
        """Build the form from what its schema allows: a media text is a URL, never a path of this machine.

        For values that may come from anywhere; a local file is a `Path`, bytes or an open file there.

        Raises:
            InvalidRequest: names the fields that are wrong and what they want.

        """
        return self.form.model_validate(inputs, context=URLS_ONLY)

    @cached_property
    def fields(self) -> tuple[FieldSpec, ...]:
        """Its inputs, the required ones first, the advanced ones last."""
        required = self.schema["required"]
        fields = [_field(name, schema, name in required) for name, schema in self.schema["properties"].items()]
        return tuple(sorted(fields, key=lambda field: (not field.required, field.advanced)))

    def seconds(self, lengths: Mapping[str, float | None]) -> Seconds:
        """Sort the lengths of its media inputs, by field name and in seconds, into what the billing rule asks for."""
        audios = [lengths.get(field.name) for field in self.media if field.media == "audio"]
        videos = [lengths.get(field.name) for field in self.media if field.media == "video"]
        first, second = [*audios, None, None][:2]
        return Seconds(first, second, next(iter(videos), None))

    @property
    def media(self) -> tuple[FieldSpec, ...]:
        """Its media inputs."""
        return tuple(field for field in self.fields if field.media)


def _field(name: str, schema: Mapping[str, Any], required: bool) -> FieldSpec:
    plain = next((kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"), schema)
    return FieldSpec(
        name=name,
        type=plain["type"],
        media=schema.get("media"),
        required=required,
        default=schema.get("default"),
        choices=tuple(plain.get("enum", ())),
        title=schema["title"],
        help=schema["description"],
        zh_title=schema["zh"]["title"],
        zh_help=schema["zh"]["description"],
        multiline=schema.get("multiline", False),
        advanced=schema.get("advanced", False),
        minimum=plain.get("minimum"),
        maximum=plain.get("maximum"),
    )


CATALOGUE: tuple[NodeSpec, ...] = (
    NodeSpec("lipsync-video", VideoForm, "Lipsync Video", "视频对口型", _bill_video),
    NodeSpec("lipsync-image", ImageForm, "Lipsync Image", "图像对口型", _bill_audio),
    NodeSpec("lipsync-image-multi", ImageMultiForm, "Lipsync Image (two people)", "双人图像对口型", _bill_two_audios),
)


def spec_of(form: Form) -> NodeSpec:
    """Return the endpoint that takes this form; the form's class picks it."""
    for spec in CATALOGUE:
        if type(form) is spec.form:
            return spec
    raise InvalidRequest(f"No endpoint takes a {type(form).__name__}.")


def spec_named(name: str) -> NodeSpec:
    """Return the endpoint of this id (`lipsync-image`) or command (`image`)."""
    for spec in CATALOGUE:
        if name in {spec.id, spec.command}:
            return spec
    raise InvalidRequest(f"There is no endpoint {name!r}; there are: {', '.join(spec.id for spec in CATALOGUE)}.")
