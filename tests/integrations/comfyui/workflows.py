"""The example workflows: each graph in ComfyUI's API format, and where its nodes stand on the canvas.

    python -m tests.integrations.comfyui.workflows http://127.0.0.1:8188

opens each in a real browser (Chromium, by playwright), runs it there, and saves what the frontend makes of it: the
template with its preview picture in the pack's `example_workflows`, the API format and the screenshots in
`examples/comfyui`, the pictures of the help pages in `web/docs`. The server has to talk to a sandbox.
"""

import json
import sys
from shutil import which

from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import PACK, REPOSITORY

PORTRAIT, DUET = node("LoadImage", image="lipsync_portrait.jpg"), node("LoadImage", image="lipsync_duet.jpg")
LEFT, RIGHT = (node("LoadAudio", audio=f"lipsync_speech_{side}.mp3") for side in ("left", "right"))

GRAPHS = {
    "lipsync_preview_then_pay": {
        "1": PORTRAIT,
        "2": LEFT,
        "3": node("LipsyncImage", image=link("1"), audio=link("2"), save_in="output", profile="sandbox"),
    },
    "lipsync_image": {
        "1": PORTRAIT,
        "2": LEFT,
        "3": node("LipsyncImage", image=link("1"), audio=link("2"), save_in="output", profile="sandbox"),
    },
    "lipsync_video": {
        "1": node("LoadVideo", file="lipsync_talking.mp4"),
        "2": RIGHT,
        "3": node("LipsyncVideo", video=link("1"), audio=link("2"), save_in="output", profile="sandbox"),
    },
    "lipsync_image_multi": {
        "1": DUET,
        "2": LEFT,
        "5": RIGHT,
        "3": node(
            "LipsyncImageMulti",
            image=link("1"),
            left_audio=link("2"),
            right_audio=link("5"),
            order="left_right",
            save_in="output",
            profile="sandbox",
        ),
    },
    "lipsync_batch": {
        "1": DUET,
        "6": node("SplitImageToTileList", image=link("1"), tile_width=496, tile_height=576, overlap=0),
        "2": LEFT,
        "3": node("LipsyncSubmitImage", image=link("6"), audio=link("2"), profile="sandbox"),
        "5": node("LipsyncWait", job=link("3"), on_failure="skip", save_in="output"),
    },
    "lipsync_long_speech_list": {
        "1": PORTRAIT,
        "2": LEFT,
        "6": node("TrimAudioDuration", audio=link("2"), start_index=0.0, duration=2.5),
        "7": node("TrimAudioDuration", audio=link("2"), start_index=2.5, duration=2.5),
        "8": node("CreateList", **{"inputs.input0": link("6"), "inputs.input1": link("7")}),
        "3": node("LipsyncSubmitImage", image=link("1"), audio=link("8"), profile="sandbox"),
        "5": node("LipsyncWait", job=link("3"), on_failure="skip", save_in="output"),
    },
    "lipsync_recover_by_job_id": {
        "3": node("LipsyncWait", job="", save_in="output"),
    },
}

# The note beside the nodes. All templates make a free preview, so that nobody pays by opening one and pressing Run.
FREE = """**1. Preview, free**

Press Run. The sandbox makes a preview on this machine, without an API key. It does not show the service's quality.

**2. Pay**

Empty `profile`{of} and press Run. The service makes the video from the same inputs. \
[Where the API key goes](/lipsync-setup)

In Nodes 2.0, `profile` is behind "Show advanced inputs".

**1. 免费预览**

点击运行。沙盒在本机生成预览，不需要 API 密钥，也不代表服务的画质。

**2. 付费生成**

清空{zh_of} `profile`（配置）后再次运行。服务用同样的输入生成视频。\
[密钥放在哪里](/lipsync-setup?lang=zh)

在 Nodes 2.0 中，`profile` 在“显示高级输入”之后。"""
RECOVER = """**Get a video again**

Enter the id of a job as `job`, and press Run. It costs nothing and needs the API key of the job's account. \
[Where the API key goes](/lipsync-setup)

For a preview, set `profile` to `sandbox`.

**取回视频**

在 `job`（任务）中填入任务 ID，然后点击运行。不会再次付费，但需要提交时所用的 API 密钥。\
[密钥放在哪里](/lipsync-setup?lang=zh)

若是预览，请将 `profile`（配置）设为 `sandbox`。"""


def note(name):
    """Return the note of a template."""
    if name == "lipsync_recover_by_job_id":
        return RECOVER
    split = any(made["class_type"].startswith("LipsyncSubmit") for made in GRAPHS[name].values())
    of, zh_of = (" of the Submit node", "“提交”节点的") if split else ("", "")
    return FREE.format(of=of, zh_of=zh_of)


# Where each node stands: its column and its row, in pixels.
PLACES = {
    "lipsync_video": {"2": (0, 460)},
    "lipsync_batch": {"1": (0, 0), "6": (360, 0), "2": (360, 220), "3": (720, 0), "5": (1110, 0)},
    "lipsync_long_speech_list": {
        "1": (0, 0), "2": (0, 380), "6": (360, 200), "7": (360, 380), "8": (720, 200), "3": (1080, 0), "5": (1470, 0),
    },
    "lipsync_recover_by_job_id": {"3": (0, 0)},
}  # fmt: skip
USUAL = {"1": (0, 0), "2": (0, 380), "5": (0, 560), "3": (360, 0)}


def places(name):
    return USUAL | PLACES.get(name, {})


ARRANGE = """async ([graph, places, name, text]) => {
    await app.loadApiJson(graph, name);
    if (text) {
        const note = LiteGraph.createNode('MarkdownNote');
        app.graph.add(note);
        note.widgets[0].value = text;
        places[String(note.id)] = [-380, 0];
        note.size = [340, 420];
    }
    for (const node of app.graph._nodes) {
        node.pos = places[String(node.id)] ?? [0, 0];
        if (node.type === 'MarkdownNote') continue;
        const [width, height] = node.computeSize();
        node.setSize([Math.max(width, 300), Math.max(height, node.size[1])]);
    }
    app.graph.setDirtyCanvas(true, true);
}"""
FIT = """() => {
    const box = [1e9, 1e9, -1e9, -1e9];
    for (const node of app.graph._nodes) {
        const [x, y] = node.pos, [width, height] = node.size;
        box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y - 30);
        box[2] = Math.max(box[2], x + width); box[3] = Math.max(box[3], y + height);
    }
    const {clientWidth: width, clientHeight: height} = app.canvas.canvas;
    const [left, top] = [90, 110], right = 40, bottom = 80;
    const scale = Math.min(
        (width - left - right) / (box[2] - box[0]), (height - top - bottom) / (box[3] - box[1]), 1.2);
    app.canvas.ds.scale = scale;
    app.canvas.ds.offset = [
        (left + (width - left - right) / 2) / scale - (box[0] + box[2]) / 2, top / scale - box[1]];
    app.canvas.setDirty(true, true);
}"""

FRAME = """() => {
    const {scale, offset} = app.canvas.ds, rect = app.canvas.canvas.getBoundingClientRect();
    const box = [1e9, 1e9, -1e9, -1e9];
    for (const node of app.graph._nodes) {
        const [x, y] = node.pos, [width, height] = node.size;
        box[0] = Math.min(box[0], x - 20); box[1] = Math.min(box[1], y - 60);
        box[2] = Math.max(box[2], x + width + 20); box[3] = Math.max(box[3], y + height + 20);
    }
    return [rect.x + (box[0] + offset[0]) * scale, rect.y + (box[1] + offset[1]) * scale,
            (box[2] - box[0]) * scale, (box[3] - box[1]) * scale];
}"""


def chromium():
    """Return where a Chromium is on this machine; None if there is none."""
    return next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Browser:
    """A page of the frontend with its graph; `app` there is ComfyUI's own."""

    def __init__(self, playwright, url, locale="en"):
        self._chromium = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        self.page = self._chromium.new_page(viewport={"width": 1600, "height": 900})
        known = {"Comfy.Locale": locale, "Comfy.Minimap.Visible": False, "Comfy.TutorialCompleted": True}
        for setting, value in known.items():
            self.page.request.post(f"{url}/settings/{setting}", data=json.dumps(value))
        self.page.goto(url)
        self._ready()

    def _ready(self):
        """Wait until the frontend knows the nodes of the server."""
        known = "() => window.app?.graph && window.LiteGraph?.registered_node_types.LipsyncWait"
        self.page.wait_for_function(known, timeout=120000)
        self.page.wait_for_timeout(2500)

    def show(self, name, graph):
        self.page.reload()  # the frontend keeps the previews of the graph before
        self._ready()
        self.page.evaluate(ARRANGE, [graph, places(name), name, name in GRAPHS and note(name)])
        self.page.wait_for_timeout(1500)
        self.page.evaluate(FIT)
        self.page.wait_for_timeout(500)

    def run(self, seconds=90):
        self.page.evaluate("() => app.queuePrompt(0)")
        self.page.wait_for_timeout(1500)
        for _ in range(seconds):
            queue = self.page.evaluate("async () => await (await fetch('/queue')).json()")
            if not queue["queue_running"] and not queue["queue_pending"]:
                break
            self.page.wait_for_timeout(1000)
        self.page.wait_for_timeout(8000)  # until the frontend's own messages are gone
        self.page.evaluate(FIT)
        self.page.wait_for_timeout(800)

    def picture(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, type="jpeg", quality=80)

    def preview(self, path):
        """Save the nodes alone, for the list of templates."""
        self.page.screenshot(path=path, type="jpeg", quality=70, clip=self._frame())

    def one_node(self, kind, path):
        """Save one node by itself, for its help page."""
        self.show("one", {"3": node(kind)})
        self.page.screenshot(path=path, type="jpeg", quality=75, clip=self._frame())

    def _frame(self):
        """Return where the nodes are on the page."""
        x, y, width, height = self.page.evaluate(FRAME)
        return {"x": max(x, 55), "y": max(y, 80), "width": width, "height": height}

    def template(self):
        return self.page.evaluate("() => app.graph.serialize()")

    def api(self):
        graph = self.page.evaluate("async () => (await app.graphToPrompt()).output")
        for made in graph.values():
            made["inputs"].pop("video-preview", None)  # the frontend's player, there once it has loaded the video
        return graph

    def close(self):
        self._chromium.close()


def main(url, only):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        english = Browser(playwright, url)
        for name in only or GRAPHS:
            english.show(name, GRAPHS[name])
            template, api = english.template(), english.api()
            (PACK / "example_workflows").mkdir(exist_ok=True)
            (PACK / "example_workflows" / f"{name}.json").write_text(
                json.dumps(template, indent=1, ensure_ascii=False) + "\n"
            )
            (REPOSITORY / "examples/comfyui" / f"{name}.json").write_text(
                json.dumps(api, indent=1, ensure_ascii=False) + "\n"
            )
            if name != "lipsync_recover_by_job_id":
                english.run()
            english.picture(REPOSITORY / "examples/comfyui" / f"{name}.jpg")
            english.preview(PACK / "example_workflows" / f"{name}.jpg")
        nodes = json.loads((PACK / "locales/en/nodeDefs.json").read_text(encoding="utf-8"))
        for kind in nodes:
            english.one_node(kind, PACK / "web/docs" / kind / "node.jpg")
        english.close()
        chinese = Browser(playwright, url, "zh")
        for kind in nodes:
            chinese.one_node(kind, PACK / "web/docs" / kind / "node.zh.jpg")
        for name in ("lipsync_image_multi", "lipsync_batch"):
            chinese.show(name, GRAPHS[name])
            chinese.run()
            chinese.picture(REPOSITORY / "examples/comfyui" / f"{name}.zh.jpg")
        chinese.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
