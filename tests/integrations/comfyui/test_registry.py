"""The pack's folder is fit for the Comfy registry: its own tool validates and packs it, without a network."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest

from tests.integrations.comfyui.servers import CACHE, PACK

pytestmark = pytest.mark.comfyui

TOOL = "comfy-cli==1.23.0"


@pytest.fixture(scope="module")
def tool():
    """Return the registry's command-line tool, installed once in an environment of its own."""
    folder = CACHE / f"{TOOL}-{sys.version_info.major}.{sys.version_info.minor}"
    if not (folder / "complete").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", TOOL], check=True)
        (folder / "complete").touch()
    return folder / "bin" / "comfy"


@pytest.fixture
def pack(tmp_path):
    """The pack as a git repository of its own: what git does not track is not packed."""
    folder = shutil.copytree(PACK, tmp_path / "pack", ignore=shutil.ignore_patterns("__pycache__"))
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def comfy(tool, pack, tmp_path):
    """Run `comfy node …` in the pack's folder; whoever would reach out finds a wall."""
    wall = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    env = {**wall, "PATH": os.environ["PATH"], "HOME": str(tmp_path), "DO_NOT_TRACK": "1"}

    def comfy(*words):
        command = [tool, "--skip-prompt", "node", *words]
        done = subprocess.run(command, cwd=pack, env=env, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    return comfy


def test_comfy_node_validate_has_nothing_to_say(comfy):
    code, said = comfy("validate")
    assert code == 0, said
    assert "All validation checks passed" in said
    assert "warning" not in said.lower()


def test_comfy_node_validate_would_say_it(comfy, pack):
    (pack / "nodes.py").write_text('eval("1")\nexec("2")\n')
    assert "Security warnings found" in comfy("validate")[1]
    (pack / "pyproject.toml").unlink()
    assert comfy("validate")[0] == 1


def test_comfy_node_pack_packs_all_but_the_installer(comfy, pack):
    code, said = comfy("pack")
    assert code == 0, said
    (archive,) = pack.glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        names = set(packed.namelist())
    files = {path.relative_to(PACK).as_posix() for path in PACK.rglob("*") if path.is_file()}
    assert names == {name for name in files if "__pycache__" not in name and not name.startswith("install/")}
    assert "nodes.py" in names
