"""A fourth endpoint is one form and one row of the catalogue: everything else knows it by them.

The tests add both to a copy of the tree: a required prompt, three audios, a credit rule of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lipsync_nodes.sandbox import MEDIA

REPOSITORY = Path(__file__).parents[1]
FORM = '''

class TrioForm(Form):
    """Let the three people of an image speak an audio each (`lipsync-trio`)."""

    image: Annotated[Media, _IMAGE]
    left_audio: Annotated[Media, _LEFT]
    middle_audio: Annotated[
        Media, shown(("Middle audio", "中间音频"), ("Of the middle one.", "中间语音。"), media="audio")
    ]
    right_audio: Annotated[Media, _RIGHT]
    prompt: Annotated[
        str, Field(min_length=1), shown(("Prompt", "提示词"), ("What they do.", "做什么。"), multiline=True)
    ]
'''
ROW = """
    NodeSpec("lipsync-trio", _forms.TrioForm, "Lipsync Trio", "三人对口型", lambda form, lengths: _pricing.Credits(
        7 * round(lengths["left_audio"] + lengths["middle_audio"] + lengths["right_audio"]))),
"""
NAMES = ["image", "left_audio", "middle_audio", "right_audio", "prompt"]
LENGTHS = ["--left-audio-seconds", "1", "--middle-audio-seconds", "20", "--right-audio-seconds", "3"]
URLS = [word for name in NAMES[:4] for word in (f"--{name.replace('_', '-')}", f"https://x.example/{name}")]


@pytest.fixture(scope="module")
def tree():
    """A copy of the core and the adapters, with one form and one row more."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("lipsync_nodes", "adapters"):
            shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        add_endpoint(copy)
        yield copy


def add_endpoint(copy):
    service = copy / "lipsync_nodes/service"
    with (service / "_forms.py").open("a", encoding="utf-8") as forms:
        forms.write(FORM)
    rows, begin = (service / "_catalogue.py").read_text(encoding="utf-8"), "CATALOGUE: tuple[NodeSpec, ...] = ("
    assert rows.count(begin) == 1
    new = f"from lipsync_nodes.service import _forms, _pricing\n\n{begin}{ROW}"
    (service / "_catalogue.py").write_text(rows.replace(begin, new), encoding="utf-8")


@pytest.fixture
def python(tree, tmp_path):
    """Run some code in the copy, in a process of its own, and return what it printed as JSON."""

    def python(code, *words, returncode=0, **more):
        path = os.pathsep.join(map(str, (tree, tree / "adapters")))
        env = {**os.environ, "PYTHONPATH": path, "AIRFLOW_HOME": str(tmp_path), **more}
        command = [sys.executable, "-W", "ignore", "-c", code, *map(str, words)]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == returncode, done.stderr
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    return python


@pytest.fixture
def cli(python):
    return lambda *words, **more: python("from lipsync_nodes.cli import main; main()", *words, **more)


def test_the_command_line_has_its_options(cli):
    assert "trio" in cli("run", "--help")
    for verb in ("run", "submit", "estimate"):
        said = " ".join(cli(verb, "trio", "--help").split())
        assert "--middle-audio URL|FILE Of the middle one." in said
        assert "--middle-audio-seconds" in said
        assert ("What they do. [required]" in said) == (verb != "estimate")


def test_an_estimate_bills_the_third_audio_by_its_own_rule(cli):
    assert cli("estimate", "trio", *LENGTHS, "--json")["credits"] == 7 * (1 + 20 + 3)
    told = cli("estimate", "trio", *LENGTHS[:2], *LENGTHS[4:], "--json", returncode=2)
    assert "the length of `middle_audio`" in told["error"]["message"]


def test_a_budget_counts_the_third_audio(cli, sandbox):
    words = ["run", "trio", *URLS, "--prompt", "sing", *LENGTHS, "--budget", 7 * 24 - 1, "--json"]
    told = cli(*words, returncode=2, LIPSYNC_API_KEY=sandbox.api_key, LIPSYNC_BASE_URL=sandbox.base_url)
    assert told["error"]["type"] == "BudgetExceeded"
    assert "168 credits" in told["error"]["message"]
    assert not sandbox.received("submit")


def test_the_sandbox_renders_it(cli, tmp_path):
    """By the preview engine, which knows two people: it plays the left and the right one, and all three are billed."""
    speech, other = MEDIA / "speech_left.mp3", MEDIA / "speech_right.mp3"
    media = ["--image", MEDIA / "duet.jpg", "--left-audio", speech, "--middle-audio", other, "--right-audio", other]
    done = cli("run", "trio", *media, "--prompt", "sing", "--sandbox", "--out", "trio.mp4", "--json")
    assert (done["status"], done["model"]) == ("completed", "lipsync-trio")
    assert (tmp_path / "trio.mp4").stat().st_size > 10_000
    assert done["credits"] == cli("estimate", "trio", *media, "--json")["credits"] > 7 * 15


def test_openapi_shows_it(python):
    paths = python("""import json; from lipsync_nodes.sandbox.server.openapi import document
print(json.dumps(document("http://x")["paths"]))""")
    body = paths["/api/v1/lipsync-trio"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert sorted(body["properties"]["formState"]["required"]) == sorted(NAMES)


def test_pluggy_describes_it(python):
    schemas = python("""import json; from lipsync_nodes_pluggy import manager
print(json.dumps({node.id: node.inputs for node in sum(manager().hook.lipsync_nodes_describe(), [])}))""")
    assert sorted(schemas["lipsync-trio"]["required"]) == sorted(NAMES)
    assert schemas["lipsync-trio"]["properties"]["middle_audio"]["media"] == "audio"


MCP = """
import asyncio, json, os, sys
from mcp import Client, StdioServerParameters, stdio_client
words = ["-c", "from lipsync_nodes.cli import main; main()", "mcp", "--profile", "sandbox"]
server = StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))
async def main():
    async with Client(stdio_client(server)) as client:
        tools = {tool.name: tool.input_schema for tool in (await client.list_tools()).tools}
        given = json.loads(sys.argv[1])
        draft = {name: value for name, value in given.items() if name != "wait_seconds"}
        cost = await client.call_tool("lipsync_estimate", {"endpoint": "lipsync-trio", **draft})
        made = await client.call_tool("lipsync_trio", given)
        print(json.dumps([tools["lipsync_trio"], cost.structured_content, made.structured_content]))
asyncio.run(main())
"""


def test_mcp_has_a_tool(python):
    lengths = {"left_audio_seconds": 1, "middle_audio_seconds": 20, "right_audio_seconds": 3}
    given = {name: f"https://x.example/{name}" for name in NAMES} | lengths | {"prompt": "sing", "wait_seconds": 0}
    schema, cost, made = python(MCP, json.dumps(given))
    assert sorted(schema["required"]) == sorted(NAMES)
    assert schema["properties"].keys() >= given.keys()
    assert cost["credits"] == 7 * 24
    assert made.get("error", made)["job_id"], "the job may have failed already: there is nothing at these URLs"


def test_airflow_has_an_operator(python):
    fields, cost = python("""import json; from lipsync_nodes_airflow.operators import LipsyncTrioOperator as Trio
given = {field.name: "https://x.example/" + field.name for field in Trio.spec.fields if field.required}
trio = Trio(task_id="t", **given, media_seconds={"left_audio": 1, "middle_audio": 20, "right_audio": 3})
from contextlib import ExitStack
with ExitStack() as files: print(json.dumps([Trio.template_fields, trio._estimate(trio._form(files))]))""")
    assert set(NAMES) <= set(fields)
    assert cost == 7 * 24


def test_comfyui_has_its_nodes_in_both_languages(python):
    """The schemas, the translations and the help pages are made of these."""
    inputs, files = python("""import json; from lipsync_nodes_comfyui.descriptions import DESCRIPTIONS
from lipsync_nodes_comfyui.install import pages
print(json.dumps([{node.id: [field.name for field in node.inputs] for node in DESCRIPTIONS}, pages.files()]))""")
    assert set(NAMES) < set(inputs["LipsyncTrio"]) & set(inputs["LipsyncSubmitTrio"])
    assert "middle_audio" in inputs["LipsyncEstimate"]
    assert set(NAMES) < set(inputs["LipsyncCheck"])
    assert "中间音频" in files["web/docs/LipsyncTrio/zh.md"]


NODE = """
    trio, estimate = NODES["LipsyncTrio"], NODES["LipsyncEstimate"]
    linked = {name: None for name in ("image", "left_audio", "middle_audio", "right_audio", "prompt")}
    said = [asyncio.run(trio.validate_inputs(**linked, resolution="480p"))]
    lengths = {"left_audio": 1.0, "middle_audio": 20.0, "right_audio": 3.0, "audio": 0.0, "video": 0.0}
    said.append(estimate.execute(endpoint="lipsync-trio", **lengths, resolution="480p", order="meanwhile").args[0])
    for node, values in ((trio, linked | {"prompt": ""}), (estimate, lengths | {"middle_audio": 0.0})):
        try:
            call = node.validate_inputs(**values) if node is trio else node.execute(endpoint="lipsync-trio", **values)
            asyncio.run(call)
        except Exception as error:
            said.append(str(error))
    print(json.dumps([[list(kind) for kind in trio.GET_NODE_INFO_V1()["input"].values()], said]))
"""


@pytest.mark.comfyui
def test_comfyui_runs_its_nodes(tree, tmp_path):
    """In ComfyUI's own Python; a prompt may come by its socket, too."""
    from tests.integrations.comfyui.without_server import run_in_comfyui

    printed = run_in_comfyui(NODE, tmp_path, repository=tree, LIPSYNC_API_KEY="sk_x")
    (required, optional, _), said = json.loads(printed.splitlines()[-1])
    assert sorted(required) == sorted(NAMES)
    assert "seed" in optional
    assert said[:2] == [True, 7 * 24]
    assert "`prompt`" in said[2]
    assert "the length of `middle_audio`" in said[3]
