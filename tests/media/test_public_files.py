"""Files that a host serves itself: found by their whole name only, and only until their job has ended."""

import os
import time
from pathlib import Path

import pytest

from lipsync_nodes import Asset, ConfigurationError
from lipsync_nodes.host import PublicFiles


@pytest.fixture
def files(tmp_path):
    return PublicFiles(tmp_path / "public")


def publish(files, content=b"voice", suffix=".mp3", seconds=60.0, key="key"):
    return files.publish(Asset(content), suffix, seconds, key)


def test_a_file_is_found_by_its_name_with_its_type(files, tmp_path):
    (tmp_path / "face.png").write_bytes(b"face")
    name = files.publish(Asset(tmp_path / "face.png"), ".png", 60.0)
    path, media_type = files.find(name)
    assert (path.read_bytes(), media_type) == (b"face", "image/png")


def test_a_name_has_at_least_128_random_bits_and_never_repeats(files):
    names = {publish(files) for _ in range(50)}
    random = {name.split("-")[0] for name in names}
    assert len(random) == 50
    assert all(len(one) * 4 >= 128 for one in random)
    assert len({one[at : at + 8] for one in random for at in range(0, 48, 8)}) == 300, "no part of it repeats"


def test_no_other_name_is_found(files, tmp_path):
    name = publish(files)
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "public" / "notes.txt").write_text("secret")
    others = [
        "",
        ".",
        "..",
        "../secret.txt",
        "notes.txt",
        "notes.txt\0",
        name.upper(),
        name[:-1],
        f"{name}x",
        f" {name}",
    ]
    others += [f"./{name}", f"x/../{name}", f"{name}/", f"{name}.part", f"{name}\n", f"{name}::$DATA", f"{name}."]
    others += [f"..\\{name}", "CON", "nul.mp3", name.replace("-", "/")]
    assert [other for other in others if files.find(other)] == []
    assert files.find(name)


def test_the_end_of_a_submission_withdraws_its_files_and_no_others(files):
    ours, twin, other, lone = publish(files), publish(files), publish(files, key="other"), publish(files, key=None)
    files.withdraw("key")
    assert [files.find(name) is None for name in (ours, twin, other, lone)] == [True, True, False, False]


def test_another_process_finds_and_withdraws_them(files, tmp_path):
    """As after a restart of the host."""
    name = publish(files)
    later = PublicFiles(tmp_path / "public")
    assert later.find(name)
    later.withdraw("key")
    assert files.find(name) is None


def test_an_expired_file_is_not_found_and_is_deleted_by_the_next(files, tmp_path):
    old = publish(files, seconds=-5.0)
    assert files.find(old) is None
    publish(files)
    assert not (tmp_path / "public" / old).exists()


def test_a_file_that_cannot_be_deleted_yet_is_not_found_all_the_same(files, monkeypatch):
    """Windows does not delete a file while it is sent."""
    name = publish(files)

    def busy(*_, **__):
        raise PermissionError("it is being used by another process")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", busy)
        files.withdraw("key")
    assert files.find(name) is None


def test_a_copy_that_was_cut_off_is_deleted_when_it_is_old(files, tmp_path):
    publish(files)
    young, old = tmp_path / "public" / "young.part", tmp_path / "public" / "old.part"
    for path in (young, old):
        path.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    publish(files)
    assert (young.exists(), old.exists()) == (True, False)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="folder cannot be written"):
        publish(PublicFiles(tmp_path / "file" / "public"))


def test_a_withdrawal_before_the_first_file_does_nothing(files):
    files.withdraw("key")
    assert files.find("x") is None
