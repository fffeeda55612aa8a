"""The pytest plugin, as an outside project has it: from the wheel, in an environment of its own.

What lipsync-nodes depends on is borrowed from the environment of the tests, so nothing is fetched.
"""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import pytest

from lipsync_nodes import pytest_plugin

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "pytest"
FILES = sorted(EXAMPLE.glob("test_*.py"))
IMPORTS = "from lipsync_nodes import *\nimport httpx, os, pytest\n"
FORM = 'ImageForm(image="https://m.example/i.png", audio="https://m.example/a.mp3")'


@pytest.fixture(scope="module")
def python():
    """The Python of a new environment that has the wheel."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = Path(folder).resolve()
        venv.create(place, with_pip=False, symlinks=os.name != "nt")
        names = {"base": str(place), "platbase": str(place)}
        program = Path(sysconfig.get_path("scripts", "venv", names)) / "python"
        Path(sysconfig.get_path("purelib", "venv", names), "borrowed.pth").write_text(sysconfig.get_path("purelib"))
        pip = [sys.executable, "-m", "pip", "--python", str(program), "install", "-q", "--no-deps"]
        run([*pip, "--no-build-isolation", "--no-index", "--force-reinstall", str(ROOT)], place)
        yield program


def run(words, folder, *, ok=True, **env):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LIPSYNC_", "PYTEST_"))} | env
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=240, env=env)
    assert (done.returncode == 0) is ok, f"{words}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def outside(python, tmp_path):
    """Run pytest in a project that consists of one test file; gives what it says."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")

    def outside(source, *options, ok=True, **env):
        (project / "test_it.py").write_text(IMPORTS + source.replace("FORM", FORM))
        line = [str(python), "-W", "error", "-m", "pytest", "-q", "-W", "error", *options]
        return run(line, project, ok=ok, **env).stdout

    return outside


def functions_of(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@pytest.mark.parametrize("options", [(), ("-n", "4")], ids=["one-process", "xdist"])
def test_the_example_passes(python, options, tmp_path):
    for file in FILES:
        (tmp_path / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    line = [str(python), "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *options]
    done = run(line, tmp_path)
    assert f"{sum(len(functions_of(file)) for file in FILES)} passed" in done.stdout
    assert not re.search("failed|skipped|warning", done.stdout)


def test_the_example_is_small():
    assert len(FILES) == 3
    lengths = [node.end_lineno - node.lineno + 1 for file in FILES for node in functions_of(file)]
    assert max(lengths) <= 20


def test_the_page_of_the_example_names_its_files_and_the_commands_of_these_tests():
    page = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"```bash\n(.*?)```", page, re.DOTALL) == [
        "python -m pip install -e '.[sandbox]' pytest\ncd examples/pytest && pytest\n"
    ]
    assert re.findall(r"\]\((test_\w+\.py)\)", page) == ["test_videos.py", "test_trouble.py", "test_waiting.py"]
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page):
        assert (EXAMPLE / target).exists(), target


def test_each_test_has_an_empty_sandbox(outside):
    outside("""
@pytest.mark.parametrize("number", range(3))
def test_it(number, lipsync_client, lipsync_sandbox):
    assert (lipsync_sandbox.jobs(), lipsync_sandbox.requests, lipsync_sandbox.faults) == ([], [], [])
    assert lipsync_sandbox.advance_per_poll == 0
    lipsync_sandbox.fault("poll:500,times=-1")
    lipsync_sandbox.advance_per_poll = 5
    lipsync_client.submit(FORM)

def test_it_is_one_sandbox(lipsync_sandbox, lipsync_sandbox_session):
    assert lipsync_sandbox is lipsync_sandbox_session
""")


def test_code_under_test_uses_the_sandbox(outside):
    """It cannot reach the service by accident: the key and the profile of the person are out of the way."""
    person = {"LIPSYNC_API_KEY": "sk_theirs", "LIPSYNC_PROFILE": "paid"}
    outside(
        """
def test_in_a_test(lipsync_sandbox):
    with LipsyncClient() as client:
        client.submit(FORM)
    assert len(lipsync_sandbox.jobs()) == 1
    assert LipsyncClient().profile.name != "paid"

def test_afterwards():
    assert (os.environ["LIPSYNC_API_KEY"], os.environ["LIPSYNC_PROFILE"]) == ("sk_theirs", "paid")
    assert "LIPSYNC_BASE_URL" not in os.environ
""",
        **person,
    )


def test_faults_come_from_markers_in_their_order(outside):
    outside("""
@pytest.mark.lipsync_fault("submit:503,body=first")
@pytest.mark.lipsync_fault("status", where="submit", code=502, body="second")
def test_it(lipsync_sandbox):
    assert [fault["code"] for fault in lipsync_sandbox.faults] == [503, 502]
    headers = {"Authorization": "Bearer sk_a_b"}
    answers = [httpx.post(lipsync_sandbox.base_url + "/lipsync-image", headers=headers).text for _ in range(2)]
    assert answers == ["first", "second"]
""")


def test_a_fault_without_a_sandbox_fails_the_test(outside):
    said = outside(
        """
@pytest.mark.lipsync_fault("submit:503")
def test_it():
    pass
""",
        ok=False,
    )
    assert "The marker lipsync_fault needs the fixture lipsync_sandbox or lipsync_client." in said


def test_a_wrong_fault_fails_the_test(outside):
    said = outside('@pytest.mark.lipsync_fault("submit:fail")\ndef test_it(lipsync_sandbox): pass\n', ok=False)
    assert "fail can be at job, not at submit" in said


def test_a_marker_without_one_rule_says_what_it_needs(outside):
    marked = ["()", '("submit:503", "poll:503")', '("status", action="status")']
    tests = [
        f"@pytest.mark.lipsync_fault{rules}\ndef test_{n}(lipsync_sandbox): pass" for n, rules in enumerate(marked)
    ]
    said = outside("\n".join(tests), ok=False)
    assert said.count('The marker lipsync_fault needs one rule, such as "submit:429,retry_after=1".') >= len(marked)
    assert "TypeError" not in said


def test_media_are_files_and_urls(outside):
    outside("""
def test_it(lipsync_media):
    for name in ("face", "two_faces", "voice", "other_voice", "film"):
        file = getattr(lipsync_media, name)
        assert httpx.get(file.url).content == file.path.read_bytes()
""")


def test_the_seed_gives_the_same_ids(outside):
    source = "def test_it(lipsync_client):\n    print('id', lipsync_client.submit(FORM).id)\n"
    first, again = (re.search(r"id (\S+)", outside(source, "-s", "--lipsync-seed", "7"))[1] for _ in range(2))
    assert first == again
    assert re.search(r"id (\S+)", outside(source, "-s"))[1] != first


def test_the_renderer_can_be_chosen(outside):
    outside(
        """
def test_it(lipsync_client, lipsync_sandbox, lipsync_media):
    job = lipsync_client.run(ImageForm(image=lipsync_media.face.path, audio=lipsync_media.voice.path))
    assert lipsync_sandbox.report(job.id)["sync"] > 0.5
""",
        "--lipsync-renderer",
        "preview",
    )


def test_the_asynchronous_client_works_on_any_loop(outside):
    outside("""
import asyncio

def test_asyncio(lipsync_async_client):
    for _ in range(2):
        assert asyncio.run(lipsync_async_client.run(FORM, poll_interval=0.05)).output

@pytest.mark.anyio
async def test_anyio(lipsync_async_client):
    assert (await lipsync_async_client.run(FORM, poll_interval=0.05)).output
""", "-k", "asyncio")  # fmt: skip


def test_help_lists_the_options_and_the_marker(outside):
    said = outside("", "--help") + outside("", "--markers") + outside("", "--fixtures", ok=True)
    for name in ("--lipsync-renderer", "--lipsync-seed", "lipsync_fault(rule", "lipsync_client", "lipsync_media"):
        assert name in said


MEASURE = """
import json, sys, time
from importlib.metadata import EntryPoint

began, spent, load = time.perf_counter(), [], EntryPoint.load

def timed(point):
    start = time.perf_counter()
    try:
        return load(point)
    finally:
        if point.value.startswith("lipsync_nodes"):
            spent.append(time.perf_counter() - start)

EntryPoint.load = timed
import pytest
assert pytest.main(["-q", "-p", "no:cacheprovider"]) == 0
loaded = sorted(name for name in sys.modules if name.startswith("lipsync_nodes"))
print(json.dumps({"share": sum(spent) / (time.perf_counter() - began), "times": len(spent), "loaded": loaded}))
"""


def test_a_suite_that_does_not_use_it_pays_next_to_nothing(python, tmp_path):
    """By modules, and as a share of what pytest itself takes, because times depend on the machine."""
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    runs = [json.loads(run([str(python), "-c", MEASURE], tmp_path).stdout.splitlines()[-1]) for _ in range(4)]
    assert {run["times"] for run in runs} == {1}
    assert runs[0]["loaded"] == ["lipsync_nodes", "lipsync_nodes._lazy", "lipsync_nodes.pytest_plugin"]
    assert min(run["share"] for run in runs) < 0.02


def test_the_plugin_imports_pytest_only():
    tree = ast.parse(Path(pytest_plugin.__file__).read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in top]
    assert names == ["__future__", "pytest"]
