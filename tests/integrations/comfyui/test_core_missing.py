"""A core that is missing, too old or incomplete: the pack loads, its nodes are there, and a run says what to do."""

import json

import pytest

from tests.integrations.comfyui.conftest import FACE, VOICE
from tests.integrations.comfyui.graphs import link, node
from tests.integrations.comfyui.servers import PACK, REPOSITORY, outcome
from tests.integrations.comfyui.test_pack import IDS

pytestmark = pytest.mark.comfyui

# Python runs this after all installed packages have had their say about `sys.path`.
WITHOUT_CORE = f"import sys; sys.path[:] = [path for path in sys.path if not path.startswith({str(REPOSITORY)!r})]"
CORES = {
    "missing": ("sitecustomize.py", WITHOUT_CORE, "The Python package 'lipsync_nodes' is not installed for ComfyUI."),
    "old": (
        "lipsync_nodes/__init__.py",
        "__version__ = '0.0.9'",
        "lipsync-nodes 0.0.9 is installed for ComfyUI, and this pack needs >=0.1.0.",
    ),
    "strange": (
        "lipsync_nodes/__init__.py",
        "__version__ = '99.0'",
        "The installed lipsync-nodes does not fit this pack, it is too old or too new",
    ),
}


@pytest.fixture(scope="module", params=CORES)
def server(request, make, tmp_path_factory):
    """A ComfyUI whose Python finds another core, or none, and what its nodes should say."""
    name, text, words = CORES[request.param]
    file = tmp_path_factory.mktemp("core") / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    version = "0.16.3" if request.param == "missing" else "0.30.0"
    comfy = make(version, PYTHONPATH=str(file.parents[name.count("/")]))
    try:
        yield comfy.start(), words
    finally:
        comfy.stop()


def test_the_nodes_are_there_and_a_run_says_what_to_do(server):
    comfy, words = server
    info = comfy.get("/object_info")
    assert sorted(name for name in info if name.startswith("Lipsync")) == IDS
    assert words in info["LipsyncImage"]["description"]
    graph = {
        "submit": node("LipsyncSubmitImage", image=FACE, audio=VOICE, seed=7, force_new=False),
        "wait": node("LipsyncWait", job=link("submit")),
        "save": node("SaveVideo", video=link("wait"), filename_prefix="x", format="auto", codec="auto"),
    }
    state, text = outcome(comfy.run(graph))
    assert state == "error"
    assert words in text
    assert f'-m pip install -r "{comfy.base / "custom_nodes" / PACK.name / "requirements.txt"}"' in text
    assert words in comfy.log.read_text()


def test_a_graph_keeps_its_links_and_values(server):
    """The stand-ins have the inputs and outputs of the real nodes, in their order: a saved template still fits them."""
    comfy, words = server
    info = comfy.get("/object_info")
    for file in (PACK / "example_workflows").glob("*.json"):
        for of in json.loads(file.read_text(encoding="utf-8"))["nodes"]:
            if of["type"] in IDS:
                inputs = info[of["type"]]["input"]["optional"]
                assert list(inputs) == [*(given["name"] for given in of["inputs"]), "what_to_do"]
                assert words in inputs["what_to_do"][1]["default"]
                assert info[of["type"]]["output"] == [given["type"] for given in of["outputs"]]
