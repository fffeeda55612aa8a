"""The README of the sandbox: its snippets run, and its tables list all that there is."""

import inspect
import re
import subprocess
import sys

import pytest

from lipsync_nodes.cli.sandbox import sandbox as command
from lipsync_nodes.sandbox import MEDIA, Sandbox
from lipsync_nodes.sandbox.faults import ACTIONS
from lipsync_nodes.sandbox.server.app import build_app

FOLDER = MEDIA.parent
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
HTTP = {"submit", "poll", "output", "files"}


def rows_of(heading):
    """Return the cells of the table with this first cell in its heading."""
    table = README[README.index(f"| {heading} |") :].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def names_in(cell):
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs(snippet, tmp_path):
    (tmp_path / "test_snippet.py").write_text(snippet)
    arguments = ["-m", "pytest", "-q", "test_snippet.py"] if "import pytest" in snippet else ["test_snippet.py"]
    done = subprocess.run([sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "talking.mp4").is_file() is ("talking.mp4" in snippet)


def test_the_faults_are_those_of_the_rules():
    listed = {names_in(action)[0]: (where, set(names_in(more))) for action, where, _, more in rows_of("action")}
    assert listed.keys() == ACTIONS.keys()
    for action, (places, parameters) in ACTIONS.items():
        where = ", ".join(dict.fromkeys("HTTP" if place in HTTP else place for place in places))
        assert listed[action] == (where, set(parameters)), action


def test_the_options_are_those_of_the_command():
    assert [names_in(row[0])[0] for row in rows_of("option")] == [parameter.opts[0] for parameter in command.params]


def test_the_arguments_are_those_of_the_class():
    listed = [name for row in rows_of("argument of `Sandbox`") for name in names_in(row[0])]
    assert listed == list(inspect.signature(Sandbox).parameters)


def test_the_paths_are_those_of_the_application(box):
    listed = {path.split(" ")[-1] for row in rows_of("path") for path in names_in(row[0]) if "/" in path}
    routes = {route.path.removesuffix(".mp4") for route in build_app(box._running.service).routes}
    known = {"/outputs/{name}": "/outputs/{job_id}.mp4", "/api/v1/lipsync-image": "/lipsync-image"}
    known["/api/v1/lipsync-image-multi"] = "/lipsync-image-multi"
    assert listed == {known.get(path, path) for path in routes}


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (FOLDER / target).exists(), target
