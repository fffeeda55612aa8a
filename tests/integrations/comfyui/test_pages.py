"""Translations and help pages are made from the descriptions of the nodes, and CI notices when they are stale."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from lipsync_nodes_comfyui.descriptions import DESCRIPTIONS
from lipsync_nodes_comfyui.install.pages import main
from tests.integrations.comfyui.servers import PACK


@pytest.fixture
def pack(tmp_path):
    """A copy of what is made."""
    for folder in ("locales", "web"):
        shutil.copytree(PACK / folder, tmp_path / folder)
    return tmp_path


def read(path):
    return path.read_text(encoding="utf-8")


def test_translations_and_help_pages_are_up_to_date():
    """As a process, since that is what people run; there is no ComfyUI in this Python."""
    command = [sys.executable, "-m", "lipsync_nodes_comfyui.install.pages", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "name", ["locales/zh/nodeDefs.json", "web/docs/LipsyncWait.md", "web/docs/LipsyncVideo/zh.md", "locales/en"]
)
def test_a_changed_or_missing_file_is_named_and_made_again(pack, capsys, name):
    if (pack / name).is_dir():
        shutil.rmtree(pack / name)
        name += "/nodeDefs.json"
    else:
        (pack / name).write_text(read(pack / name) + "\n", encoding="utf-8")
    assert main(["--check"], pack) == 1
    assert capsys.readouterr().out.startswith(f"{name} is out of date: run python -m ")
    assert main([], pack) == main(["--check"], pack) == 0
    assert read(pack / name) == read(PACK / name)


def test_the_page_of_a_node_that_is_gone_is_removed(pack):
    old = pack / "web/docs/LipsyncOld.md"
    old.touch()
    assert main(["--check"], pack) == 1
    assert main([], pack) == 0
    assert not old.exists()


def test_every_text_is_there_in_both_languages():
    chinese = re.compile("[\u4e00-\u9fff]")
    for language in ("en", "zh"):
        nodes = json.loads(read(PACK / "locales" / language / "nodeDefs.json"))
        assert nodes.keys() == {node.id for node in DESCRIPTIONS}
        for of in nodes.values():
            texts = [of["description"], *(text for given in of["inputs"].values() for text in given.values())]
            assert all(texts)
            assert {bool(chinese.search(text)) for text in texts} == {language == "zh"}


def test_every_node_has_a_picture_for_its_page():
    for node in DESCRIPTIONS:
        assert (PACK / "web/docs" / node.id / "node.jpg").is_file()
        assert (PACK / "web/docs" / node.id / "node.zh.jpg").is_file()
