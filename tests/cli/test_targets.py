"""Where the command line saves videos: two jobs never share a file, and a folder stays a folder."""

import json
import sqlite3

import pytest

from lipsync_nodes import ImageForm, LipsyncClient
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.ledger import Ledger, check_target, file_identity
from lipsync_nodes.ledger._targets import own_names
from tests.command_line import KEY, URLS
from tests.faults import bad_service as bad

FORM = ImageForm(image=URLS[1], audio=URLS[3])


@pytest.fixture
def each_its_own(service):
    """Deliver a video that tells which job it is of."""

    def deliver(request):
        request.answer(200, bad.OUTPUT[:-8] + request.path.rpartition("/")[2][:8].encode(), kind="video/mp4")

    service.on_output = [deliver]


def videos_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes()[-8:].decode() for path in folder.rglob("*.mp4")}


def time_out(cli, service, *words):
    service.on_poll = [bad.still()]
    done = cli("run", "image", *URLS, "--timeout", "3", "--poll-interval", "0.3", "--json", *words)
    assert (done.returncode, json.loads(done.stdout)["error"]["type"]) == (3, "JobTimeout")
    service.on_poll = [bad.finish]


def test_a_folder_is_one_until_resume(cli, service, tmp_path, each_its_own):
    """`--out videos/`, not there yet, and two time-outs: `resume` saves two files in that folder."""
    time_out(cli, service, "--out", "videos/")
    (tmp_path / "videos").rmdir()
    time_out(cli, service, "--out", "videos/")
    (tmp_path / "videos").rmdir()
    assert cli("resume").returncode == 0
    assert videos_in(tmp_path) == {"videos/job-1.mp4": "job-1.mp", "videos/job-2.mp4": "job-2.mp"}


def test_two_jobs_of_one_file_get_two(cli, service, tmp_path, each_its_own):
    """The second is named by its job, whether both are resumed or one comes after the other."""
    time_out(cli, service, "--out", "v.mp4")
    time_out(cli, service, "--out", "a/../v.mp4")
    assert cli("resume").returncode == 0
    assert videos_in(tmp_path) == {"v.mp4": "job-1.mp", "v.job-2.mp4": "job-2.mp"}
    done = cli("run", "image", *URLS, "--out", "v.mp4", "--json")
    assert json.loads(done.stdout)["path"] == str(tmp_path / "v.job-3.mp4")
    assert "the file of another job" in done.stderr
    assert cli("download", "job-4", "--out", "v.mp4").returncode == 0
    assert (tmp_path / "v.job-4.mp4").is_file()
    assert (tmp_path / "v.mp4").read_bytes().endswith(b"job-1.mp")


def test_what_was_saved_is_not_fetched_again(cli, service, tmp_path, each_its_own):
    """Also where it had to go to a file named by the job."""
    assert cli("run", "image", *URLS, "--out", "v.mp4").returncode == 0
    for _ in range(2):
        assert cli("run", "image", *URLS, "--key", "k", "--out", "v.mp4").returncode == 0
        service.on_output = [bad.say(500)]
    assert videos_in(tmp_path) == {"v.mp4": "job-1.mp", "v.job-2.mp4": "job-2.mp"}


def test_an_old_ledger_whose_jobs_share_a_target(cli, service, tmp_path, each_its_own):
    """Rows as version 0.1 wrote them: one plain path for two jobs."""
    for _ in range(2):
        time_out(cli, service, "--out", "v.mp4")
    db = sqlite3.connect(tmp_path / "home" / "lipsync-nodes" / "ledger.sqlite")
    with db:
        db.execute("UPDATE submission SET target = ?", (str(tmp_path / "videos"),))
    db.close()
    saved = json.loads(cli("resume", "--json").stdout)["saved"]
    assert {one["path"] for one in saved} == {str(tmp_path / "videos"), str(tmp_path / "videos.job-2")}


def test_a_link_to_a_folder_is_that_folder(sandbox, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    with Ledger(tmp_path / "x.sqlite") as ledger, LipsyncClient(KEY, sandbox.base_url, ledger=ledger) as client:
        jobs = [client.submit(FORM, target=tmp_path / folder / "v.mp4") for folder in ("real", "link")]
        places = [ledger.place(job.id, tmp_path / "link" / "v.mp4") for job in reversed(jobs)]
    assert places == [tmp_path / "real" / f"v.{jobs[1].id}.mp4", tmp_path / "real" / "v.mp4"]


def test_case_matters_only_where_it_does(monkeypatch, tmp_path):
    """On a file system that takes `A` for `a`, both are one file."""
    assert file_identity(tmp_path / "A.mp4") != file_identity(tmp_path / "a.mp4")
    monkeypatch.setattr("lipsync_nodes.ledger._targets._ignores_case", lambda _: True)
    assert file_identity(tmp_path / "Ä.mp4") == file_identity(tmp_path / "a\u0308.mp4")


@pytest.mark.parametrize("name", ["x" * 252 + ".mp4", "a\0b.mp4", "😀" * 64, "file/v.mp4", "file/", "pipe"])
def test_a_target_that_cannot_be_is_told_before(sandbox, tmp_path, name):
    import os

    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    before = len(sandbox.received("submit"))
    with LipsyncClient(KEY, sandbox.base_url) as client, pytest.raises(ConfigurationError, match="cannot be written"):
        client.submit(FORM, target=f"{tmp_path}/{name}")
    assert len(sandbox.received("submit")) == before


def test_own_names_fit_where_the_wanted_one_does(tmp_path):
    """The longest names stay within 255 bytes."""
    names = own_names(tmp_path / ("😀" * 62 + ".mp4"), "job/" * 500)
    assert check_target(next(names)) != check_target(next(names)) != check_target(next(names))


@pytest.mark.parametrize("out", ["folder/", "folder/.", "other/../folder/sub/.."])
def test_a_slash_or_dots_at_the_end_name_a_folder(cli, tmp_path, out):
    assert cli("run", "image", *URLS, "--out", out).returncode == 0
    assert (tmp_path / "folder" / "job-1.mp4").is_file()
    assert cli("download", "job-7", "--out", out).returncode == 0
    assert (tmp_path / "folder" / "job-7.mp4").is_file()
