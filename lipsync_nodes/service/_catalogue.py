"""The only list of endpoints. A new endpoint needs a form in `_forms` and a row in `CATALOGUE`.

The command line, the sandbox and the adapters build their inputs from `NodeSpec.fields`. None of them has its own list
of endpoints or fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from pydantic import create_model
from pydantic.fields import FieldInfo

from lipsync_nodes._shared import cached_property
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import URLS_ONLY, Resolution
from lipsync_nodes.service._forms import Form, ImageForm, ImageMultiForm, VideoForm
from lipsync_nodes.service._pricing import (
    CreditRule,
    Credits,
    Lengths,
    credits_of_audio,
    credits_of_two_audios,
    credits_of_video,
)

MediaKind = Literal["video", "image", "audio", "mask"]
_TIMED: Final = frozenset({"audio", "video"})


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One input of a node, with everything that a host needs to show it.

    Attributes:
        name: the name of the formState field.
        type: its JSON type: string, integer or object.
        media: video, image, audio or mask for a media field, else None.
        default: the value that the service uses if the field is left out; None if there is none.
        choices: the allowed values; empty if all values are allowed.
        minimum, maximum: the limits of an integer; None if there are none.
        title, help: the texts in English; `zh_title`, `zh_help`: in Chinese.
        example, zh_example: a value as an example; empty if there is none.
        labels, zh_labels: what people read instead of the choices, in their order; empty if the choices are plain.

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
    example: str = ""
    zh_example: str = ""
    labels: tuple[str, ...] = ()
    zh_labels: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The field's name as a command-line option, `--left-audio`."""
        return "--" + self.name.replace("_", "-")

    @property
    def timed(self) -> bool:
        """Whether it is an audio or a video, which has a length."""
        return self.media in _TIMED

    @property
    def seconds(self) -> str:
        """The name of the argument or option for its length, `audio_seconds`."""
        return f"{self.name}_seconds"

    @property
    def schema(self) -> dict[str, Any]:
        """Its JSON Schema in plain words, for a host that reads media from more than URLs."""
        limits = {"enum": list(self.choices), "minimum": self.minimum, "maximum": self.maximum, "default": self.default}
        known = {name: value for name, value in limits.items() if value not in (None, [], {})}
        return {"type": self.type, "title": self.title, "description": self.help} | known


class Rate(NamedTuple):
    """What the videos of an endpoint cost: credits for a second, and the least credits for a video."""

    second: float
    least: int


@dataclass(frozen=True)
class NodeSpec:
    """One endpoint.

    Attributes:
        id: the service's name for it, as in its path.
        form: the class of its formState.
        title, zh_title: the title for people, in English and in Chinese.
        credits: the documented rule for its cost.

    """

    id: str
    form: type[Form]
    title: str
    zh_title: str
    credits: CreditRule

    @property
    def path(self) -> str:
        """The path below the base URL to which a form is POSTed."""
        return f"/{self.id}"

    @property
    def command(self) -> str:
        """Its name as a subcommand: `image-multi`."""
        return self.id.removeprefix("lipsync-")

    @property
    def help(self) -> str:
        """One English sentence that says what it does, without a full stop."""
        return (self.form.__doc__ or "").split(" (`")[0]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the form. `media` is the kind of a media field, and `zh` has the Chinese texts."""
        schema = self.form.model_json_schema()
        schema["properties"]["extra"]["propertyNames"] = {"not": {"enum": list(schema["properties"])}}
        return schema

    @cached_property
    def draft(self) -> type[Form]:
        """The form without required fields, for an estimate for example. Clients do not submit it."""
        required = {name: field for name, field in self.form.model_fields.items() if field.is_required()}
        optional: dict[str, Any] = {
            name: (field.annotation, FieldInfo.merge_field_infos(field, default=None))
            for name, field in required.items()
        }
        return create_model(self.form.__name__, __base__=self.form, **optional)

    def form_from(self, inputs: Mapping[str, Any], *, draft: bool = False) -> Form:
        """Build the form from untrusted values: a string in a media field is always a URL, never a local path.

        Pass a local file as a `Path`, as bytes or as an open file.

        Args:
            inputs: the values by field name.
            draft: allow missing required fields. The result cannot be submitted.

        Raises:
            InvalidRequest: names the invalid fields and what they accept.

        """
        return (self.draft if draft else self.form).model_validate(inputs, context=URLS_ONLY)

    @cached_property
    def fields(self) -> tuple[FieldSpec, ...]:
        """Its inputs: the required ones first, the advanced ones last."""
        required = self.schema["required"]
        fields = [_field(name, schema, name in required) for name, schema in self.schema["properties"].items()]
        return tuple(sorted(fields, key=lambda field: (not field.required, field.advanced)))

    @property
    def arguments(self) -> dict[str, Any]:
        """The JSON Schemas of its inputs, and of the lengths of its media (`audio_seconds`), which are all optional."""
        length = {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Its length in seconds, for the cost. Files are measured.",
        }
        return {field.name: field.schema for field in self.fields} | {field.seconds: length for field in self.timed}

    @cached_property
    def rates(self) -> Mapping[str, Rate]:
        """What its videos cost, by resolution."""
        names = get_args(Resolution)
        return {name: Rate(self.cost_of(name, 1000) / 1000, int(self.cost_of(name, 0))) for name in names}

    def cost_of(self, resolution: Resolution | None, seconds: float) -> Credits:
        """Return what a video of this length costs by its rule, if the media that it was made from are not known.

        Without a resolution it is the one that the service uses then.
        """
        return self.credits(
            self._drafts[resolution], Lengths({field.name: seconds for field in self.timed if field.media == "audio"})
        )

    @cached_property
    def _drafts(self) -> Mapping[Resolution | None, Form]:
        """A form of each resolution, for the prices."""
        given = {None: {}, **{name: {"resolution": name} for name in get_args(Resolution)}}
        return {resolution: self.form_from(inputs, draft=True) for resolution, inputs in given.items()}

    @property
    def media(self) -> tuple[FieldSpec, ...]:
        """Its media inputs."""
        return tuple(field for field in self.fields if field.media)

    @cached_property
    def media_names(self) -> tuple[str, ...]:
        """The names of its media inputs, without the JSON Schema, which pydantic imports something for."""
        extras = {name: field.json_schema_extra for name, field in self.form.model_fields.items()}
        return tuple(name for name, extra in extras.items() if isinstance(extra, dict) and "media" in extra)

    @property
    def timed(self) -> tuple[FieldSpec, ...]:
        """Its media inputs that have a length."""
        return tuple(field for field in self.fields if field.timed)


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
        example=schema.get("example", ""),
        zh_example=schema["zh"].get("example", ""),
        labels=tuple(schema.get("labels", ())),
        zh_labels=tuple(schema["zh"].get("labels", ())),
    )


CATALOGUE: tuple[NodeSpec, ...] = (
    NodeSpec("lipsync-video", VideoForm, "Lipsync Video", "视频对口型", credits_of_video),
    NodeSpec("lipsync-image", ImageForm, "Lipsync Image", "图像对口型", credits_of_audio),
    NodeSpec(
        "lipsync-image-multi", ImageMultiForm, "Lipsync Image (two people)", "双人图像对口型", credits_of_two_audios
    ),
)


def spec_of(form: Form, *, draft: bool = False) -> NodeSpec:
    """Return the endpoint for the class of this form. A draft of a form is accepted only with *draft*."""
    for spec in CATALOGUE:
        if type(form) is spec.form or (draft and isinstance(form, spec.form)):
            return spec
    raise InvalidRequest(code="endpoint.none_for_form", kind=type(form).__name__)


def spec_named(name: str) -> NodeSpec:
    """Return the endpoint with this id (`lipsync-image`) or command (`image`)."""
    for spec in CATALOGUE:
        if name in {spec.id, spec.command}:
            return spec
    raise InvalidRequest(code="endpoint.unknown", name=name, known=[spec.id for spec in CATALOGUE])
