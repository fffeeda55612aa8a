"""Where a video is written: under names that every system takes, over files and nothing else."""

import os
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

from lipsync_nodes import DownloadError, Job
from lipsync_nodes.ledger import job_name, plain_name, why_not
from lipsync_nodes.media import source_and_target
from tests.downloads import VIDEO, fetch, nothing_is_left, serve, served
from tests.faults.bad_service import BadService

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def service():
    with BadService() as service:
        service.on_output = [served()]
        yield service


@pytest.fixture
def asked(service):
    """How many requests there were."""
    seen = []
    service.on_output = [lambda request: (seen.append(request.path), serve(request))]
    return seen


@POSIX
@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a folder", "a device"])
def test_only_a_file_is_replaced(service, asked, tmp_path, kind):
    target = tmp_path / "v.mp4"
    if kind == "a pipe":
        os.mkfifo(target)
    elif kind == "a folder":
        target.mkdir()
    elif kind == "a device":
        target.symlink_to("/dev/null")  # never the device itself: the code before would replace it
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(target))
    before = target.stat().st_mode
    with pytest.raises(DownloadError, match=f"v.mp4 is {kind}"):
        fetch(service, target)
    assert target.stat().st_mode == before
    assert (asked, [path.name for path in tmp_path.iterdir()]) == ([], ["v.mp4"])


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(service, tmp_path, exists):
    real, link = tmp_path / "elsewhere" / "real.mp4", tmp_path / "v.mp4"
    real.parent.mkdir()
    link.symlink_to(real)
    if exists:
        real.write_bytes(b"old")
    assert fetch(service, link) == link
    assert (link.is_symlink(), real.read_bytes() == VIDEO) == (True, True)
    assert [path.name for path in real.parent.iterdir()] == ["real.mp4"]


@POSIX
def test_a_link_to_itself_is_refused(service, tmp_path):
    (tmp_path / "v.mp4").symlink_to(tmp_path / "v.mp4")
    with pytest.raises(DownloadError, match="could not be written"):
        fetch(service, tmp_path / "v.mp4")


def test_a_folder_that_appears_meanwhile_is_not_replaced(service, tmp_path):
    target = tmp_path / "v.mp4"
    service.on_output = [lambda request: (target.mkdir(), serve(request))]
    with pytest.raises(DownloadError, match="is a folder"):
        fetch(service, target)
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


@pytest.mark.parametrize("name", ["x" * 300 + ".mp4", "\N{GRINNING FACE}" * 70, "a\0b.mp4"])
def test_a_name_that_no_file_can_have_is_refused_at_once(service, asked, tmp_path, name):
    with pytest.raises(DownloadError, match="could not be written"):
        fetch(service, tmp_path / name)
    assert asked == []
    assert nothing_is_left(tmp_path)


def test_the_longest_name_can_be_written(service, tmp_path):
    target = tmp_path / ("\N{GRINNING FACE}" * 62 + ".mp4")
    assert fetch(service, target).read_bytes() == VIDEO


@POSIX
def test_a_folder_that_cannot_be_written_is_named(service, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="could not be written: Not a directory"):
        fetch(service, tmp_path / "file" / "v.mp4")


def test_a_full_disk_is_told_before_it_is_full(service, tmp_path):
    def huge(request):
        request.send_response(200)
        request.send_header("Content-Length", str(1 << 60))
        request.end_headers()

    service.on_output = [huge]
    with pytest.raises(DownloadError, match=r"MiB left; the video needs 1099511627776 MiB"):
        fetch(service, tmp_path / "v.mp4", largest=1 << 61)
    assert nothing_is_left(tmp_path)


RESERVED = ["CON", "con.mp4", "NUL", "nul.tar.gz", "COM1.mp4", "lpt9", "COM¹.mp4", "CONIN$", "aux .mp4"]


@pytest.mark.parametrize("name", RESERVED)
def test_no_file_has_the_name_of_a_device(service, asked, tmp_path, name):
    """On every system: videos are copied to others."""
    assert why_not(plain_name(name)) is None
    with pytest.raises(DownloadError, match="opens a device under this name"):
        fetch(service, tmp_path / name)
    assert asked == []


@pytest.mark.parametrize("name", ["a:b", "a.", "a ", "a/b", 'a"b', "a\tb", ".", "..", "", "名" * 99, "a" * 300])
def test_a_made_name_fits_every_system(name):
    plain = plain_name(name)
    assert why_not(f"{plain}.mp4", windows=True) is None
    assert len(f"{plain}.mp4".encode()) < 120
    assert not set(plain) & set('/\\<>:"|?*')


@pytest.mark.parametrize("name", ["run 10:30.mp4", "a.", "b "])
def test_only_windows_minds_colons_and_last_dots(name):
    assert why_not(name, windows=True)
    assert why_not(name, windows=False) is None


def test_two_jobs_in_a_folder_never_share_a_file(tmp_path):
    ids = ["a/b", "a_b", "a:b", "x" * 200, "x" * 201, "con", "_con", "..", "..."]
    jobs = [Job(id=job_id, status="completed", output="https://x/o") for job_id in ids]
    targets = {source_and_target(job, tmp_path)[1] for job in jobs}
    assert len(targets) == len(ids)
    assert job_name("0f9c7e0a-1c5e-4f0a-9c53-5d1b1a8f3a11") == "0f9c7e0a-1c5e-4f0a-9c53-5d1b1a8f3a11"


def test_two_downloads_to_one_file_at_once_are_both_whole(service, tmp_path):
    """They write side by side, and the last one that ends is what is there."""
    both = threading.Barrier(2)

    def together(request):
        both.wait(30)
        serve(request)

    service.on_output = [together]
    saved = []
    threads = [
        threading.Thread(target=lambda: saved.append(fetch(service, tmp_path / "v.mp4").read_bytes())) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert saved == [VIDEO, VIDEO]
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


@POSIX
def test_a_read_only_folder_is_told(service, tmp_path):
    """As somebody who is not root, whom no mode keeps out."""
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    for part in (tmp_path, *tmp_path.parents):
        if "pytest-" in str(part):
            part.chmod(0o711)
    code = """
        import os, sys
        from pathlib import Path
        from tests.downloads import download
        if os.geteuid() == 0:
            os.setresuid(65534, 65534, 65534)
        try:
            download(sys.argv[1], Path(sys.argv[2]), local=True)
        except Exception as error:
            print(type(error).__name__, error)
    """
    words = [f"{service.url}/output/v.mp4", str(folder / "v.mp4")]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), *words], capture_output=True, text=True)
    assert done.stdout.startswith("DownloadError"), done.stderr
    assert "could not be written: Permission denied" in done.stdout
