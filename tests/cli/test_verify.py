"""`lipsync-nodes verify`, and `run --verify`: what they print, what they record and how they end."""

from __future__ import annotations

import json
import re

import pytest

from lipsync_nodes.ledger import Ledger
from tests.check import videos
from tests.command_line import FACE, URLS
from tests.faults import bad_service as bad


def test_a_file_in_sync_ends_with_0(cli, talking_video, service):
    done = cli("verify", talking_video, "--json", key=None)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["verdict"], answer["id"]) == (0, "in_sync", None)
    assert service.posts == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_another_sound_ends_with_1(cli, talking_video, tmp_path, language):
    other = videos.save_wav(tmp_path / "other.wav", videos.said(videos.RIGHT, 4.6))
    done = cli("verify", talking_video, "--audio", other, key=None, LIPSYNC_LANG=language)
    assert done.returncode == 1
    assert {"en": "not with this sound", "zh": "不同步"}[language] in done.stdout
    assert {"en": "no score of quality", "zh": "不是画质评分"}[language] in done.stdout


def test_a_video_without_speech_ends_with_5(cli, tmp_path):
    done = cli("verify", videos.still(tmp_path / "mute.mp4", 1), "--json", key=None)
    assert (done.returncode, json.loads(done.stdout)["reason"]) == (5, "verify.no_sound")


def test_a_file_that_is_no_video_is_an_error(cli, service):
    done = cli("verify", FACE, "--json", key=None)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "preview.no_moving_picture")


def answers_with(video, service, monkeypatch):
    monkeypatch.setattr(bad, "OUTPUT", video.read_bytes())


def entry(job_id="job-1"):
    with Ledger() as ledger:
        return ledger.entry_of(job_id)


def test_the_saved_video_of_a_job_is_verified_and_the_result_is_kept(cli, service, talking_video, monkeypatch):
    answers_with(talking_video, service, monkeypatch)
    assert cli("run", "image", *URLS, "--poll-interval", "0.1", "--out", "v.mp4").returncode == 0
    polls = len(service.polls)
    done = cli("verify", "job-1", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["id"], answer["verdict"]) == (0, "job-1", "in_sync")
    assert len(service.polls) == polls  # it is on this machine
    assert entry().verification["verdict"] == "in_sync"


def test_run_verifies_when_asked_to(cli, service, talking_video, monkeypatch, tmp_path):
    """Without --out the video is downloaded for it, and not kept."""
    answers_with(talking_video, service, monkeypatch)
    done = cli("run", "image", *URLS, "--poll-interval", "0.1", "--verify", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["path"], answer["verification"]["verdict"]) == (0, None, "in_sync")
    assert entry().verification["verdict"] == "in_sync"
    assert entry().saved_to is None
    assert list(tmp_path.glob("*.mp4")) == []


def test_a_bad_video_does_not_change_the_exit_code_of_run(cli, service, tmp_path, monkeypatch):
    """The job is done and paid for: a script that runs again after an error would pay again."""
    answers_with(videos.still(tmp_path / "mute.mp4", 1), service, monkeypatch)
    done = cli("run", "image", *URLS, "--poll-interval", "0.1", "--verify")
    assert done.returncode == 0
    assert "no sound" in done.stdout
    assert len(service.posts) == 1


def test_a_video_that_cannot_be_read_is_said_and_the_job_is_still_done(cli, service):
    done = cli("run", "image", *URLS, "--poll-interval", "0.1", "--verify", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["status"], answer["verification"]["verdict"]) == (0, "completed", None)
    assert answer["verification"]["error"]["code"].startswith("preview.")


def test_the_videos_of_a_batch_are_verified(cli, service, talking_video, monkeypatch, tmp_path):
    """Each in its line, as JSON and in words. A video that cannot be judged does not change the exit code."""
    media = {name.removeprefix("--"): url for name, url in zip(URLS[::2], URLS[1::2], strict=True)}
    lines = [{"endpoint": "image", **media, "out": name} for name in ("good.mp4", "again.mp4")]
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    words = ["run", "--batch", "jobs.jsonl", "--poll-interval", "0.1", "--verify"]
    answers_with(talking_video, service, monkeypatch)
    done = cli(*words, "--json")
    rows = json.loads(done.stdout)["jobs"]
    assert [(done.returncode, row["verification"]["verdict"]) for row in rows] == [(0, "in_sync")] * 2
    assert entry(rows[0]["id"]).verification["verdict"] == "in_sync"
    (tmp_path / "good.mp4").write_bytes(videos.still(tmp_path / "mute.mp4", 1).read_bytes())
    done = cli(*words)
    assert (done.returncode, len(service.posts)) == (0, 2)
    assert re.search(r"good\.mp4: Cannot tell.*no sound", done.stderr), done.stderr
