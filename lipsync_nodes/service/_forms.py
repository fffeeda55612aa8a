"""The forms: what is sent to the service, as models without I/O.

The service documents the three endpoints, the fields of `lipsync-video` and `lipsync-image`, the job object and its
three statuses. The fields of `lipsync-image-multi` besides the two audios are inferred from the upstream model.
Undocumented values are tolerated: unknown fields of a response are kept, and an unknown status means "not finished".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import (
    Asset,
    Media,
    OptionalMedia,
    OptionalText,
    Order,
    Resolution,
    Seed,
    brief,
    shown,
)

_VIDEO = shown(
    ("Video", "视频"),
    ("The video to lip-sync: MP4 or MOV.", "要改变口型的视频：MP4 或 MOV。"),
    example=("https://example.com/talk.mp4",) * 2,
    media="video",
)
_IMAGE = shown(
    ("Image", "图像"),
    ("The image of the face: PNG or JPG.", "人脸图像：PNG 或 JPG。"),
    example=("https://example.com/face.png",) * 2,
    media="image",
)
_SPEECH = ("https://example.com/speech.mp3",) * 2
_AUDIO = shown(
    ("Audio", "音频"), ("The speech: MP3 or WAV.", "要说出的语音：MP3 或 WAV。"), example=_SPEECH, media="audio"
)
_LEFT = shown(
    ("Left audio", "左侧音频"),
    ("The speech of the person on the left: MP3 or WAV.", "画面左侧人物的语音：MP3 或 WAV。"),
    example=_SPEECH,
    media="audio",
)
_RIGHT = shown(
    ("Right audio", "右侧音频"),
    ("The speech of the person on the right: MP3 or WAV.", "画面右侧人物的语音：MP3 或 WAV。"),
    example=_SPEECH,
    media="audio",
)
_MASK = shown(
    ("Mask image", "遮罩图像"),
    ("Marks the part of the image that may move.", "标出画面中允许运动的区域。"),
    example=("https://example.com/mask.png",) * 2,
    media="mask",
    advanced=True,
)


class Form(BaseModel):
    """The fields that all forms have. The service calls a form formState.

    An invalid field raises `InvalidRequest`, which names the field and says what it accepts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    resolution: Annotated[
        Resolution,
        shown(
            ("Resolution", "分辨率"),
            (
                "The video's short side: 480p costs 2 credits a second, 720p costs 4.",
                "视频短边：480p 每秒 2 积分，720p 每秒 4 积分。",
            ),
        ),
    ] = "480p"
    prompt: Annotated[
        OptionalText,
        shown(
            ("Prompt", "提示词"),
            ("A few words about expression and movement.", "用几个词描述表情与动作。"),
            example=("A friendly speaker nods and smiles", "友好的讲述者，点头微笑"),
            multiline=True,
        ),
    ] = None
    seed: Annotated[
        Seed | None,
        shown(
            ("Seed", "随机种子"),
            ("An integer; the same seed asks for the same result.", "整数；相同的种子请求相同的结果。"),
        ),
    ] = None
    mask_image: Annotated[OptionalMedia, _MASK] = None
    extra: Annotated[
        dict[str, JsonValue],
        WithJsonSchema({"type": "object"}),  # without references, so the schema can be embedded anywhere
        shown(
            ("Extra fields", "附加字段"),
            ("Additional formState fields, sent unchanged.", "其他 formState 字段，原样发送。"),
            example=('{"new_field": 1}',) * 2,
            advanced=True,
        ),
    ] = Field(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _speak_plainly(cls, data: Any, handler: Any) -> Self:
        try:
            form: Self = handler(data)
        except ValidationError as error:
            raise InvalidRequest(code="form.wrong_fields", faults=_faults(error)) from None
        return form

    @field_validator("extra")
    @classmethod
    def _extra_hides_nothing(cls, extra: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if clash := sorted(extra.keys() & cls.model_fields.keys()):
            raise ValueError(f"may not repeat a field of the form: {', '.join(clash)}")
        return extra

    def form_state(self, urls: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Return the JSON object that is sent: fields as given, `extra` merged in, unset fields left out.

        *urls* has those of the media fields without a URL of their own, which the clients publish before they submit.
        `InvalidRequest` if one is missing.
        """
        urls = urls or {}
        if missing := [name for name in self.assets if name not in urls]:
            raise InvalidRequest(code="form.unpublished", fields=missing)
        given = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        given |= urls
        return {name: value for name, value in given.items() if value is not None and name != "extra"} | self.extra

    @property
    def assets(self) -> dict[str, Asset]:
        """The media fields that have no URL yet."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in given.items() if isinstance(value, Asset)}


class VideoForm(Form):
    """Make the person in a video speak an audio (`lipsync-video`)."""

    video: Annotated[Media, _VIDEO]
    audio: Annotated[Media, _AUDIO]


class ImageForm(Form):
    """Make the person in an image speak an audio (`lipsync-image`)."""

    image: Annotated[Media, _IMAGE]
    audio: Annotated[Media, _AUDIO]


class ImageMultiForm(Form):
    """Make two people in an image speak one audio each (`lipsync-image-multi`)."""

    image: Annotated[Media, _IMAGE]
    left_audio: Annotated[Media, _LEFT]
    right_audio: Annotated[Media, _RIGHT]
    order: Annotated[
        Order,
        shown(
            ("Order", "顺序"),
            (
                (
                    "Who speaks when: both at once (meanwhile), which bills the longer audio, or one after the other, "
                    "which bills both."
                ),
                "发言顺序：同时（meanwhile），按较长的音频计费；或先后，按两段之和计费。",
            ),
            labels=(("both at once", "left, then right", "right, then left"), ("同时", "先左后右", "先右后左")),
        ),
    ] = "meanwhile"


def _faults(error: ValidationError) -> dict[str, Any]:
    """Return what is wrong with each field, without values that could be long or secret."""
    faults: dict[str, Any] = {}
    for fault in error.errors(include_url=False):
        field = ".".join(str(step) for step in fault["loc"][:2]) or "form"
        words = fault["msg"].removeprefix("Value error, ")
        shown = brief(fault["input"]) if isinstance(fault["input"], str | int | float) else None
        faults.setdefault(field, {"code": "form.fault", "fault": words, "value": shown})
    return faults
