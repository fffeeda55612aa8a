"""Writes the pack's translations and help pages from the descriptions of its nodes. It needs no ComfyUI.

    python -m lipsync_nodes_comfyui.install.pages [--check]

writes `locales/{en,zh}/nodeDefs.json` and `web/docs/<NodeId>.md` (`<NodeId>/zh.md`). With `--check` it writes nothing,
names what is out of date, and ends with 1 if anything is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from lipsync_nodes_comfyui.descriptions import DESCRIPTIONS, Description
from lipsync_nodes_comfyui.own_fields import OUTPUTS

__all__ = ["main"]

PACK: Final = Path(__file__).parents[1]
Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")

NOTES: Final = {
    "en": """
- The API key comes from `LIPSYNC_API_KEY` or a profile, never from a workflow.
- A media input accepts a public URL, or media from another node, which are published to the profile's storage.
- The inputs are checked on this machine before a job is paid for. Lipsync Check does the same without a job.
- The same inputs are the same job: another run continues with it and costs nothing. A failed job is submitted again.
- Cancel stops waiting at once. The job continues and may be billed. The next run, with Force new off, waits for it.
- With `LIPSYNC_WEBHOOK=https://…/lipsync`, ComfyUI receives webhooks, and a wait ends as soon as its job ends.
""",
    "zh": """
- API 密钥来自 `LIPSYNC_API_KEY` 或配置，绝不写入工作流。
- 媒体输入可填公开网址，或通过插槽接入；接入的媒体由配置中的存储发布。
- 付费前会先在本机检查输入；“对口型：检查”节点只检查，不提交任务。
- 相同输入即同一任务：再次运行会取回它，不再付费。失败的任务会重新提交。
- 取消会立即停止等待。任务在服务端继续并可能计费；关闭“强制新建”后再次运行会取回它。
- 设置 `LIPSYNC_WEBHOOK=https://…/lipsync` 后，ComfyUI 会接收 webhook，任务一结束等待即结束。
""",
}
PICTURES: Final = {"en": "node.jpg", "zh": "node.zh.jpg"}
HEADS: Final = {"en": ("Inputs", "Outputs", "Good to know"), "zh": ("输入", "输出", "说明")}


def texts_of(node: Description, language: Language) -> dict[str, Any]:
    """Return a node's texts as ComfyUI reads them from `nodeDefs.json`."""
    if language == "en":
        title, help_ = node.title, node.help
        inputs = {field.name: {"name": field.title, "tooltip": field.help} for field in node.inputs}
        outputs = [{"name": name, "tooltip": OUTPUTS[name].help} for name in node.outputs]
    else:
        title, help_ = node.zh_title, node.zh_help
        inputs = {field.name: {"name": field.zh_title, "tooltip": field.zh_help} for field in node.inputs}
        outputs = [{"name": OUTPUTS[name].zh_title, "tooltip": OUTPUTS[name].zh_help} for name in node.outputs]
    return {
        "display_name": title,
        "description": help_,
        "inputs": inputs,
        "outputs": {str(number): output for number, output in enumerate(outputs)},
    }


def page(node_id: str, texts: dict[str, Any], language: Language) -> str:
    """Return the help page of a node: lists, since the panel is narrow. Pictures are sought beside all pages."""
    title = texts["display_name"]
    inputs, outputs, notes = HEADS[language]
    return "\n".join([
        f"# {title}", "", texts["description"], "", f"![{title}]({node_id}/{PICTURES[language]})", "",
        f"## {inputs}", "", *_items(texts["inputs"], language), "",
        f"## {outputs}", "", *_items(texts["outputs"], language), "",
        f"## {notes}", NOTES[language],
    ])  # fmt: skip


def _items(texts: dict[str, dict[str, str]], language: Language) -> list[str]:
    colon = {"en": ": ", "zh": "："}[language]
    return [f"- **{of['name']}**{colon}{of['tooltip']}" for of in texts.values()]


def files() -> dict[str, str]:
    """Return the content of each file, by its path in the pack."""
    nodes = sorted(DESCRIPTIONS, key=lambda node: node.id)
    wanted = {}
    for language in LANGUAGES:
        texts = {node.id: texts_of(node, language) for node in nodes}
        wanted[f"locales/{language}/nodeDefs.json"] = json.dumps(texts, indent=2, ensure_ascii=False) + "\n"
        name = "web/docs/{}.md" if language == "en" else f"web/docs/{{}}/{language}.md"
        wanted |= {name.format(node_id): page(node_id, of, language) for node_id, of in texts.items()}
    return wanted


def stale(pack: Path) -> list[str]:
    """Return which files of a pack are missing, out of date, or of a node that no longer exists."""
    wanted = files()
    there = {
        path.relative_to(pack).as_posix(): path.read_text(encoding="utf-8")
        for pattern in ("locales/*/*.json", "web/docs/**/*.md")
        for path in pack.glob(pattern)
    }
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write(pack: Path) -> None:
    """Write the files that are out of date, and remove those of nodes that no longer exist."""
    wanted = files()
    for name in stale(pack):
        if name in wanted:
            (pack / name).parent.mkdir(parents=True, exist_ok=True)
            (pack / name).write_text(wanted[name], encoding="utf-8", newline="\n")
        else:
            (pack / name).unlink()


def main(words: Sequence[str], pack: Path = PACK) -> int:
    """Write the files, or check them, and return the exit code."""
    if "--check" not in words:
        write(pack)
        return 0
    old = stale(pack)
    for name in old:
        print(f"{name} is out of date: run python -m lipsync_nodes_comfyui.install.pages")  # noqa: T201  # a program
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
