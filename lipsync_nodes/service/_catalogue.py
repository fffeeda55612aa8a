"""The one list of endpoints. A new endpoint is one form in `contract` and one row of `CATALOGUE` here.

Command line, sandbox and adapters render their inputs from `NodeSpec.fields`; none of them lists endpoints or fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import create_model
from pydantic.fields import FieldInfo

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import URLS_ONLY
from lipsync_nodes.service._forms import Form, ImageForm, ImageMultiForm, VideoForm
from lipsync_nodes.service._pricing import CreditRule, credits_of_audio, credits_of_two_audios, credits_of_video

__all__ = [
    "CATALOGUE",
    "FieldSpec",
    "MediaKind",
    "NodeSpec",
    "spec_named",
    "spec_of",
]


MediaKind = Literal["video", "image", "audio", "mask"]
_TIMED: Final = frozenset({"audio", "video"})


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

    @property
    def timed(self) -> bool:
        """Whether it is a medium that has a length."""
        return self.media in _TIMED

    @property
    def seconds(self) -> str:
        """The name of its length where that is an argument or an option, `audio_seconds`."""
        return f"{self.name}_seconds"


@dataclass(frozen=True)
class NodeSpec:
    """One endpoint.

    Attributes:
        id: the service's own name for it, as in its path.
        form: the class of its formState.
        title, zh_title: what people call it.
        credits: the documented rule of what it costs.

    """

    id: str
    form: type[Form]
    title: str
    zh_title: str
    credits: CreditRule

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

    @cached_property
    def draft(self) -> type[Form]:
        """The form with nothing required, for what needs only a part of it; no client submits one."""
        required = {name: field for name, field in self.form.model_fields.items() if field.is_required()}
        optional: dict[str, Any] = {
            name: (field.annotation, FieldInfo.merge_field_infos(field, default=None))
            for name, field in required.items()
        }
        return create_model(self.form.__name__, __base__=self.form, **optional)

    def form_from(self, inputs: Mapping[str, Any], *, draft: bool = False) -> Form:
        """Build the form from what its schema allows: a media text is a URL, never a path of this machine.

        For values that may come from anywhere; a local file is a `Path`, bytes or an open file there.

        Args:
            inputs: by field name.
            draft: let required fields be left out; the result cannot be submitted.

        Raises:
            InvalidRequest: names the fields that are wrong and what they want.

        """
        return (self.draft if draft else self.form).model_validate(inputs, context=URLS_ONLY)

    @cached_property
    def fields(self) -> tuple[FieldSpec, ...]:
        """Its inputs, the required ones first, the advanced ones last."""
        required = self.schema["required"]
        fields = [_field(name, schema, name in required) for name, schema in self.schema["properties"].items()]
        return tuple(sorted(fields, key=lambda field: (not field.required, field.advanced)))

    @property
    def media(self) -> tuple[FieldSpec, ...]:
        """Its media inputs."""
        return tuple(field for field in self.fields if field.media)

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
    )


CATALOGUE: tuple[NodeSpec, ...] = (
    NodeSpec("lipsync-video", VideoForm, "Lipsync Video", "视频对口型", credits_of_video),
    NodeSpec("lipsync-image", ImageForm, "Lipsync Image", "图像对口型", credits_of_audio),
    NodeSpec(
        "lipsync-image-multi", ImageMultiForm, "Lipsync Image (two people)", "双人图像对口型", credits_of_two_audios
    ),
)


def spec_of(form: Form, *, draft: bool = False) -> NodeSpec:
    """Return the endpoint that takes this form; the form's class picks it. A *draft* of one is taken only if asked."""
    for spec in CATALOGUE:
        if type(form) is spec.form or (draft and isinstance(form, spec.form)):
            return spec
    raise InvalidRequest(f"No endpoint takes a {type(form).__name__}.")


def spec_named(name: str) -> NodeSpec:
    """Return the endpoint of this id (`lipsync-image`) or command (`image`)."""
    for spec in CATALOGUE:
        if name in {spec.id, spec.command}:
            return spec
    raise InvalidRequest(f"There is no endpoint {name!r}; there are: {', '.join(spec.id for spec in CATALOGUE)}.")
