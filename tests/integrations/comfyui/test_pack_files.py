"""What the pack's folder carries for registries, managers and people; no ComfyUI is needed to look."""

import sys
import tomllib
import zipfile
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from inspect import iscoroutinefunction

import pytest
from hatchling.builders.wheel import WheelBuilder

import lipsync_nodes
from lipsync_nodes import Asset
from lipsync_nodes.host import PublicFiles
from lipsync_nodes_comfyui.core import explained, require_core
from tests.integrations.comfyui.proxy import public_paths
from tests.integrations.comfyui.servers import PACK, REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
OF_THE_PACK = tomllib.loads((PACK / "pyproject.toml").read_text())


def test_there_is_one_version():
    """The registry reads the pack's own pyproject.toml, so that one repeats the version of the core."""
    assert PROJECT["dynamic"] == ["version", "readme"]
    assert OF_THE_PACK["project"]["version"] == lipsync_nodes.__version__
    assert version("lipsync-nodes") == lipsync_nodes.__version__, "installed before the version changed"


def test_there_is_one_licence_one_requirement_and_an_icon():
    assert (PACK / OF_THE_PACK["project"]["license"]["file"]).read_bytes() == (REPOSITORY / "LICENSE").read_bytes()
    assert OF_THE_PACK["project"]["dependencies"] == (PACK / "requirements.txt").read_text().splitlines()
    assert (PACK / OF_THE_PACK["tool"]["comfy"]["Icon"]).read_text().startswith("<svg")


def test_the_wheel_carries_the_whole_pack(tmp_path):
    (wheel,) = WheelBuilder(str(REPOSITORY)).build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = [path for path in PACK.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(PACK.parent).as_posix() for path in files} <= names
    assert "__init__.py" not in names, "the repository's own is for checkouts alone"


def test_this_core_is_new_enough():
    require_core()


@pytest.mark.parametrize("old", ["0.0.9", "0.1.0.dev1", "0.1.0rc1"])
def test_an_older_core_is_refused_in_a_sentence(monkeypatch, old):
    monkeypatch.setattr(lipsync_nodes, "__version__", old)
    with pytest.raises(ImportError) as caught:
        require_core()
    assert explained(caught.value) == (
        f"lipsync-nodes {old} is installed for ComfyUI, and this pack needs >=0.1.0. "
        f'Run "{sys.executable}" -m pip install -r "{PACK / "requirements.txt"}" and start ComfyUI again.'
    )


@pytest.mark.parametrize(
    ("error", "words", "wanted"),
    [
        (ModuleNotFoundError(name="lipsync_nodes"), "package 'lipsync_nodes' is not installed", PACK),
        (ModuleNotFoundError(name="pluggy._hooks"), "package 'pluggy' is not installed", REPOSITORY),
        (
            ModuleNotFoundError("no fields", name="lipsync_nodes.service._fields"),
            "too old or too new (no fields)",
            PACK,
        ),
        (AttributeError("no CATALOGUE"), "too old or too new (no CATALOGUE)", PACK),
    ],
    ids=str,
)
def test_what_is_missing_is_named_with_what_to_install(error, words, wanted):
    said = explained(error)
    assert words in said
    assert f'-r "{wanted / "requirements.txt"}"' in said


@pytest.mark.parametrize("name", ["__init__", "e1", "/custom_nodes/lipsync-nodes"])
def test_a_checkout_can_be_imported_by_any_name(name):
    """As pytest does, by a name that depends on the checkout's folder, and as ComfyUI does."""
    spec = spec_from_file_location(name, REPOSITORY / "__init__.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert iscoroutinefunction(module.comfy_entrypoint)
    assert (REPOSITORY / module.WEB_DIRECTORY / "docs").is_dir()
    assert sys.modules["lipsync_nodes"] is lipsync_nodes, "the installed core comes first"
    del sys.modules[f"{name}.pack"]


def test_a_checkout_lists_what_the_extra_for_comfyui_needs():
    """All but the command line, which a checkout that is not installed does not have."""
    extras = PROJECT["optional-dependencies"]
    own, *server = extras["comfyui"]
    assert own == "lipsync-nodes[check,cli,storage]"
    assert set(server) < {*extras["sandbox"]}
    wanted = {*PROJECT["dependencies"], *extras["storage"], *extras["check"], *server}
    listed = [line for line in (REPOSITORY / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert sorted(listed) == sorted(wanted)


@pytest.mark.parametrize("suffix", [".png", ".wav", ".mp4", ".webm", ".m4a"])
def test_the_lines_for_proxies_let_a_published_file_through_and_nothing_else(tmp_path, suffix):
    """The README's pattern, as nginx, Caddy and a tunnel apply it to a path."""
    path = f"/lipsync/files/{PublicFiles(tmp_path).publish(Asset(b'media'), suffix, 60.0)}"
    assert public_paths().search(path)
    others = [f"/api{path}", f"{path}/x", path.replace("files", "files/.."), "/lipsync/files/", "/lipsync-setup", "/"]
    assert [other for other in others if public_paths().search(other)] == []
