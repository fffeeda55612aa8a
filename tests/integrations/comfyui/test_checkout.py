"""The whole repository in `custom_nodes`, as `git clone` or a manager puts it there, with nothing of it installed."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.integrations.comfyui.conftest import put_sample_media
from tests.integrations.comfyui.graphs import one
from tests.integrations.comfyui.servers import ARCHIVES, PACK, REPOSITORY, outcome
from tests.integrations.comfyui.test_core_missing import CORES
from tests.integrations.comfyui.test_pack import IDS

pytestmark = pytest.mark.comfyui


@pytest.fixture(scope="module")
def checkout():
    """A copy of what git knows of, as it is now; removed, as the tests' keys are in it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    with tempfile.TemporaryDirectory() as above:
        folder = Path(above) / "lipsync-nodes"
        for name in filter(None, listed.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, folder / name)
        yield folder


@pytest.fixture
def started(make, checkout, tmp_path):
    """Start a ComfyUI with the checkout, whose Python finds another core or none."""
    servers = []

    def started(version, core, **environment):
        name, text, words = CORES[core]
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        servers.append(make(version, pack=checkout, PYTHONPATH=str(tmp_path), **environment))
        return servers[0].start(), words

    yield started
    for server in servers:
        server.stop()


@pytest.mark.parametrize("version", ARCHIVES)
def test_a_checkout_loads_without_a_warning_and_makes_a_video(started, box, image, version):
    comfy, _ = started(version, "missing")
    info = comfy.get("/object_info")
    assert sorted(name for name in info if name.startswith("Lipsync")) == IDS
    assert info["LipsyncWait"]["python_module"] == "custom_nodes.lipsync-nodes"
    log = comfy.log.read_text()
    assert re.search(r"[\d.]+ seconds: \S*lipsync-nodes\n", log)
    about = re.compile(r"lipsync[-_ ]nodes(?!-tests)")  # the cache of these tests has that name, too
    assert not [line for line in log.splitlines() if about.search(line) and re.search(r"(?i)warn|error|fail", line)]
    help_page = comfy.raw("/extensions/lipsync-nodes/docs/LipsyncWait.md")
    assert help_page == (PACK / "web/docs/LipsyncWait.md").read_bytes()
    assert outcome(comfy.run(one(image()))) == ("success", "")
    assert len(box.received("submit")) == 1


def test_a_checkout_renders_a_preview_without_a_key(started, box, seeds):
    """The process of the sandbox finds the core of the checkout, which is nowhere on ComfyUI's path."""
    comfy, _ = started("0.30.0", "missing", LIPSYNC_API_KEY="", LIPSYNC_BASE_URL="https://lipsync.studio/api/v1")
    put_sample_media(comfy)
    example = json.loads((REPOSITORY / "examples/comfyui/lipsync_image.json").read_text(encoding="utf-8"))
    example["3"]["inputs"]["seed"] = next(seeds)
    entry = comfy.run(example, seconds=240)
    assert outcome(entry) == ("success", "")
    (shown,) = entry["outputs"]["3"]["images"]
    assert shown["filename"].startswith("preview_")
    assert box.requests == []


def test_an_installed_core_comes_first_even_if_too_old(started, image):
    """A run then says that it is too old, and what to install."""
    comfy, words = started("0.30.0", "old")
    state, text = outcome(comfy.run(one(image())))
    assert state == "error"
    assert words in text
