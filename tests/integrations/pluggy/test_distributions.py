"""The example distributions, built, installed and run as they are in an environment of their own.

What they depend on is borrowed from the environment of the tests, so nothing is fetched; lipsync-nodes itself is built
from this checkout and installed like the others.
"""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import pytest

from lipsync_nodes.sandbox import MEDIA, Sandbox
from lipsync_nodes.service import CATALOGUE

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"
INSTALLED = ("host_app", "host_app_plugin", "llm_lipsync")
URL = "https://media.example/"


def run(words, folder, *, says="", ok=True, **env):
    done = subprocess.run(
        words, cwd=folder, input=says, capture_output=True, text=True, timeout=120, env={**os.environ, **env}
    )
    assert (done.returncode == 0) is ok, f"{words}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def environment():
    """A new environment with four real distributions; gives its folder of programs."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield installed_in(Path(folder).resolve())


def installed_in(folder):
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}))
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "-q"]
    sources = [str(ROOT), *(str(EXAMPLES / name) for name in INSTALLED)]
    run([*pip, "--no-deps", "--no-build-isolation", "--no-index", "--force-reinstall", *sources], folder)
    return scripts


@pytest.fixture(scope="module")
def studio():
    """A sandbox that fetches its media and renders."""
    with Sandbox(concurrency=1) as box:
        yield box


@pytest.fixture
def at(environment, tmp_path):
    """Run a program of the environment against a sandbox, in a folder of the test."""

    def at(box, program, *words, **more):
        there = {"LIPSYNC_API_KEY": box.api_key, "LIPSYNC_BASE_URL": box.base_url, "BROWSER": "true"}
        there |= {"LLM_USER_PATH": str(tmp_path / "llm")}
        # llm itself is borrowed, and its script with it.
        line = ["python", "-m", "llm"] if program == "llm" else [program]
        return run([str(environment / line[0]), *line[1:], *words], tmp_path, **{**there, **more})

    yield at
    (tmp_path / "llm" / "keys.json").unlink(missing_ok=True)  # no key is left anywhere


def test_what_is_installed_is_the_built_distribution(at, sandbox, environment):
    done = at(sandbox, "python", "-c", "import lipsync_nodes, lipsync_nodes_pluggy as p; print(p.__file__)")
    assert done.stdout.startswith(str(environment.parent))
    listed = json.loads(at(sandbox, "lipsync-nodes", "plugins", "--json").stdout)
    assert listed["troubles"] == []
    found = {row["name"]: (row["distribution"], {hook["name"] for hook in row["hooks"]}) for row in listed["plugins"]}
    assert found["postcard-tools"] == ("postcard-tools", {"lipsync_publish_asset", "lipsync_job_event"})
    assert found["lipsync"][0] == "lipsync-nodes"


@pytest.mark.parametrize("number", range(len(CATALOGUE)), ids=[spec.id for spec in CATALOGUE])
def test_the_host_makes_each_postcard(at, sandbox, number):
    """Required fields first; the answers are URLs, and an empty line for each field that may be left out."""
    spec = CATALOGUE[number]
    answers = ["9", str(number + 1), *(URL + field.name for field in spec.fields if field.required), *[""] * 9]
    done = at(sandbox, "talking-postcards", "--no-open", "--poll-interval", "0.1", says="\n".join(answers))
    (submit,) = sandbox.received("submit")
    assert submit.path.endswith(spec.id)
    assert submit.body["formState"] == {field.name: URL + field.name for field in spec.fields if field.required}
    assert sandbox.jobs()[0]["id"] in done.stdout
    assert "completed" in done.stdout
    assert re.search(r"Your postcard: http\S+\.mp4", done.stdout)


def test_the_form_asks_again_and_reads_numbers_and_choices(at, sandbox):
    answers = ["2", "no-such-file.png", URL + "i", URL + "a", "8k", "720p", "smile", "seven", "7", ""]
    done = at(sandbox, "talking-postcards", "--no-open", "--poll-interval", "0.1", says="\n".join(answers) + "\n")
    assert sandbox.received("submit")[0].body["formState"] == {
        "image": URL + "i", "audio": URL + "a", "resolution": "720p", "prompt": "smile", "seed": 7,
    }  # fmt: skip
    assert "There is no file no-such-file.png" in done.stdout
    assert "Choose one of: 480p, 720p" in done.stdout


def test_the_plugin_publishes_files_and_writes_a_table(at, studio, tmp_path):
    """The sandbox fetches the files from the plugin's web server: it renders what it was given."""
    for name in ("portrait.jpg", "speech_left.mp3"):
        shutil.copy(MEDIA / name, tmp_path / name)
    answers = ["2", "portrait.jpg", "speech_left.mp3", "480p", *[""] * 9]
    done = at(studio, "talking-postcards", "--poll-interval", "0.2", says="\n".join(answers))
    (submit,) = studio.received("submit")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{64}\.jpg", submit.body["formState"]["image"])
    with (tmp_path / "postcard-tools" / "events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["kind"], rows[0]["endpoint"]) == ("submitted", "lipsync-image")
    assert (rows[-1]["kind"], rows[-1]["job_id"]) == ("completed", studio.jobs()[0]["id"])
    assert rows[-1]["output"] in done.stdout
    assert (tmp_path / "postcard-tools" / "postcards.txt").read_text() == rows[-1]["output"] + "\n"
    assert studio.api_key not in (tmp_path / "postcard-tools" / "events.csv").read_text()


def test_the_host_tells_an_error_in_its_own_words(environment, sandbox, tmp_path):
    answers = "\n".join(["2", URL + "i", URL + "a", *[""] * 9])
    there = {"LIPSYNC_API_KEY": "", "LIPSYNC_BASE_URL": "https://service.example/api/v1"}
    done = run([str(environment / "talking-postcards")], tmp_path, says=answers, ok=False, **there)
    assert "ConfigurationError: There is no API key" in done.stderr
    assert not sandbox.received("submit")


# In llm, the real application.


def test_llm_has_a_command_for_each_node(at, sandbox):
    for spec in CATALOGUE:
        media = [word for field in spec.fields if field.required for word in (field.option, URL + field.name)]
        done = at(sandbox, "llm", "lipsync", spec.command, *media, "--seed", "7")
        assert re.fullmatch(r"http\S+\.mp4\n", done.stdout)
        assert done.stderr.startswith("Job ")
    assert [each.body["formState"]["seed"] for each in sandbox.received("submit")] == [7, 7, 7]


def test_llm_submits_now_and_waits_later(at, sandbox):
    line = ["lipsync", "image", "--image", URL + "i", "--audio", URL + "a", "--no-wait"]
    job_id = at(sandbox, "llm", *line).stdout.strip()
    assert at(sandbox, "llm", "lipsync", "wait", job_id).stdout.strip().endswith(f"{job_id}.mp4")


def test_a_model_that_calls_the_tool_twice_pays_once(at, sandbox):
    """A model calls the tool and pays once however often it does."""
    call = {"name": "lipsync_image", "arguments": {"image": URL + "i", "audio": URL + "a"}}
    prompt = json.dumps({"tool_calls": [call, call], "prompt": "make it"})
    for _ in range(2):
        done = at(sandbox, "llm", "-m", "echo", "-T", "lipsync_image", prompt)
        assert f"{sandbox.jobs()[0]['id']}.mp4" in done.stdout
    assert len(sandbox.received("submit")) == 1


def test_llm_keeps_the_key_and_tells_errors(at, sandbox, tmp_path):
    (tmp_path / "llm").mkdir()
    (tmp_path / "llm" / "keys.json").write_text(json.dumps({"lipsync": sandbox.api_key}))
    line = ["lipsync", "image", "--image", URL + "i", "--audio", URL + "a", "--no-wait"]
    assert at(sandbox, "llm", *line, LIPSYNC_API_KEY="").stdout.strip()
    (tmp_path / "llm" / "keys.json").write_text("{}")
    done = at(sandbox, "llm", *line, LIPSYNC_API_KEY="", LIPSYNC_BASE_URL="https://service.example/api/v1", ok=False)
    assert "There is no API key" in done.stderr
    assert len(sandbox.received("submit")) == 1


# What their pages say.


def commands_of(name):
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("line", [line for name in INSTALLED for line in commands_of(name)])
def test_a_command_of_their_pages(at, sandbox, line, tmp_path):
    (tmp_path / "lipsync_nodes" / "sandbox").mkdir(parents=True)
    (tmp_path / "lipsync_nodes" / "sandbox" / "media").symlink_to(MEDIA)  # as in the root of a checkout
    program, *words = shlex.split(line)
    if "install" in words:  # done by `environment`, without asking the registry
        assert all((ROOT / word).is_dir() for word in words if word.startswith("./"))
        return
    postcard = "\n".join(["2", URL + "i", URL + "a", *[""] * 9])
    typed = {"talking-postcards": postcard, "llm keys": sandbox.api_key}
    model = ["-m", "echo"] if words[:1] == ["-T"] else []  # instead of one that has to be paid
    at(sandbox, program, *model, *words, says=typed.get(" ".join([program, *words[:1]]), ""))


@pytest.mark.parametrize("name", INSTALLED)
def test_an_example_stays_small_and_says_what_it_needs(name):
    (source,) = (EXAMPLES / name).glob("*.py")
    assert len(source.read_text(encoding="utf-8").splitlines()) < 150
    assert '"lipsync-nodes"' in (EXAMPLES / name / "pyproject.toml").read_text()
