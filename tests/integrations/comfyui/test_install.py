"""`comfyui install` and `comfyui check` on folders such as ComfyUI, its Desktop and its portable version have."""

import json
import os
import re
import shutil
import sys
import venv
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.version import Version

from lipsync_nodes.sandbox import MEDIA
from lipsync_nodes_comfyui.install.checks import NEWEST_TESTED
from lipsync_nodes_comfyui.install.command import comfyui
from lipsync_nodes_comfyui.install.folder import example_media
from tests.faults import bad_service as bad
from tests.integrations.comfyui.servers import ARCHIVES, PACK

NAME = PACK.name
KEY = "sk_install_0123456789"


def cli(*words, **env):
    done = CliRunner().invoke(comfyui, list(map(str, words)), env=env)
    assert KEY not in done.output
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def install(folder, *options):
    done = cli("install", folder, *options, "--json")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def checked(folder, *options, code, **env):
    """Return the findings by their names; the exit code has to be as it should."""
    done = cli("check", folder, *options, "--json", **{"LIPSYNC_API_KEY": KEY, **env})
    assert done.exit_code == code, done.stdout + done.stderr
    return {one["check"]: one for one in json.loads(done.stdout)["checks"]}


@pytest.fixture
def comfy(tmp_path):
    """What tells a folder to be a ComfyUI."""
    return make(tmp_path / "My ComfyUI")


def make(folder, version="0.30.0"):
    (folder / "custom_nodes").mkdir(parents=True)
    for name in ("main.py", "folder_paths.py"):
        (folder / name).touch()
    (folder / "comfyui_version.py").write_text(f'# generated\n__version__ = "{version}"\n')
    return folder


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """A Python that has nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=os.name != "nt")
    return next(folder / name for name in ("bin/python", "Scripts/python.exe") if (folder / name).is_file())


def test_install_links_the_pack_and_copies_the_media_once(comfy):
    """A second run changes nothing."""
    first, second = install(comfy), install(comfy)
    link = comfy / "custom_nodes" / NAME
    assert (first["how"], second["how"], link.resolve()) == ("linked", "unchanged", PACK)
    assert set(first["media"].values()) == {"copied"}
    assert set(second["media"].values()) == {"unchanged"}
    assert (comfy / "input" / "lipsync_duet.jpg").read_bytes() == (MEDIA / "duet.jpg").read_bytes()


def test_install_tells_people_what_it_did(comfy):
    said = cli("install", comfy).stdout
    assert f"linked: {comfy / 'custom_nodes' / NAME} → {PACK}\n" in said
    assert f"copied: {comfy / 'input' / 'lipsync_talking.mp4'}\n" in said
    assert "It is a link" in said
    assert "It is a copy" in cli("install", comfy, "--copy").stdout


def test_the_media_are_all_that_the_example_workflows_load():
    names = set()
    for file in (PACK / "example_workflows").glob("*.json"):
        names |= set(re.findall(r'"(lipsync_\w+\.(?:jpg|mp3|mp4))"', file.read_text(encoding="utf-8")))
    assert names == set(example_media(PACK))


def test_a_copy_is_updated_and_may_become_a_link(comfy):
    """A copy is renewed only when it is out of date."""
    copy = comfy / "custom_nodes" / NAME
    assert install(comfy, "--copy")["how"] == "copied"
    assert not copy.is_symlink()
    left_out = {"__pycache__", "install", ".comfyignore"}
    assert {file.name for file in copy.iterdir()} == {file.name for file in PACK.iterdir()} - left_out
    assert install(comfy, "--copy")["how"] == "unchanged"
    (copy / "nodes.py").write_text("# an older version\n")
    assert "a copy that differs" in checked(comfy, code=2)["pack"]["found"]
    assert install(comfy, "--copy")["how"] == "copied again"
    assert (copy / "nodes.py").read_bytes() == (PACK / "nodes.py").read_bytes()
    (copy / "LICENSE").unlink()
    assert install(comfy)["how"] == "linked again"


def test_where_links_cannot_be_made_it_is_a_copy_and_says_so(comfy, monkeypatch):
    def refuse(*_, **__):
        raise OSError("A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    said = cli("install", comfy).stdout
    assert said.startswith(f"copied: {comfy / 'custom_nodes' / NAME}")
    assert "It is a copy" in said
    assert checked(comfy, code=0)["pack"]["found"].endswith("a copy")


@pytest.mark.parametrize("kind", ["folder", "file", "link", "work"])
def test_what_is_not_ours_is_left_as_it_is(comfy, tmp_path, kind):
    theirs = comfy / "custom_nodes" / NAME
    other = tmp_path / "other"
    other.mkdir()
    (other / "__init__.py").write_text("NODE_CLASS_MAPPINGS = {}")
    {
        "folder": lambda: shutil.copytree(other, theirs),
        "file": lambda: theirs.write_text("mine"),
        "link": lambda: theirs.symlink_to(other),
        "work": lambda: [shutil.copytree(PACK, theirs), (theirs / ".git").mkdir(), (theirs / "new.py").touch()],
    }[kind]()
    done = cli("install", comfy)
    assert done.exit_code == 2
    assert f"{theirs} was not put there by this command; it was left as it is." in done.stderr
    assert theirs.exists()
    assert (theirs / "new.py").exists() is (kind == "work")
    assert not (comfy / "input").exists()


def test_a_file_of_the_users_own_in_input_is_kept(comfy):
    (comfy / "input").mkdir()
    mine = comfy / "input" / "lipsync_portrait.jpg"
    mine.write_bytes(b"me")
    assert install(comfy)["media"][mine.name] == "kept, it is another file"
    assert mine.read_bytes() == b"me"


def test_a_pack_in_another_place_is_not_installed_twice(comfy):
    """ComfyUI would load both."""
    clone = comfy / "custom_nodes" / "lipsync-nodes"
    shutil.copytree(PACK, clone / "adapters" / NAME)
    done = cli("install", comfy)
    assert (done.exit_code, "already contains the pack (a checkout)" in done.stderr) == (2, True)
    (comfy / "custom_nodes" / NAME).symlink_to(PACK)
    assert "more than one" in checked(comfy, code=2)["pack"]["found"]
    clone.rename(clone.with_name("lipsync-nodes.disabled"))
    assert checked(comfy, code=0)["pack"]["ok"]


def test_no_comfyui_is_said_by_both(tmp_path):
    for command in ("install", "check"):
        done = cli(command, tmp_path)
        assert done.exit_code == 2
        assert f"There is no ComfyUI in {tmp_path}." in done.stderr
        assert json.loads(cli(command, tmp_path, "--json").stdout)["error"]["type"] == "ConfigurationError"


def test_a_portable_version_is_found_from_above_with_its_python(tmp_path, bare_python):
    comfy = make(tmp_path / "ComfyUI")
    (tmp_path / "python_embeded").mkdir()
    (tmp_path / "python_embeded" / "python.exe").symlink_to(sys.executable)
    install(tmp_path)
    assert (comfy / "custom_nodes" / NAME).is_symlink()
    assert "python_embeded" in checked(tmp_path, code=2)["core"]["found"]


def test_the_base_folder_of_desktop_will_do(tmp_path):
    for name in ("custom_nodes", "models", "user"):
        (tmp_path / name).mkdir()
    install(tmp_path)
    assert "needs ComfyUI >=0.16.3" in checked(tmp_path, code=0)["ComfyUI"]["found"]


def test_check_is_content_where_all_is_there(comfy):
    install(comfy)
    found = checked(comfy, code=0, LIPSYNC_BASE_URL="http://127.0.0.1:9/api/v1")
    assert all(one["ok"] for one in found.values()), found
    assert len(found) == 6
    assert cli("check", comfy, LIPSYNC_API_KEY=KEY).stdout.startswith(f"ok  ComfyUI: 0.30.0 in {comfy}\n")


def test_check_knows_the_sandbox_of_comfyui_and_needs_no_key_for_it(comfy):
    install(comfy)
    found = checked(comfy, "--profile", "sandbox", code=0, LIPSYNC_API_KEY="")
    assert found["profile"]["found"] == "the sandbox, which ComfyUI starts by itself"
    found = checked(comfy, code=2, LIPSYNC_API_KEY="")
    assert "/lipsync-setup" in found["profile"]["do"]
    assert "--sandbox" not in found["profile"]["do"], "which `comfyui check` has not"


def test_check_asks_the_service_where_it_is_to(comfy, sandbox, service):
    """With `--service`, and yes only to the service itself."""
    install(comfy)
    found = checked(comfy, "--service", code=0, LIPSYNC_BASE_URL=sandbox.base_url)
    assert "takes the key" in found["service"]["found"]
    service.on_poll = [bad.say(404)]
    found = checked(comfy, "--service", code=2, LIPSYNC_BASE_URL=service.base_url)
    assert "is not the service" in found["service"]["found"]


def test_check_names_what_is_missing_and_what_to_do(comfy):
    found = checked(comfy, code=2, LIPSYNC_API_KEY="")
    wrong = {name: one["do"] for name, one in found.items() if not one["ok"]}
    again = f"Run: lipsync-nodes comfyui install '{comfy}'"
    assert wrong.pop("pack") == wrong.pop("media of the examples") == again
    assert "Set LIPSYNC_API_KEY" in wrong.pop("profile")
    assert "LIPSYNC_STORAGE=s3://" in wrong.pop("storage, for media by sockets")
    assert not wrong
    assert re.search(r"^NO  pack: .*\n     → Run: ", cli("check", comfy).stdout, re.MULTILINE)


def test_media_and_storage_are_no_must(comfy):
    install(comfy)
    shutil.rmtree(comfy / "input")
    found = checked(comfy, code=0)
    assert [name for name, one in found.items() if not one["ok"]] == [
        "storage, for media by sockets",
        "media of the examples",
    ]


@pytest.mark.parametrize("version", ["0.16.2", "0.3.64", "nonsense"])
def test_an_old_comfyui_is_named(tmp_path, version):
    comfy = make(tmp_path / "ComfyUI", version)
    install(comfy)
    assert "Update ComfyUI" in checked(comfy, code=2)["ComfyUI"]["do"]


@pytest.mark.parametrize("version", ["0.30.1", "0.38.1", "1.0.0"])
def test_a_comfyui_that_is_newer_than_all_that_were_tested_is_named(tmp_path, version):
    """It works as far as is known, so the exit code is 0."""
    comfy = make(tmp_path / "ComfyUI", version)
    install(comfy)
    program = checked(comfy, code=0)["ComfyUI"]
    assert not program["ok"]
    assert f"{version} in {comfy}; the pack was tested with versions up to 0.30.0" in program["found"]
    assert max(ARCHIVES, key=Version) == NEWEST_TESTED


def test_a_public_base_is_a_place_for_media(comfy):
    install(comfy)
    storage = checked(comfy, code=0, LIPSYNC_PUBLIC_BASE="https://comfy.example")["storage, for media by sockets"]
    assert storage["ok"]
    assert "served by this ComfyUI at https://comfy.example/lipsync/files/" in storage["found"]


def test_a_broken_link_is_named_and_mended(comfy, tmp_path):
    link = comfy / "custom_nodes" / NAME
    link.symlink_to(tmp_path / "gone")
    assert "is a link to nothing" in checked(comfy, code=2)["pack"]["found"]
    assert install(comfy)["how"] == "linked again"


def test_a_profile_is_the_one_that_is_named(comfy, tmp_path):
    install(comfy)
    (tmp_path / "profiles.toml").touch(mode=0o600)
    found = checked(comfy, "--profile", "studio", code=2, LIPSYNC_CONFIG=str(tmp_path / "profiles.toml"))
    assert "There is no profile 'studio'" in found["profile"]["found"]


def test_a_python_without_the_core_is_named_with_what_to_run(comfy, bare_python):
    shutil.copytree(bare_python.parents[1], comfy / "venv", symlinks=True)
    python = comfy / "venv" / bare_python.parent.name / bare_python.name
    install(comfy)
    core = checked(comfy, code=2)["core"]
    assert "No module named 'lipsync_nodes'" in core["found"]
    assert core["do"] == f'Run: "{python}" -m pip install -r "{comfy / "custom_nodes" / NAME / "requirements.txt"}"'


def test_a_core_that_is_too_old_is_named(comfy, bare_python):
    install(comfy)
    old = comfy / "lipsync_nodes"  # what is beside ComfyUI's main.py comes first for it
    old.mkdir()
    (old / "__init__.py").write_text("__version__ = '0.0.9'")
    core = checked(comfy, "--python", bare_python, code=2)["core"]
    assert core["found"].startswith("lipsync-nodes 0.0.9 in Python 3.")
    assert core["found"].endswith("; the pack needs >=0.1.0")


def test_a_checkout_brings_its_core_without_dependencies(comfy, bare_python):
    """The finding names the package that nobody installed, and the file to install from."""
    clone = comfy / "custom_nodes" / "lipsync-nodes"
    shutil.copytree(PACK, clone / "adapters" / NAME)
    (clone / "lipsync_nodes").symlink_to(PACK.parents[1] / "lipsync_nodes")
    (clone / "requirements.txt").touch()
    core = checked(comfy, "--python", bare_python, code=2)["core"]
    assert "No module named 'pydantic'" in core["found"]
    assert core["do"].endswith(f'-r "{clone / "requirements.txt"}"')


@pytest.mark.parametrize("python", ["nowhere/python", "/bin/false", "/bin/true"])
def test_a_python_that_is_none_is_named(comfy, python):
    install(comfy)
    core = checked(comfy, "--python", python, code=2)["core"]
    assert "cannot be run" in core["found"]
    assert "--python" in core["do"]
