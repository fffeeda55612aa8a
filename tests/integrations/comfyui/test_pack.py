"""The pack as ComfyUI finds it: it loads without a word, its examples run, its pages are up to date."""

import json
import re

import pytest

from tests.integrations.comfyui.graphs import node
from tests.integrations.comfyui.servers import PACK, REPOSITORY, outcome
from tests.integrations.comfyui.workflows import GRAPHS, note

pytestmark = pytest.mark.comfyui

IDS = [
    "LipsyncCheck", "LipsyncDownload", "LipsyncEstimate", "LipsyncImage", "LipsyncImageMulti", "LipsyncSubmitImage",
    "LipsyncSubmitImageMulti", "LipsyncSubmitVideo", "LipsyncVerify", "LipsyncVideo",
    "LipsyncWait",
]  # fmt: skip

TOOLS = {
    "LipsyncCheck": ["report", "ok"],
    "LipsyncDownload": ["video"],
    "LipsyncEstimate": ["credits", "text"],
    "LipsyncVerify": ["verdict", "in_sync"],
}


def test_the_pack_loads_without_a_warning(comfy):
    assert sorted(name for name in comfy.get("/object_info") if name.startswith("Lipsync")) == IDS
    log, ready, _ = comfy.log.read_text().partition("Starting server")
    assert ready
    assert re.search(r"[\d.]+ seconds: \S*lipsync_nodes_comfyui", log)
    about = [line for line in log.splitlines() if "lipsync_nodes" in line and re.search(r"(?i)warn|error|fail", line)]
    assert about == []


def test_the_ids_and_outputs_are_a_promise(comfy):
    info = comfy.get("/object_info")
    for name in IDS:
        wanted = ["job", "job_id"] if "Submit" in name else ["video", "output_url", "job_id"]
        wanted = TOOLS.get(name, wanted)
        assert info[name]["output_name"] == wanted
        assert info[name]["output_node"]
        assert not info[name].get("api_node")
    assert info["LipsyncSubmitImage"]["output"] == ["LIPSYNC_JOB", "STRING"]
    assert info["LipsyncCheck"]["output"] == info["LipsyncVerify"]["output"] == ["STRING", "BOOLEAN"]
    seed = info["LipsyncImage"]["input"]["optional"]["seed"][1]
    assert seed["control_after_generate"] == "fixed", "else the frontend draws a new seed, and a new job, for each run"


@pytest.mark.parametrize("name", GRAPHS)
def test_every_example_runs_and_its_video_is_in_the_output_folder(comfy, box, sample_media, seeds, name):
    graph = json.loads((REPOSITORY / "examples/comfyui" / f"{name}.json").read_text())
    if "3" in graph and "seed" in graph["3"]["inputs"]:
        graph["3"]["inputs"]["seed"] = next(seeds)
    graph["3"]["inputs"]["profile"] = ""  # `test_preview` is about the sandbox of ComfyUI itself
    if graph["3"]["inputs"].get("job") == "":
        made = comfy.run({"1": node("LipsyncSubmitImage", image="https://x.example/i", audio="https://x.example/a")})
        graph["3"]["inputs"]["job"] = made["outputs"]["1"]["job_id"][0]
    entry = comfy.run(graph, 120)
    assert outcome(entry) == ("success", "")
    told = entry["outputs"]["5" if "5" in entry["outputs"] else "3"]
    (video, *_) = told["images"]
    assert (comfy.base / "output" / video["subfolder"] / video["filename"]).stat().st_size > 1000
    jobs = {job["id"] for job in box.jobs()}
    assert set(told["job_id"]) <= jobs
    assert len(told["output_url"]) == (2 if name in {"lipsync_batch", "lipsync_long_speech_list"} else 1)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_templates_are_the_examples(name):
    template = json.loads((PACK / "example_workflows" / f"{name}.json").read_text(encoding="utf-8"))
    api = json.loads((REPOSITORY / "examples/comfyui" / f"{name}.json").read_text(encoding="utf-8"))
    assert (PACK / "example_workflows" / f"{name}.jpg").is_file()
    nodes = {str(node["id"]): node for node in template["nodes"] if node["type"] != "MarkdownNote"}
    assert {number: node["type"] for number, node in nodes.items()} == {n: of["class_type"] for n, of in api.items()}
    links = {link[0]: [str(link[1]), link[2]] for link in template["links"]}
    for number, of in api.items():
        given = {i["name"]: links[i["link"]] for i in nodes[number]["inputs"] if i.get("link") is not None}
        assert given == {name: value for name, value in of["inputs"].items() if isinstance(value, list)}
        wanted = GRAPHS[name][number]["inputs"]
        assert {key: of["inputs"][key] for key in wanted} == wanted
        if "force_new" in of["inputs"]:
            assert of["inputs"]["profile"] == "sandbox", "nobody pays by opening a template and pressing Run"
    (shown,) = [node for node in template["nodes"] if node["type"] == "MarkdownNote"]
    assert shown["widgets_values"] == [note(name)]


def test_the_translations_are_what_the_nodes_say(comfy):
    """The English ones are those of the schemas, in their order; `test_pages` compares both languages and the pages."""
    info, texts = comfy.get("/object_info"), json.loads((PACK / "locales/en/nodeDefs.json").read_text(encoding="utf-8"))
    assert list(texts) == IDS
    for name, of in texts.items():
        assert (info[name]["display_name"], info[name]["description"]) == (of["display_name"], of["description"])
        shown = {}
        for key, (_, *options) in (info[name]["input"]["required"] | info[name]["input"].get("optional", {})).items():
            shown[key] = {"name": options[0].get("display_name") or key, "tooltip": options[0]["tooltip"]}
        assert list(shown.items()) == list(of["inputs"].items())
        assert info[name]["output_name"] == [output["name"] for output in of["outputs"].values()]


def test_comfyui_serves_translations_help_pages_and_templates(newest):
    names = newest.get("/i18n")
    assert names["zh"]["nodeDefs"]["LipsyncImage"]["display_name"] == "图像对口型"
    assert set(newest.get("/workflow_templates")["lipsync_nodes_comfyui"]) == set(GRAPHS)
    for page in ("LipsyncWait.md", "LipsyncWait/zh.md"):
        assert (PACK / "web/docs" / page).read_bytes() == newest.raw(f"/extensions/lipsync_nodes_comfyui/docs/{page}")
