"""Every command and every snippet of each README runs as it stands; so does each program of examples/python."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import av
import pytest
from hatchling.builders.wheel import WheelBuilder

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.service import CATALOGUE, spec_named
from lipsync_nodes.settings import load_profile
from lipsync_nodes_mcp.command import mcp
from tests.integrations.pluggy.test_distributions import INSTALLED

ROOT = Path(__file__).parent.parent
FOLDERS = ("lipsync_nodes", "adapters", "tests", "examples")
PAGES = [
    page.relative_to(ROOT).as_posix()
    for name in ("README.md", "README.zh.md")
    for page in [ROOT / name, *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob(name))]
    if page.is_file()
]
# Their commands are run by the tests of their hosts, in environments where the examples are installed.
RUN_ELSEWHERE = [f"examples/{name}/README.md" for name in (*INSTALLED, "prefect", "pytest")]
SET_UP = [
    "python -m pip install -e '.[sandbox]' && lipsync-nodes demo",
    "python -m pip install -e '.[test]' && pytest",
]
# A fence that cannot run stands below `<!-- not run: why -->`. All of them are listed here.
NOT_RUN: list[tuple[str, str]] = [("examples/container/README.md", "needs a container engine")]


class Fence(NamedTuple):
    page: str
    reason: str  # why it is not run
    language: str
    text: str


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def fences_of(page):
    pattern = r"(?:^<!-- not run: (.+) -->\n)?^ *```(\w*)\n(.*?)^ *```$"
    return [Fence(page, *found) for found in re.findall(pattern, text_of(page), flags=re.DOTALL | re.MULTILINE)]


FENCES = [fence for page in PAGES if page not in RUN_ELSEWHERE for fence in fences_of(page)]


def blocks(language):
    """Return the texts of all fences of a language that are to run, each once."""
    return list(dict.fromkeys(fence.text for fence in FENCES if fence.language == language and not fence.reason))


def kind_of(command):
    """Tell which test runs a command of a README."""
    kinds = {
        **{f"lipsync-nodes sandbox {name} ": "sandbox control" for name in ("fault", "reset", "export", "import")},
        "pip install": "set-up",
        "export ": "setting",
        "lipsync-nodes sandbox ": "sandbox server",
        "lipsync-nodes proxy ": "proxy",
        "lipsync-nodes webhook serve ": "receiver",
        "lipsync-nodes comfyui ": "ComfyUI",
        "lipsync-nodes airflow ": "Airflow",
        "lipsync-nodes mcp ": "MCP server",
        "python agent.py ": "agent",
        " --sandbox": "in the sandbox",
        "lipsync-nodes estimate ": "in the sandbox",
        "lipsync-nodes verify ": "in the sandbox",
        "lipsync-nodes ": "at the service",
    }
    return next((kind for sign, kind in kinds.items() if sign in f"{command} "), "unknown")


COMMANDS = list(dict.fromkeys(line for block in blocks("bash") for line in block.splitlines()))


def commands(kind):
    return [command for command in COMMANDS if kind_of(command) == kind]


@pytest.fixture
def desk(tmp_path):
    """A folder with the files that the READMEs name."""
    folder = tmp_path / "desk"
    folder.mkdir()
    media = {
        "face.jpg": "portrait.jpg",
        "two.jpg": "duet.jpg",
        "voice.mp3": "speech_left.mp3",
        "other.mp3": "speech_right.mp3",
    }
    for name, source in media.items():
        shutil.copy(MEDIA / source, folder / name)
    line = '{"endpoint": "image", "image": "https://x.example/f.png", "audio": "https://x.example/a.mp3", "seed": %d}\n'
    (folder / "jobs.jsonl").write_text("".join(line % seed for seed in range(3)))
    return folder


def run(command, folder, **env):
    """Run a command line with the programs of this Python's environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    words = shlex.split(command)
    words[0] = shutil.which(words[0], path=path) or words[0]
    done = subprocess.run(words, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def serve(command, folder, **env):
    """Start a server on a free port, in a process that can be stopped."""
    words = shlex.split(re.sub(r"\b878\d\b", "0", command))
    words[:1] = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, cwd=folder, env={**os.environ, **env}, **streams)


def stop(process):
    process.terminate()
    process.communicate(timeout=30)


# What the pages have in common.


def test_each_room_of_the_door_has_a_page():
    assert {"README.md", "README.zh.md", "lipsync_nodes/README.md", "lipsync_nodes/cli/README.md"} <= set(PAGES)
    assert {f"adapters/lipsync_nodes_{host}/README.md" for host in ("comfyui", "airflow", "pluggy", "mcp")} <= set(
        PAGES
    )


# Lines for reverse proxies: `tests/integrations/comfyui/proxy.py` is one with the pattern that is in all of them.
PROXIES = {"nginx", "caddy", "yaml"}


def test_no_fence_is_left_out_unseen():
    assert [(fence.page, fence.reason) for fence in FENCES if fence.reason] == NOT_RUN
    assert {fence.language for fence in FENCES if not fence.reason} <= {"bash", "python", "json", "toml", *PROXIES}
    assert {fence.page for fence in FENCES if fence.language in PROXIES} == {"adapters/lipsync_nodes_comfyui/README.md"}
    assert {fence.language for page in RUN_ELSEWHERE for fence in fences_of(page)} == {"bash"}
    assert {kind_of(command) for command in COMMANDS} == {
        "set-up", "setting", "sandbox server", "receiver", "ComfyUI", "Airflow", "MCP server", "agent",
        "sandbox control", "proxy", "in the sandbox", "at the service",
    }  # fmt: skip
    assert commands("Airflow") == ["lipsync-nodes airflow demo"], "tests/integrations/airflow/test_demo.py runs it"


def test_the_door_is_short_and_has_the_set_up_first():
    for page in ("README.md", "README.zh.md"):
        lines = text_of(page).splitlines()
        assert len(lines) <= 130
        assert all(command in "\n".join(lines[:22]) for command in SET_UP)
    assert commands("set-up") == SET_UP


def test_the_chinese_door_has_the_same_fences():
    english, chinese = ([fence[1:] for fence in FENCES if fence.page == page] for page in ("README.md", "README.zh.md"))
    assert english == chinese


def test_each_door_links_the_other_language():
    assert "[简体中文](README.zh.md)" in text_of("README.md").splitlines()[2]
    assert "[English](README.md)" in text_of("README.zh.md").splitlines()[2]


def test_the_page_on_pypi_has_no_link_into_the_repository(tmp_path):
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
    page = metadata.partition("\n\n")[2]
    assert page.startswith("# lipsync-nodes\n\nlipsync-nodes makes ")
    assert "python -m pip install 'lipsync-nodes[sandbox]' && lipsync-nodes demo\n" in page
    assert not re.findall(r"\]\((?!https?:)", page)


def test_ci_calls_the_test_command():
    ci = (ROOT / ".ci" / "run").read_text()
    assert "python -m pip install -q -e '.[test]' && pytest\n" in ci


def anchors(page):
    """Return the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_each_link_into_the_project_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_the_pack_has_no_link_out_of_its_folder():
    """The Comfy registry and a copy in `custom_nodes` have the pack's folder alone."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text_of("adapters/lipsync_nodes_comfyui/README.md")):
        assert ".." not in target


def test_contributing_names_each_marker_and_group():
    project = tomllib.loads(text_of("pyproject.toml"))
    for marker in project["tool"]["pytest"]["ini_options"]["markers"]:
        assert f"pytest -m {marker.partition(':')[0]} " in text_of("CONTRIBUTING.md")
    for group in project["dependency-groups"]:
        assert f"--group {group}`" in text_of("CONTRIBUTING.md")


def test_the_table_of_forms_is_the_catalogue():
    rows = re.findall(r"^\| `(\w+Form)` \| `([\w-]+)` \| (.+?) \|", text_of("lipsync_nodes/README.md"), re.MULTILINE)
    assert rows == [
        (spec.form.__name__, spec.id, ", ".join(f"`{field.name}`" for field in spec.fields if field.required))
        for spec in CATALOGUE
    ]


# The commands.


def test_the_commands_in_the_sandbox(desk):
    for command in commands("in the sandbox"):
        run(command, desk)
    with av.open(desk / "talking.mp4") as video:
        assert video.streams.video[0].codec_context.name == "h264"


def test_the_commands_at_the_service(desk, sandbox):
    (export,) = [command for command in commands("setting") if "LIPSYNC_API_KEY" in command]
    name, _, value = export.removeprefix("export ").partition("=")
    for command in commands("at the service"):
        quick = (
            command
            if {"check", "submit", "report"} & {*command.split()}
            else command.replace(" --", " --poll-interval 0.1 --", 1)
        )
        run(quick, desk, **{name: value}, LIPSYNC_BASE_URL=sandbox.base_url)
    assert (desk / "hello.mp4").is_file()
    assert len(sandbox.received("submit")) == 6
    assert len(list((desk / "videos").glob("*.mp4"))) == 4


def test_the_commands_for_comfyui(desk):
    comfy = desk / "ComfyUI"
    comfy.mkdir()
    for name in ("main.py", "folder_paths.py"):
        (comfy / name).touch()
    (comfy / "comfyui_version.py").write_text('__version__ = "0.30.0"\n')
    for command in commands("ComfyUI"):
        run(command, desk, LIPSYNC_API_KEY="sk_x")
    assert len(commands("ComfyUI")) == 2
    assert (comfy / "custom_nodes" / "lipsync_nodes_comfyui" / "nodes.py").is_file()
    assert (comfy / "input" / "lipsync_talking.mp4").is_file()


@pytest.mark.parametrize("command", commands("sandbox server"))
def test_the_sandbox_by_itself(desk, command):
    process = serve(command, desk)
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+/api/v1", process.stderr.readline())[0]
        run("lipsync-nodes run image --image face.jpg --audio voice.mp3 --out talking.mp4", desk, LIPSYNC_BASE_URL=url)
    finally:
        stop(process)
    assert (desk / "sandbox-data").is_dir() is ("--data sandbox-data" in command)


def test_the_commands_for_a_running_sandbox(desk, sandbox):
    for command in commands("sandbox control"):
        run(command, desk, LIPSYNC_BASE_URL=sandbox.base_url)
    assert (desk / "state.zip").is_file()


def test_the_proxies_by_themselves(desk, sandbox):
    assert len(commands("proxy")) == 3
    for command in commands("proxy"):
        process = serve(f"{command} --port 0", desk, LIPSYNC_BASE_URL=sandbox.base_url)
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+/api/v1", process.stderr.readline())[0]
            urls = "--image https://x.example/f.png --audio https://x.example/a.mp3"
            run(f"lipsync-nodes run image {urls} --poll-interval 0.1", desk, LIPSYNC_BASE_URL=url)
        finally:
            stop(process)
        assert process.returncode == 0
    assert len(sandbox.received("submit")) == 2
    assert (desk / "tape.jsonl").is_file()


@pytest.mark.parametrize("command", commands("receiver"))
def test_the_receiver_by_itself(desk, command):
    process = serve(command, desk, LIPSYNC_API_KEY="sk_x")
    try:
        assert process.stdout.readline().startswith("Receiving webhooks at http://127.0.0.1:")
    finally:
        stop(process)


@pytest.mark.parametrize("command", commands("MCP server"))
def test_the_mcp_server_by_itself(desk, command):
    process = serve(command, desk)
    try:
        assert re.fullmatch(r"MCP server: http://127\.0\.0\.1:\d+/mcp\n", process.stderr.readline())
    finally:
        stop(process)


@pytest.mark.parametrize("command", commands("agent"))
def test_the_agent_without_a_model(desk, command):
    printed = run(command.replace("agent.py", shlex.quote(str(ROOT / "examples/mcp/agent.py"))), desk)
    assert "estimate: 12 credits\n" in printed
    assert "lipsync_wait with job_id '" in printed
    video = Path(re.search(r"video: (.+\.mp4)\n", printed)[1])
    assert video.parent == desk.resolve()
    assert video.stat().st_size > 10_000


# The snippets.


@pytest.mark.parametrize("snippet", blocks("python"))
def test_a_snippet(snippet, desk):
    (desk / "snippet.py").write_text(snippet)
    run("python snippet.py", desk)
    assert (desk / "talking.mp4").is_file() is ("talking.mp4" in snippet)


@pytest.mark.parametrize("example", sorted((ROOT / "examples" / "python").glob("*.py")), ids=lambda path: path.name)
def test_an_example(example, desk):
    printed = run(f"python {shlex.quote(str(example))}", desk)
    assert "failed" not in printed
    assert list(desk.rglob("*.mp4"))


def test_the_line_of_a_batch_is_one():
    ((line,),) = [text.splitlines() for text in blocks("json") if '"endpoint"' in text]
    values = json.loads(line)
    form = spec_named(values["endpoint"]).form(image=values["image"], audio=values["audio"])
    assert set(values) - {"endpoint", "out"} == set(form.form_state())


@pytest.mark.parametrize("text", [text for text in blocks("json") if "ervers" in text])
def test_a_configuration_of_an_mcp_client_is_one(text, tmp_path):
    (servers,) = json.loads(text).values()
    for server in servers.values():
        if "url" in server:
            assert f"--port {urlsplit(server['url']).port} " in "".join(commands("MCP server"))
            continue
        name, *words = [word.replace("/home/me/videos", str(tmp_path)) for word in server["args"]]
        words = [word.replace("${workspaceFolder}", str(tmp_path)) for word in words]
        given = mcp.make_context("mcp", words).params
        assert (server["command"], name, given["roots"]) == ("lipsync-nodes", "mcp", (tmp_path,))
        assert (given["profile"] == "sandbox") is (given["budget"] == 0)


@pytest.mark.parametrize("text", blocks("toml"))
def test_a_profile_is_one(text, tmp_path, monkeypatch):
    file = tmp_path / "profiles.toml"
    file.write_text(text)
    file.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    for name in re.findall(r"^ *\[(\w+)\]$", text, flags=re.MULTILINE):
        profile = load_profile(name)
        assert bool(profile.webhook and profile.webhook.secret) is ("secret" in text)
