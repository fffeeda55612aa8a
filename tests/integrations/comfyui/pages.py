"""Makes the pack's translations and help pages from what a running ComfyUI knows of its nodes, and from the catalogue.

    python -m tests.integrations.comfyui.pages http://127.0.0.1:8188

writes `locales/{en,zh}/nodeDefs.json` and `web/docs/<NodeId>.md` (`<NodeId>/zh.md`); the suite compares them.
"""

import json
import sys
import urllib.request

from lipsync_nodes.catalogue import CATALOGUE
from tests.integrations.comfyui.servers import PACK

# The Chinese of what is this pack's own: title, help. What is an endpoint's comes from the catalogue.
ZH_INPUTS = {
    "force_new": ("强制新建", "每次都提交新任务并付费,即使相同输入已提交过。提交结果不明时也用它继续。"),
    "on_failure": ("失败时", "任务失败时:stop 停止整个运行;skip 跳过其后的节点,其余继续。"),
    "save_in": ("保存位置", "视频所在文件夹,文件以任务 ID 命名;temp 会在 ComfyUI 启动时清空。"),
    "profile": (
        "配置",
        "profiles.toml 中的配置名;留空则用环境变量(LIPSYNC_API_KEY)。不要在此填写密钥:它会随工作流保存。",
    ),
    "job": ("任务", "通过插槽接入的任务,或本账户任意任务的 ID:取回已付费的结果。"),
    "output_url": ("输出网址", "任务输出的网址。"),
    "endpoint": ("接口", "将要提交的类型。"),
}
ZH_OUTPUTS = {
    "video": "视频",
    "output_url": "输出网址",
    "job_id": "任务 ID",
    "job": "任务",
    "credits": "积分",
    "text": "文字",
}
ZH_NODES = {
    "LipsyncWait": ("对口型:等待", "等待任务并给出视频。填入任务 ID 可取回以前的任务。"),
    "LipsyncDownload": ("对口型:下载", "按输出网址下载视频,要么完整,要么没有。"),
    "LipsyncEstimate": ("对口型:估算", "按公开规则估算任务所需积分,不发送任何内容。"),
}
ZH_SECONDS = "时长(秒),或直接接入媒体。0:未知或不需要。"
UNSET = (" -1: not given.", "-1:不指定。")
JSON_OBJECT = (" A JSON object.", "JSON 对象。")

NOTES = {
    "en": """
- The API key comes from `LIPSYNC_API_KEY` or a profile, never from a workflow.
- A media input takes a public URL, or the media by its socket, which is then published by the profile's storage.
- The same inputs are the same job: running again picks it up and costs nothing. A failed job is submitted anew.
- Cancel ends the waiting at once. The job goes on and may be billed; the next run, with Force new off, picks it up.
- With `LIPSYNC_WEBHOOK=https://…/lipsync` ComfyUI takes webhooks, and a wait ends the moment its job does.
""",
    "zh": """
- API 密钥来自 `LIPSYNC_API_KEY` 或配置,绝不写入工作流。
- 媒体输入可填公开网址,或通过插槽接入;接入的媒体由配置中的存储发布。
- 相同输入即同一任务:再次运行会取回它,不再付费。失败的任务会重新提交。
- 取消会立即停止等待。任务在服务端继续并可能计费;关闭“强制新建”后再次运行会取回它。
- 设置 `LIPSYNC_WEBHOOK=https://…/lipsync` 后,ComfyUI 会接收 webhook,任务一结束等待即结束。
""",
}
HEADS = {"en": ("Inputs", "Outputs", "Good to know"), "zh": ("输入", "输出", "说明")}


def specs():
    """Return the endpoint of each node id that belongs to one, and whether the node only submits."""
    names = {spec.command.title().replace("-", ""): spec for spec in CATALOGUE}
    return {f"Lipsync{part}{name}": (spec, bool(part)) for name, spec in names.items() for part in ("Submit", "")}


def english(info):
    """Return the node's English texts, as ComfyUI shows them without any translation."""
    inputs = {}
    for name, (_, *options) in (info["input"].get("required", {}) | info["input"].get("optional", {})).items():
        known = options[0] if options else {}
        inputs[name] = {"name": known.get("display_name") or name, "tooltip": known.get("tooltip") or ""}
    outputs = {str(n): {"name": name} for n, name in enumerate(info["output_name"])}
    texts = {"display_name": info["display_name"], "description": info["description"]}
    return {**texts, "inputs": inputs, "outputs": outputs}


def chinese(node_id, en):
    """Return the node's Chinese texts."""
    fields = {field.name: field for spec in CATALOGUE for field in spec.fields}
    inputs = {}
    for name, of in en["inputs"].items():
        if name in fields:
            field = fields[name]
            inputs[name] = {"name": field.zh_title, "tooltip": field.zh_help}
            for words, zh in (UNSET, JSON_OBJECT):
                inputs[name]["tooltip"] += zh if of["tooltip"].endswith(words) else ""
            if node_id == "LipsyncEstimate" and field.media:
                inputs[name]["tooltip"] = f"{field.zh_title}:{ZH_SECONDS}"
        else:
            title, help_ = ZH_INPUTS[name]
            inputs[name] = {"name": title, "tooltip": help_}
    outputs = {n: {"name": ZH_OUTPUTS[of["name"]]} for n, of in en["outputs"].items()}
    title, description = ZH_NODES.get(node_id) or _endpoint(node_id)
    return {"display_name": title, "description": description, "inputs": inputs, "outputs": outputs}


def _endpoint(node_id):
    spec, only_submits = specs()[node_id]
    if only_submits:
        return f"{spec.zh_title}:提交", f"{spec.zh_title}:提交后立即继续,由“对口型:等待”节点取得视频。"
    return spec.zh_title, f"{spec.zh_title}:提交并等待视频。"


def page(texts, language):
    """Write the help page of a node."""
    inputs, outputs, notes = HEADS[language]
    rows = [f"| `{name}` | {of['name']} | {of['tooltip'].strip()} |" for name, of in texts["inputs"].items()]
    given = [f"- **{of['name']}**" for of in texts["outputs"].values()]
    return "\n".join([
        f"# {texts['display_name']}", "", texts["description"], "", f"![{texts['display_name']}](node.jpg)", "",
        f"## {inputs}", "", "| | | |", "|---|---|---|", *rows, "", f"## {outputs}", "", *given, "",
        f"## {notes}", NOTES[language],
    ])  # fmt: skip


def files(object_info):
    """Return what is to be in each file, by its path in the pack."""
    en = {name: english(info) for name, info in sorted(object_info.items()) if name.startswith("Lipsync")}
    zh = {name: chinese(name, texts) for name, texts in en.items()}
    made = {}
    for language, texts in {"en": en, "zh": zh}.items():
        made[f"locales/{language}/nodeDefs.json"] = json.dumps(texts, indent=2, ensure_ascii=False) + "\n"
    for name, texts in en.items():
        made[f"web/docs/{name}.md"] = page(texts, "en")
        made[f"web/docs/{name}/zh.md"] = page(zh[name], "zh")
    return made


def main(url):
    with urllib.request.urlopen(f"{url}/object_info") as answer:
        for name, text in files(json.loads(answer.read())).items():
            (PACK / name).parent.mkdir(parents=True, exist_ok=True)
            (PACK / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
