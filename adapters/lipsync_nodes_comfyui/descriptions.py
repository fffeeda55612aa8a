"""The names, inputs and outputs of all nodes, in English and in Chinese. It needs no ComfyUI.

The schemas of the nodes are built from this, and so are `locales` and the help pages (`install/pages.py`). The texts of
an endpoint come from the core's catalogue, those of the pack's own inputs and outputs from `own_fields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lipsync_nodes.host import CATALOGUE, FieldSpec, NodeSpec

from .own_fields import (
    CHECK,
    ENDPOINT,
    FETCH,
    FORCE_NEW,
    JOB,
    JOB_OR_VIDEO,
    ON_FAILURE,
    OUTPUT_URL,
    PROFILE,
    SAVE_IN,
    SOUNDS,
    TAGS,
    UNSET,
    VIDEO_OUTPUTS,
)

__all__ = [
    "ALIASES",
    "CHECK_INPUTS",
    "DESCRIPTIONS",
    "DOWNLOAD",
    "ESTIMATE",
    "VERIFY",
    "WAIT",
    "Description",
    "prices",
    "run_node",
    "submit_node",
]

# What people search for.
ALIASES: Final = (
    "lip sync", "lipsync", "talking head", "talking photo", "avatar", "digital human", "dub", "dubbing",
    "speech to video", "对口型", "口型同步", "数字人", "口播", "会说话的照片", "配音",
)  # fmt: skip


@dataclass(frozen=True)
class Description:
    """One node.

    Attributes:
        id: its name in saved graphs; it never changes.
        title, help: English; `zh_title`, `zh_help`: Chinese.
        inputs: in order, the required ones first. A `type` is that of JSON, or one of the pack: `job` (a job by its
            socket, or its id), `url`, or `seconds` (a length, or the media itself).
        outputs: names, in order.
        spec: the endpoint that it submits to, and so what it costs; None if it costs nothing.

    """

    id: str
    title: str
    help: str
    zh_title: str
    zh_help: str
    inputs: tuple[FieldSpec, ...]
    outputs: tuple[str, ...]
    spec: NodeSpec | None = None


# What a user must know about the widget of a type, in both languages; it is appended to the help of a field.
_WIDGETS: Final[Mapping[str, tuple[str, str]]] = {
    "integer": (f" {UNSET}: not set.", f"{UNSET}：不指定。"),
    "object": (" A JSON object.", "JSON 对象。"),
}
# A saved graph has the values of its widgets in their order, so new ones come after all others.
_LATER: Final = (CHECK, TAGS)


def _fields(spec: NodeSpec) -> tuple[FieldSpec, ...]:
    """Return the fields of an endpoint; their help includes what a user must know about the widget."""
    return tuple(map(_with_widget, spec.fields))


def _with_widget(field: FieldSpec) -> FieldSpec:
    en, zh = _WIDGETS.get(field.type, ("", ""))
    return replace(field, help=field.help + en, zh_help=field.zh_help + zh)


def _node_name(spec: NodeSpec) -> str:
    return spec.command.title().replace("-", "")


def submit_node(spec: NodeSpec) -> Description:
    """Describe the node that submits to an endpoint."""
    return Description(
        f"LipsyncSubmit{_node_name(spec)}",
        f"Submit: {spec.title}",
        f"{spec.help}. Submits the job and returns it at once; a Lipsync Wait node waits for the video.",
        f"提交：{spec.zh_title}",
        f"{spec.zh_title}：提交后立即继续，由“对口型：等待”节点取得视频。",
        inputs=(*_fields(spec), FORCE_NEW, PROFILE, *_LATER),
        outputs=("job", "job_id"),
        spec=spec,
    )


def run_node(spec: NodeSpec) -> Description:
    """Describe the node that submits to an endpoint and waits for the video."""
    return Description(
        f"Lipsync{_node_name(spec)}",
        spec.title,
        f"{spec.help}.",
        spec.zh_title,
        f"{spec.zh_title}：提交并等待视频。",
        inputs=(*_fields(spec), FORCE_NEW, ON_FAILURE, SAVE_IN, PROFILE, *_LATER),
        outputs=VIDEO_OUTPUTS,
        spec=spec,
    )


def _seconds(field: FieldSpec) -> FieldSpec:
    """Describe the length of a media field."""
    en = f"{field.title}: its length in seconds, or the media itself. 0: unknown, or not needed."
    zh = f"{field.zh_title}：时长（秒），或直接接入媒体。0：未知或不需要。"
    return replace(field, type="seconds", required=False, default=0.0, help=en, zh_help=zh, example="", zh_example="")


def _lengths() -> list[FieldSpec]:
    """Return the lengths of the media of all endpoints, each name once."""
    fields = {field.name: field for spec in CATALOGUE for field in spec.timed}
    return list(map(_seconds, fields.values()))


def _of_all() -> list[FieldSpec]:
    """Return the fields of all endpoints, each name once; where their choices differ, with all choices."""
    fields: dict[str, FieldSpec] = {}
    for field in (field for spec in CATALOGUE for field in _fields(spec)):
        known = fields.get(field.name, field)
        fields[field.name] = replace(known, **_all_choices(known, field), required=False)
    return sorted(fields.values(), key=lambda field: (field.advanced, field.media is None))


def _choices() -> list[FieldSpec]:
    """Return the fields of all endpoints that are a choice."""
    return [field for field in _of_all() if field.choices]


def _all_choices(*fields: FieldSpec) -> dict[str, Any]:
    """Return the choices of several fields together, each once, with their labels."""
    named = {
        choice: (en, zh)
        for field in fields
        for choice, en, zh in zip(
            field.choices, field.labels or field.choices, field.zh_labels or field.choices, strict=True
        )
    }
    labels = tuple(en for en, _ in named.values()), tuple(zh for _, zh in named.values())
    return {"choices": tuple(named), "labels": labels[0], "zh_labels": labels[1]}


def prices(spec: NodeSpec) -> dict[str, tuple[str, str]]:
    """Return what an endpoint costs in words, by resolution, in English and in Chinese."""
    return {
        resolution: (
            f"{rate.second:g} credits/s, at least {rate.least}",
            f"每秒 {rate.second:g} 积分，至少 {rate.least} 积分",
        )
        for resolution, rate in spec.rates.items()
    }


WAIT: Final = Description(
    "LipsyncWait",
    "Lipsync Wait",
    "Wait for a job and return its video. With a job id it recovers an earlier job.",
    "对口型：等待",
    "等待任务并给出视频。填入任务 ID 可取回以前的任务。",
    inputs=(JOB, ON_FAILURE, SAVE_IN, PROFILE),
    outputs=VIDEO_OUTPUTS,
)
DOWNLOAD: Final = Description(
    "LipsyncDownload",
    "Lipsync Download",
    "Download the complete video of an output URL.",
    "对口型：下载",
    "按输出网址下载完整的视频。",
    inputs=(OUTPUT_URL, SAVE_IN, PROFILE),
    outputs=("video",),
)
ESTIMATE: Final = Description(
    "LipsyncEstimate",
    "Lipsync Estimate",
    "Estimate how many credits a job will cost, by the documented rules. Nothing is sent.",
    "对口型：估算",
    "按公开规则估算任务所需积分，不发送任何内容。",
    inputs=(ENDPOINT, *_lengths(), *_choices()),
    outputs=("credits", "text"),
)
CHECK_INPUTS: Final = Description(
    "LipsyncCheck",
    "Lipsync Check",
    "Check the inputs of a job before you pay: faces, sound, lengths, files and cost. Free, and nothing is sent to the "
    "service.",
    "对口型：检查",
    "付费前检查输入：人脸、声音、时长、文件与费用。免费，不向服务发送任何内容。",
    inputs=(ENDPOINT, *_of_all(), FETCH, PROFILE),
    outputs=("report", "ok"),
)
VERIFY: Final = Description(
    "LipsyncVerify",
    "Lipsync Verify",
    "Compare the movement of the mouth in a video with the speech: in sync, late, early, or not moving. Free; it is no "
    "score of quality.",
    "对口型：验证",
    "比对视频中口型的运动与语音：同步、滞后、超前或不动。免费；不是画质评分。",
    inputs=(JOB_OR_VIDEO, *SOUNDS, PROFILE),
    outputs=("verdict", "in_sync"),
)

DESCRIPTIONS: Final[tuple[Description, ...]] = (
    *map(run_node, CATALOGUE), *map(submit_node, CATALOGUE), WAIT, DOWNLOAD, ESTIMATE, CHECK_INPUTS, VERIFY,
)  # fmt: skip
