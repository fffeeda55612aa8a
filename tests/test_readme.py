"""Every command and every snippet of the README and of the examples runs as it stands."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from lipsync_nodes.catalogue import spec_named
from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes.settings import load_profile

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
SET_UP = [
    "python -m pip install -e '.[sandbox]' && lipsync-nodes demo",
    "python -m pip install -e '.[test]' && pytest",
]


def lines_of(language):
    return [line for kind, text in BLOCKS if kind == language for line in text.splitlines()]


@pytest.fixture
def desk(tmp_path):
    """A folder with the files that the README speaks of."""
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


def test_two_commands_do_all_the_set_up_and_stand_on_the_first_screen():
    assert [line for line in lines_of("bash") if "pip install" in line] == SET_UP
    assert all(command in "\n".join(README.splitlines()[:22]) for command in SET_UP)


def test_ci_calls_the_test_command():
    ci = (ROOT / ".ci" / "run").read_text()
    assert "python -m pip install -q -e '.[test]' && pytest\n" in ci


def test_the_commands_for_the_sandbox(desk):
    for command in (line for line in lines_of("bash") if "--sandbox" in line or " estimate " in line):
        run(command, desk)
    with av.open(desk / "talking.mp4") as video:
        assert video.streams.video[0].codec_context.name == "h264"


def test_the_commands_for_the_service(desk, sandbox):
    block = next(text for kind, text in BLOCKS if kind == "bash" and "export" in text)
    (export,) = [line for line in block.splitlines() if line.startswith("export ")]
    name, _, value = export.removeprefix("export ").partition("=")
    for command in (line for line in block.splitlines() if line.startswith("lipsync-nodes")):
        quick = command if " submit " in command else command.replace(" --", " --poll-interval 0.1 --", 1)
        run(quick, desk, **{name: value}, LIPSYNC_BASE_URL=sandbox.base_url)
    assert (desk / "hello.mp4").is_file()
    assert len(sandbox.received("submit")) == 5
    assert len(list((desk / "videos").glob("*.mp4"))) == 4


def test_the_commands_for_comfyui(desk):
    comfy = desk / "ComfyUI"
    comfy.mkdir()
    for name in ("main.py", "folder_paths.py"):
        (comfy / name).touch()
    (comfy / "comfyui_version.py").write_text('__version__ = "0.30.0"\n')
    commands = [line for line in lines_of("bash") if line.startswith("lipsync-nodes comfyui ")]
    for command in commands:
        run(command, desk, LIPSYNC_API_KEY="sk_x")
    assert len(commands) == 2
    assert (comfy / "custom_nodes" / "lipsync_nodes_comfyui" / "nodes.py").is_file()
    assert (comfy / "input" / "lipsync_talking.mp4").is_file()


@pytest.mark.parametrize("snippet", [text for kind, text in BLOCKS if kind == "python"])
def test_a_snippet(snippet, desk):
    (desk / "snippet.py").write_text(snippet)
    run("python snippet.py", desk)
    assert (desk / "talking.mp4").is_file() is ("talking.mp4" in snippet)


def test_the_sandbox_by_itself(desk):
    (command,) = [line for line in lines_of("bash") if line.startswith("lipsync-nodes sandbox ")]
    words = shlex.split(command.replace("8787", "0"))
    words[:1] = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()"]
    process = subprocess.Popen(words, cwd=desk, stderr=subprocess.PIPE, text=True)
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+/api/v1", process.stderr.readline())[0]
        here = {"LIPSYNC_BASE_URL": url, "LIPSYNC_API_KEY": "sk_x"}
        run("lipsync-nodes run image --image face.jpg --audio voice.mp3 --out talking.mp4", desk, **here)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert (desk / "sandbox-data").is_dir()


@pytest.mark.parametrize("command", [line for line in lines_of("bash") if " webhook serve " in line])
def test_the_receiver_by_itself(desk, command):
    words = shlex.split(command.replace("8788", "0"))
    words[:1] = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()"]
    env = {**os.environ, "LIPSYNC_API_KEY": "sk_x"}
    process = subprocess.Popen(words, cwd=desk, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("Receiving webhooks at http://127.0.0.1:")
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("example", sorted((ROOT / "examples" / "python").glob("*.py")), ids=lambda path: path.name)
def test_an_example(example, desk):
    printed = run(f"python {shlex.quote(str(example))}", desk)
    assert "failed" not in printed
    assert list(desk.rglob("*.mp4"))


def test_the_line_of_a_batch_is_one():
    ((line,),) = [text.splitlines() for kind, text in BLOCKS if kind == "json"]
    values = json.loads(line)
    form = spec_named(values["endpoint"]).form(image=values["image"], audio=values["audio"])
    assert set(values) - {"endpoint", "out"} == set(form.form_state())


def test_every_link_of_the_readme_into_the_project_leads_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_profile_is_one(tmp_path, monkeypatch):
    (text,) = [text for kind, text in BLOCKS if kind == "toml"]
    file = tmp_path / "profiles.toml"
    file.write_text(text)
    file.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(file))
    assert load_profile().webhook.secret
