"""The ledger's file: one place for one process, and noticed where it is no longer the one that others see."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync_nodes import ConfigurationError, ImageForm, LipsyncClient
from lipsync_nodes.ledger import Ledger, ledger_file
from lipsync_nodes.settings import profiles_file

FORM = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "folder" / "ledger.sqlite") as ledger:
        ledger.entries()
        yield ledger


def elsewhere(code, *arguments):
    """Run some code in another process."""
    return subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True).stdout


def test_a_relative_path_is_one_file_after_a_chdir(sandbox, tmp_path, monkeypatch):
    """Two files would mean that the same key is paid twice."""
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("LIPSYNC_LEDGER", "relative.sqlite")
    monkeypatch.chdir(tmp_path)
    ledger = Ledger()
    monkeypatch.chdir(tmp_path / "b")
    for one in (ledger, Ledger()):
        with one, LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=one) as client:
            client.submit(FORM, key="k")
    assert len(sandbox.received("submit")) == 1
    assert not list((tmp_path / "b").iterdir())


def test_a_path_in_code_is_absolute_from_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = Ledger("x.sqlite")
    monkeypatch.chdir("/")
    with ledger:
        ledger.entries()
    assert (tmp_path / "x.sqlite").is_file()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIPSYNC_LEDGER", "~/ledger.sqlite")
    assert ledger_file() == Path.home() / "ledger.sqlite"
    assert profiles_file({"LIPSYNC_CONFIG": "~/p.toml"}) == Path.home() / "p.toml"
    assert profiles_file({"LIPSYNC_CONFIG": "p.toml"}) == tmp_path / "p.toml"


def _deleted(path):
    path.unlink()


def _renamed_over(path):
    other = path.with_name("other.sqlite")
    with Ledger(other) as another:
        another.entries()
    other.replace(path)


def _folder_moved(path):
    path.parent.rename(path.parent.with_name("elsewhere"))


def _side_files_removed(path):
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink()


@pytest.mark.skipif(os.name != "posix", reason="Windows deletes no file that is open")
@pytest.mark.parametrize("lost", [_deleted, _renamed_over, _folder_moved, _side_files_removed])
def test_a_ledger_that_others_do_not_see_sends_nothing(sandbox, ledger, lost):
    lost(Path(ledger.path))
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=r"deleted or replaced.*start .*again"):
                client.submit(FORM, key="k")
    assert not sandbox.received("submit")
    ledger.close()
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
        client.submit(FORM, key="k")  # closed and opened again, it is the file that is there now


@pytest.mark.skipif(os.name != "posix", reason="Windows moves no file that is open")
def test_a_ledger_that_is_put_back_is_used_again(sandbox, ledger):
    aside = Path(ledger.path).with_name("aside")
    with LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
        job = client.submit(FORM, key="k")
        Path(ledger.path).rename(aside)
        with pytest.raises(ConfigurationError, match="deleted or replaced"):
            client.submit(FORM, key="k")
        aside.rename(ledger.path)
        assert client.submit(FORM, key="k").id == job.id


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege on Windows")
def test_a_link_that_leads_elsewhere_meanwhile_is_noticed(sandbox, tmp_path):
    link = tmp_path / "link.sqlite"
    link.symlink_to(tmp_path / "one.sqlite")
    with Ledger(link) as ledger, LipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
        client.submit(FORM, key="k")
        with Ledger(tmp_path / "one.sqlite") as target:
            assert len(target.entries()) == 1
        link.unlink()
        link.symlink_to(tmp_path / "two.sqlite")
        with Ledger(tmp_path / "two.sqlite") as other:
            other.entries()
        with pytest.raises(ConfigurationError, match="deleted or replaced"):
            client.submit(FORM, key="k")


@pytest.mark.skipif(os.name != "posix", reason="the locks are those of POSIX")
def test_a_second_ledger_of_a_process_drops_no_lock(ledger):
    """POSIX drops all locks of a file where one of its descriptors is closed; then others delete the WAL in use."""
    with Ledger(ledger.path) as second:
        second.entries()
        elsewhere(
            "import sys; from lipsync_nodes.ledger import Ledger\nwith Ledger(sys.argv[1]) as it: it.secret()",
            ledger.path,
        )
        assert Path(f"{ledger.path}-wal").is_file()
        assert ledger.secret() == second.secret()


def test_where_no_file_can_be_the_error_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Ledger(tmp_path / "file" / "ledger.sqlite").entries()
