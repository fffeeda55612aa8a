"""The names, inputs and outputs of all nodes, in English and in Chinese. It needs no ComfyUI.

The schemas of the nodes are built from this, and so are `locales` and the help pages (`install/pages.py`). The texts of
an endpoint come from the core's catalogue; the others are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lipsync_nodes.host import CATALOGUE, FieldSpec, NodeSpec

__all__ = [
    "DESCRIPTIONS",
    "DOWNLOAD",
    "ESTIMATE",
    "OUTPUT",
    "SKIP",
    "TEMP",
    "UNSET",
    "WAIT",
    "ZH_OUTPUTS",
    "Description",
    "run_node",
    "submit_node",
]

# An integer widget always has a value; this one stands for "not set".
UNSET: Final = -1
TEMP, OUTPUT = "temp", "output"
STOP, SKIP = "stop", "skip"


@dataclass(frozen=True)
class Description:
    """One node.

    Attributes:
        id: its name in saved graphs; it never changes.
        title, help: English; `zh_title`, `zh_help`: Chinese.
        inputs: in order, the required ones first. A `type` is that of JSON, or one of the pack: `job` (a job by its
            socket, or its id), `url`, or `seconds` (a length, or the media itself).
        outputs: names, in order.

    """

    id: str
    title: str
    help: str
    zh_title: str
    zh_help: str
    inputs: tuple[FieldSpec, ...]
    outputs: tuple[str, ...]


def _input(name: str, en: tuple[str, str], zh: tuple[str, str], **known: Any) -> FieldSpec:
    """Describe an input that no endpoint has, by its title and its help in both languages."""
    usual: dict[str, Any] = {"type": "string", "media": None, "required": False, "default": "", "choices": ()}
    return FieldSpec(name=name, title=en[0], help=en[1], zh_title=zh[0], zh_help=zh[1], **(usual | known))


FORCE_NEW: Final = _input(
    "force_new",
    (
        "Force new",
        (
            "Submit a new job on every run, and pay for it, even if the same inputs were submitted before. "
            "Also use this if the outcome of a submission is unknown."
        ),
    ),
    ("强制新建", "每次都提交新任务并付费,即使相同输入已提交过。提交结果不明时也用它继续。"),
    type="boolean",
    default=False,
)
ON_FAILURE: Final = _input(
    "on_failure",
    ("On failure", "What to do when the job fails: stop the run, or skip the nodes after this one and run the others."),
    ("失败时", "任务失败时:stop 停止整个运行;skip 跳过其后的节点,其余继续。"),
    default=STOP,
    choices=(STOP, SKIP),
)
SAVE_IN: Final = _input(
    "save_in",
    ("Save in", "The folder for the video; the file is named after the job. ComfyUI empties temp when it starts."),
    ("保存位置", "视频所在文件夹,文件以任务 ID 命名;temp 会在 ComfyUI 启动时清空。"),
    default=TEMP,
    choices=(TEMP, OUTPUT),
)
PROFILE: Final = _input(
    "profile",
    (
        "Profile",
        (
            "The name of a profile in profiles.toml. Empty: the profile of the environment (LIPSYNC_API_KEY). "
            "Never write a key here: it would be saved with the workflow."
        ),
    ),
    ("配置", "profiles.toml 中的配置名;留空则用环境变量(LIPSYNC_API_KEY)。不要在此填写密钥:它会随工作流保存。"),
)
JOB: Final = _input(
    "job",
    ("Job", "A job from a submit node, or the id of any job of this account, to get its video without paying again."),
    ("任务", "通过插槽接入的任务,或本账户任意任务的 ID:取回已付费的结果。"),
    type="job",
    required=True,
)
OUTPUT_URL: Final = _input(
    "output_url",
    ("output_url", "The URL of a job's output."),
    ("输出网址", "任务输出的网址。"),
    type="url",
    required=True,
)
ENDPOINT: Final = _input(
    "endpoint",
    ("endpoint", "What you want to submit."),
    ("接口", "将要提交的类型。"),
    required=True,
    default=None,
    choices=tuple(spec.id for spec in CATALOGUE),
)

VIDEO_OUTPUTS: Final = ("video", "output_url", "job_id")
ZH_OUTPUTS: Final[Mapping[str, str]] = {
    "video": "视频",
    "output_url": "输出网址",
    "job_id": "任务 ID",
    "job": "任务",
    "credits": "积分",
    "text": "文字",
}

# What a user must know about the widget of a type, in both languages; it is appended to the help of a field.
_WIDGETS: Final[Mapping[str, tuple[str, str]]] = {
    "integer": (f" {UNSET}: not set.", f"{UNSET}:不指定。"),
    "object": (" A JSON object.", "JSON 对象。"),
}


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
        f"{spec.title}: submit",
        f"{spec.help}. Submits the job and returns it at once; a Lipsync Wait node waits for the video.",
        f"{spec.zh_title}:提交",
        f"{spec.zh_title}:提交后立即继续,由“对口型:等待”节点取得视频。",
        inputs=(*_fields(spec), FORCE_NEW, PROFILE),
        outputs=("job", "job_id"),
    )


def run_node(spec: NodeSpec) -> Description:
    """Describe the node that submits to an endpoint and waits for the video."""
    return Description(
        f"Lipsync{_node_name(spec)}",
        spec.title,
        f"{spec.help}.",
        spec.zh_title,
        f"{spec.zh_title}:提交并等待视频。",
        inputs=(*_fields(spec), FORCE_NEW, ON_FAILURE, SAVE_IN, PROFILE),
        outputs=VIDEO_OUTPUTS,
    )


def _seconds(field: FieldSpec) -> FieldSpec:
    """Describe the length of a media field."""
    en = f"{field.title}: its length in seconds, or the media itself. 0: unknown, or not needed."
    zh = f"{field.zh_title}:时长(秒),或直接接入媒体。0:未知或不需要。"
    return replace(field, type="seconds", required=False, default=0.0, help=en, zh_help=zh)


def _lengths() -> list[FieldSpec]:
    """Return the lengths of the media of all endpoints, each name once."""
    fields = {field.name: field for spec in CATALOGUE for field in spec.timed}
    return list(map(_seconds, fields.values()))


def _choices() -> list[FieldSpec]:
    """Return the fields of all endpoints that are a choice, each name once; where they differ, with all choices."""
    fields: dict[str, FieldSpec] = {}
    for field in (field for spec in CATALOGUE for field in spec.fields if field.choices):
        known = fields.get(field.name, field)
        both = tuple(dict.fromkeys(known.choices + field.choices))
        fields[field.name] = replace(known, choices=both, required=False)
    return list(fields.values())


WAIT: Final = Description(
    "LipsyncWait",
    "Lipsync Wait",
    "Wait for a job and return its video. With a job id it recovers an earlier job.",
    "对口型:等待",
    "等待任务并给出视频。填入任务 ID 可取回以前的任务。",
    inputs=(JOB, ON_FAILURE, SAVE_IN, PROFILE),
    outputs=VIDEO_OUTPUTS,
)
DOWNLOAD: Final = Description(
    "LipsyncDownload",
    "Lipsync Download",
    "Download the complete video of an output URL.",
    "对口型:下载",
    "按输出网址下载视频,要么完整,要么没有。",
    inputs=(OUTPUT_URL, SAVE_IN, PROFILE),
    outputs=("video",),
)
ESTIMATE: Final = Description(
    "LipsyncEstimate",
    "Lipsync Estimate",
    "Estimate how many credits a job will cost, by the documented rules. Nothing is sent.",
    "对口型:估算",
    "按公开规则估算任务所需积分,不发送任何内容。",
    inputs=(ENDPOINT, *_lengths(), *_choices()),
    outputs=("credits", "text"),
)

DESCRIPTIONS: Final[tuple[Description, ...]] = (
    *(describe(spec) for spec in CATALOGUE for describe in (submit_node, run_node)), WAIT, DOWNLOAD, ESTIMATE,
)  # fmt: skip
