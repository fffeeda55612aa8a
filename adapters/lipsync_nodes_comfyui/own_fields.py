"""The inputs and outputs of the nodes that no endpoint has: their names and texts. It needs no ComfyUI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from lipsync_nodes.host import CATALOGUE, FieldSpec

__all__ = [
    "ENDPOINT",
    "FORCE_NEW",
    "JOB",
    "ON_FAILURE",
    "OUTPUT",
    "OUTPUTS",
    "OUTPUT_URL",
    "PROFILE",
    "SAVE_IN",
    "SKIP",
    "TEMP",
    "UNSET",
    "VIDEO_OUTPUTS",
    "Output",
]

# An integer widget always has a value; this one stands for "not set".
UNSET: Final = -1
TEMP, OUTPUT = "temp", "output"
STOP, SKIP = "stop", "skip"


class Output(NamedTuple):
    """The texts of an output."""

    help: str
    zh_title: str
    zh_help: str


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
    ("强制新建", "每次都提交新任务并付费，即使相同输入已提交过。提交结果不明时也用它继续。"),
    type="boolean",
    default=False,
    advanced=True,
)
ON_FAILURE: Final = _input(
    "on_failure",
    ("On failure", "What to do when the job fails: stop the run, or skip the nodes after this one and run the others."),
    ("失败时", "任务失败时：停止整个运行（stop），或跳过其后的节点、其余继续（skip）。"),
    default=STOP,
    choices=(STOP, SKIP),
    zh_labels=("停止", "跳过"),
    advanced=True,
)
SAVE_IN: Final = _input(
    "save_in",
    ("Save in", "The folder for the video; the file is named after the job. ComfyUI empties temp when it starts."),
    ("保存位置", "视频所在文件夹，文件以任务 ID 命名。ComfyUI 启动时会清空临时文件夹（temp）。"),
    default=TEMP,
    choices=(TEMP, OUTPUT),
    zh_labels=("临时", "输出"),
    advanced=True,
)
PROFILE: Final = _input(
    "profile",
    (
        "Profile",
        (
            "The name of a profile in profiles.toml. Empty: the profile of the environment (LIPSYNC_API_KEY). "
            "sandbox: a free preview, made on this machine. "
            "Never write a key here: it would be saved with the workflow."
        ),
    ),
    (
        "配置",
        (
            "profiles.toml 中的配置名；留空则用环境变量（LIPSYNC_API_KEY）；sandbox 在本机生成免费预览。"
            "不要在此填写密钥：它会随工作流保存。"
        ),
    ),
    example="sandbox",
    zh_example="sandbox",
    advanced=True,
)
JOB: Final = _input(
    "job",
    ("Job", "A job from a submit node, or the id of any job of this account, to get its video without paying again."),
    ("任务", "通过插槽接入的任务，或本账户任意任务的 ID：取回已付费的结果。"),
    type="job",
    example="7d0f1c2e-…",
    zh_example="7d0f1c2e-…",
    required=True,
)
OUTPUT_URL: Final = _input(
    "output_url",
    ("Output URL", "The URL of a job's output."),
    ("输出网址", "任务输出的网址。"),
    type="url",
    example="https://example.com/result.mp4",
    zh_example="https://example.com/result.mp4",
    required=True,
)
ENDPOINT: Final = _input(
    "endpoint",
    ("Endpoint", "What you want to submit."),
    ("接口", "将要提交的类型。"),
    required=True,
    default=None,
    choices=tuple(spec.id for spec in CATALOGUE),
    labels=tuple(spec.title for spec in CATALOGUE),
    zh_labels=tuple(spec.zh_title for spec in CATALOGUE),
)

VIDEO_OUTPUTS: Final = ("video", "output_url", "job_id")
OUTPUTS: Final[Mapping[str, Output]] = {
    "video": Output(
        "The video, for Save Video or any node that takes a VIDEO.", "视频", "视频，可接入“保存视频”等节点。"
    ),
    "output_url": Output(
        "The URL of the video at the service. It may expire, so save the video.",
        "输出网址",
        "视频在服务端的网址；可能失效，请保存视频。",
    ),
    "job_id": Output(
        "The id of the job. A Lipsync Wait node gets its video again.",
        "任务 ID",
        "任务的 ID；“对口型：等待”节点可凭它取回视频。",
    ),
    "job": Output("The submitted job, for a Lipsync Wait node.", "任务", "已提交的任务，接入“对口型：等待”节点。"),
    "credits": Output("The credits, as a whole number.", "积分", "积分，整数。"),
    "text": Output("The estimate in words.", "文字", "估算结果的文字说明。"),
}
