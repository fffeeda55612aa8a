"""The inputs and outputs of the nodes that no endpoint has: their names and texts. It needs no ComfyUI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, get_args

from lipsync_nodes.host import CATALOGUE, CheckMode, FieldSpec

__all__ = [
    "CHECK",
    "ENDPOINT",
    "FETCH",
    "FORCE_NEW",
    "JOB",
    "JOB_OR_VIDEO",
    "ON_FAILURE",
    "OUTPUT",
    "OUTPUTS",
    "OUTPUT_URL",
    "PROFILE",
    "SAVE_IN",
    "SKIP",
    "SOUNDS",
    "TAGS",
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
    (
        "On failure",
        (
            "What to do when the job fails, or the check refuses its inputs: stop the run, or skip the nodes after "
            "this one and run the others."
        ),
    ),
    ("失败时", "任务失败或检查拒绝其输入时：停止整个运行（stop），或跳过其后的节点、其余继续（skip）。"),
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
CHECK: Final = _input(
    "check",
    (
        "Check",
        (
            "Look at the inputs before a job is paid for. warn: show what was found on the node, and refuse only what "
            "certainly cannot work. refuse: also refuse what is likely wasted. off: do not check."
        ),
    ),
    (
        "检查",
        (
            "付费前先检查输入。警告（warn）：在节点上显示发现的问题，仅拒绝肯定行不通的输入；"
            "拒绝（refuse）：很可能浪费积分的输入也拒绝；关闭（off）：不检查。"
        ),
    ),
    default="warn",
    choices=get_args(CheckMode),
    labels=("do not check", "warn", "refuse what is likely wasted"),
    zh_labels=("不检查", "警告", "拒绝可能浪费积分的输入"),
    advanced=True,
)
TAGS: Final = _input(
    "tags",
    (
        "Tags",
        (
            "Your own marks for this job, such as a client and a project, for reports of what jobs cost. They stay on "
            "this machine and are never sent to the service."
        ),
    ),
    ("标签", "给任务加上自己的标签，例如客户与项目，便于统计费用。标签只留在本机，不会发送给服务。"),
    example="client=acme, project=spring",
    zh_example="client=acme, project=spring",
    advanced=True,
)
FETCH: Final = _input(
    "fetch",
    ("Fetch URLs", "Also fetch the media whose URLs are given, to check them. Otherwise they are not looked at."),
    ("读取网址", "同时读取以网址给出的媒体并检查；否则不查看它们。"),
    type="boolean",
    default=False,
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
JOB_OR_VIDEO: Final = _input(
    "job",
    (
        "Job or video",
        "A job from a submit node, the id of a job of this account, or any video of your graph.",
    ),
    ("任务或视频", "通过插槽接入的任务、本账户任意任务的 ID，或工作流中的任意视频。"),
    type="job_or_video",
    media="video",
    example="7d0f1c2e-…",
    zh_example="7d0f1c2e-…",
    required=True,
)
SOUNDS: Final = (
    _input(
        "audio",
        ("Audio", "The speech to compare with, or that of the person on the left. Default: the video's own sound."),
        ("音频", "用来比对的语音，或画面左侧人物的语音。默认：视频自身的声音。"),
        type="socket",
        media="audio",
    ),
    _input(
        "right_audio",
        ("Right audio", "The speech of the person on the right, if there are two."),
        ("右侧音频", "若有两人，画面右侧人物的语音。"),
        type="socket",
        media="audio",
    ),
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
    "report": Output(
        "What was found and what to do about it, the worst first.", "报告", "发现的问题和处理办法，最严重的在前。"
    ),
    "verdict": Output("The result in words.", "结论", "比对结果的文字说明。"),
    "in_sync": Output(
        "Whether the mouth moves with the sound. False also if that cannot be told.",
        "口型同步",
        "口型与声音同步时为真；无法判断时也为假。",
    ),
    "ok": Output(
        "Whether there is no error. There may be warnings; the report has them.",
        "通过",
        "没有错误时为真；可能仍有警告，见报告。",
    ),
}
