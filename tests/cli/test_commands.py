"""The command line, as a process: what it prints where, and how it ends."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from lipsync_nodes.ledger import Ledger
from tests.command_line import FACE, KEY, URLS, VOICE
from tests.faults import bad_service as bad


def test_run_prints_one_json_object(cli, service):
    """Run prints one json object and sends only documented fields."""
    done = cli("run", "image", *URLS, "--poll-interval", "0.1", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["id"], answer["status"]) == (0, "job-1", "completed")
    assert answer["output"] == f"{service.url}/output/job-1.mp4"
    ((path, headers),) = service.posts
    assert (path, headers["Authorization"]) == ("/api/v1/lipsync-image", f"Bearer {KEY}")


def test_a_time_out_in_the_queue_has_its_exit_code(cli, service, tmp_path, monkeypatch):
    config = tmp_path / "profiles.toml"
    config.write_text("[default]\nmax_concurrency = 1\n")
    config.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(config))
    service.on_poll = [bad.still()]
    assert cli("submit", "image", *URLS).returncode == 0
    done = cli("run", "image", *URLS, "--timeout", "3", "--json", timeout=60)
    assert (done.returncode, json.loads(done.stdout)["error"]["type"]) == (3, "SubmitTimeout")
    assert len(service.posts) == 1


def test_run_sends_what_the_options_say_and_nothing_else(cli, service):
    seen = []

    def accept(request):
        seen.append(request.read())
        request.answer(200, {"id": request.service.make_job(), "status": "processing"})

    service.on_submit = [accept]
    options = ["--seed", "3", "--resolution", "720p", "--prompt", "smile", "--extra", '{"guidance": 2}']
    hook = ["--webhook", "https://hooks.example/x"]
    assert cli("submit", "image", *URLS, *options, *hook).returncode == 0
    assert cli("submit", "image", *URLS).returncode == 0
    form = {"image": URLS[1], "audio": URLS[3]}
    full = {**form, "seed": 3, "resolution": "720p", "prompt": "smile", "guidance": 2}
    assert seen == [{"formState": full, "webhook": hook[1]}, {"formState": form}]


def test_run_saves_the_video_where_it_is_told(cli, tmp_path):
    done = cli("run", "image", *URLS, "--poll-interval", "0.1", "--out", "v.mp4")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "v.mp4").read_bytes() == bad.OUTPUT
    assert "Job id: job-1" in done.stderr
    assert "v.mp4" in done.stdout


def test_a_job_that_failed_ends_with_1(cli, service):
    service.on_poll = [bad.end_with(status="failed", error="Invalid audio format")]
    done = cli("run", "image", *URLS, "--poll-interval", "0.1", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["id"], answer["error"]["type"]) == (1, "job-1", "JobFailed")
    assert "Invalid audio format" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["run", "image", "--image", "https://x.example/i.png"],
        ["run", "image", *URLS, "--resolution", "1080p"],
        ["run", "image", "--image", "ftp://x/i.png", "--audio", URLS[3]],
        ["run", "image", "--image", "missing.png", "--audio", URLS[3]],
        ["run", "image", "--image", FACE, "--audio", VOICE],
        ["run", "image", *URLS, "--seed", "one"],
        ["run", "image", *URLS, "--seed", "2147483648"],
        ["run", "image", *URLS, "--extra", "[1]"],
        ["run", "image", *URLS, "--timeout", "-1"],
        ["run", "image", *URLS, "--audio-seconds", "0"],
        ["run", "image", *URLS, "--budget", "19", "--audio-seconds", "10"],
        ["run", "image", *URLS, "--budget", "19"],
        ["run", "--sandbox", "image", *URLS],
        ["run"],
        ["run", "--batch", "missing.jsonl"],
        ["run", "nothing"],
        ["submit", "image", *URLS, "--webhook", "http://hooks.example"],
        ["run", "image", *URLS, "--profile", "nobody"],
        ["run", "image", *URLS, "--base-url", "http://lipsync.studio/api/v1"],
        ["estimate", "image", *URLS],
    ],
    ids=lambda words: " ".join(map(str, words))[:60],
)
def test_wrong_usage_ends_with_2_before_anything_is_sent(cli, service, words):
    service.on_upload = [bad.take_no_files]
    done = cli(*words)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()
    assert (service.posts, done.stdout) == ([], "")
    told = json.loads(cli(*words, "--json").stdout)
    assert told["error"]["message"]


def test_without_a_key_it_says_what_to_set(cli):
    done = cli("run", "image", *URLS, "--base-url", "https://service.example/api/v1", key=None)
    assert done.returncode == 2
    assert "LIPSYNC_API_KEY" in done.stderr
    assert "`lipsync-nodes run … --sandbox`" in done.stderr


def test_a_time_out_ends_with_3_and_the_job_id(cli, service):
    service.on_poll = [bad.still()]
    done = cli("run", "image", *URLS, "--timeout", "5", "--poll-interval", "0.1")
    assert done.returncode == 3
    assert "lipsync-nodes wait job-1" in done.stderr
    service.on_poll = [bad.finish]
    assert cli("wait", "job-1", "--poll-interval", "0.1", "--json").returncode == 0


def test_an_uncertain_submit_ends_with_4_and_is_not_sent_again(cli, service):
    service.on_submit = [bad.cut_after_reading]
    done = cli("run", "image", *URLS, "--key", "k", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["may_have_charged"]) == (4, True)
    assert cli("run", "image", *URLS, "--key", "k").returncode == 4
    assert len(service.posts) == 1
    service.on_submit = [bad.accept]
    again = cli("run", "image", *URLS, "--key", "k", "--resubmit-uncertain", "--poll-interval", "0.1")
    assert (again.returncode, len(service.posts)) == (0, 2)


def test_the_same_key_is_paid_once(cli, service):
    for _ in range(2):
        assert cli("run", "image", *URLS, "--key", "k", "--poll-interval", "0.1", "--out", "v.mp4").returncode == 0
    assert len(service.posts) == 1


def test_status_and_download(cli, service, tmp_path):
    assert json.loads(cli("status", "job-7", "--json").stdout)["status"] == "completed"
    assert json.loads(cli("download", "job-7", "--out", "by-id.mp4", "--json").stdout)["bytes"] == len(bad.OUTPUT)
    assert cli("download", f"{service.url}/output/x.mp4").returncode == 0
    assert {path.name for path in tmp_path.glob("*.mp4")} == {"by-id.mp4", "x.mp4"}


def test_an_unknown_job_ends_with_1(cli, service):
    service.on_poll = [bad.say(404)]
    done = cli("status", "job-7", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["type"]) == (1, "JobNotFound")


def test_estimate_reads_lengths_from_files_or_takes_them(cli):
    local = json.loads(cli("estimate", "image", "--image", FACE, "--audio", VOICE, "--json").stdout)
    assert local == {"credits": 12, "exact": False, "caveat": "a fraction of a second is rounded up"}
    given = cli("estimate", "image-multi", "--image", "https://x.example/i", "--left-audio", "https://x.example/l",
                "--right-audio", "https://x.example/r", "--order", "left_right", "--left-audio-seconds", 6,
                "--right-audio-seconds", 9, "--resolution", "720p", "--json")  # fmt: skip
    assert json.loads(given.stdout)["credits"] == 60


def test_estimate_needs_only_what_the_cost_depends_on(cli):
    lengths = ["--left-audio-seconds", 6, "--right-audio-seconds", 9]
    done = cli("estimate", "image-multi", *lengths, "--order", "left_right", "--json")
    assert json.loads(done.stdout)["credits"] == 30
    done = cli("estimate", "image-multi", *lengths[:2], "--json")
    assert done.returncode == 2
    assert "the length of `right_audio`, which is not known" in json.loads(done.stdout)["error"]["message"]


def test_jobs_and_resume_bring_back_what_was_left(cli, service, tmp_path):
    service.on_poll = [bad.still()]
    assert cli("run", "image", *URLS, "--timeout", "5", "--poll-interval", "0.1", "--out", "v.mp4").returncode == 3
    assert cli("submit", "image", *URLS).returncode == 0
    listed = json.loads(cli("jobs", "--json").stdout)["jobs"]
    assert [(job["id"], job["state"]) for job in listed] == [("job-1", "live"), ("job-2", "live")]
    service.on_poll = [bad.finish]
    assert cli("resume", "--out", "rest", "--poll-interval", "0.1").returncode == 0
    assert (tmp_path / "v.mp4").is_file()
    assert (tmp_path / "rest" / "job-2.mp4").is_file()
    assert json.loads(cli("resume", "--json").stdout) == {"saved": [], "failed": [], "uncertain": []}
    assert "completed" in cli("jobs").stdout


def grow_older(ledger, seconds=3600):
    """Let time pass for the submissions of a ledger."""
    with closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE submission SET created_at = created_at - ?, sent_at = sent_at - ?", (seconds, seconds))


def test_resume_asks_again_for_a_job_that_was_not_found(cli, service):
    """A 404 after two minutes, from a server that has not heard of the job, loses nothing."""
    quickly = ["--poll-interval", "0.05"]
    assert cli("submit", "image", *URLS).returncode == 0
    with Ledger() as ledger:
        grow_older(ledger)
        service.on_poll = [bad.say(404)]
        for _ in range(2):
            done = cli("resume", *quickly, "--json")
            (failed,) = json.loads(done.stdout)["failed"]
            assert (done.returncode, failed["id"], failed["error"]) == (1, "job-1", "JobNotFound")
            assert "`lipsync-nodes wait job-1`" in failed["message"]
            assert [(entry.state, entry.as_job.id) for entry in ledger.entries()] == [("missing", "job-1")]
        (listed,) = json.loads(cli("jobs", "--json").stdout)["jobs"]
        assert (listed["state"], listed["reason"]) == ("missing", "the service knows no job job-1")
        service.on_poll = [bad.say(404), bad.say(404), bad.finish]
        done = cli("resume", *quickly, "--json")
        assert (done.returncode, [job["id"] for job in json.loads(done.stdout)["saved"]]) == (0, ["job-1"])
    assert len(service.posts) == 1


@pytest.mark.parametrize("left", ["uncertain", "submitting"])
def test_resume_says_that_a_submit_is_unsettled(cli, service, left):
    """Also that of a process that was killed before an answer came."""
    service.on_submit = [bad.cut_after_reading]
    assert cli("submit", "image", *URLS).returncode == 4
    with Ledger() as ledger, closing(sqlite3.connect(ledger.path)) as db, db:
        db.execute("UPDATE submission SET state = ?, lease_until = 1", (left,))
    done = cli("resume", "--json")
    assert (done.returncode, len(json.loads(done.stdout)["uncertain"])) == (4, 1)


def test_what_came_in_place_of_an_output_is_shown(cli, service):
    service.on_poll = [bad.end_with(status="Succeeded", output={"file_id": "f-1"})]
    done = cli("run", "image", *URLS, "--poll-interval", "0.05", "--json")
    assert "f-1" in json.loads(done.stdout)["error"]["message"]
    told = json.loads(cli("status", "job-1", "--json").stdout)
    assert (told["status"], told["output"]) == ("completed", None)
    assert told["as_received"] == {"status": "Succeeded", "output": {"file_id": "f-1"}}
    service.on_poll = [bad.say(500)]  # what the ledger has of it
    assert "f-1" in cli("jobs").stdout
    assert "f-1" in json.loads(cli("jobs", "--json").stdout)["jobs"][0]["reason"]


def test_doctor_says_what_is_wrong_and_what_to_do(cli, service):
    service.on_poll = [bad.say(401)]
    done = cli("doctor", "--json")
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.returncode, checks["service"]["ok"]) == (2, False)
    assert "LIPSYNC_API_KEY" in checks["service"]["do"]
    service.on_poll = [lambda request: bad.say(404 if "Authorization" in request.headers else 401)(request)]
    assert cli("doctor").returncode == 0
    assert cli("doctor", "--base-url", "https://service.example/api/v1", key=None).returncode == 2


def test_local_files_work_with_the_sandbox(cli, service, tmp_path):
    """Local files work with the sandbox and a job survives the call."""
    submitted = cli("submit", "image", "--sandbox", "--image", FACE, "--audio", VOICE, "--json", key=None)
    assert submitted.returncode == 0, submitted.stderr
    job_id = json.loads(submitted.stdout)["id"]
    waited = cli("wait", job_id, "--sandbox", "--poll-interval", "0.2", "--json", key=None)
    assert json.loads(waited.stdout)["status"] == "completed"
    assert cli("download", job_id, "--sandbox", "--out", "v.mp4", key=None).returncode == 0
    assert (tmp_path / "v.mp4").stat().st_size > 10_000
    assert not service.posts


def test_what_is_not_a_face_fails_the_job_with_a_sentence(cli, tmp_path):
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "wall.png"), np.full((480, 480, 3), 200, np.uint8))
    options = ["--audio", VOICE, "--poll-interval", "0.2"]
    done = cli("run", "image", "--sandbox", "--image", "wall.png", *options, key=None)
    assert done.returncode == 1
    assert "No face was found" in done.stderr


def test_demo_makes_three_videos_of_the_size_that_was_asked_for(cli, tmp_path):
    import av

    done = cli("demo", "--resolution", "720p", "--out", "here", "--json", key=None, timeout=240)
    assert done.returncode == 0, done.stderr
    videos = json.loads(done.stdout)["videos"]
    assert len(videos) == 3
    for video, speech in zip(videos, (5.3, 6.05, 6.05), strict=True):
        with av.open(tmp_path / video["path"]) as container:
            (picture,), (sound,) = container.streams.video, container.streams.audio
            assert min(picture.codec_context.width, picture.codec_context.height) == 720
            assert float(picture.duration * picture.time_base) == pytest.approx(speech, abs=0.1)
            assert float(sound.duration * sound.time_base) == pytest.approx(speech, abs=0.1)
        assert video["sync"] > 0.5


@pytest.mark.parametrize("package", ["click", "rich"])
def test_a_command_without_its_extra_says_what_to_install(package):
    code = f"import sys; sys.modules[{package!r}] = None; from lipsync_nodes.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "jobs"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'lipsync-nodes[cli]'" in done.stderr


# What a review by three users found.


def test_a_download_that_fails_tells_the_job_and_the_way_back(cli, service, tmp_path):
    service.on_output = [bad.say(404)]
    done = cli("run", "image", *URLS, "--out", "v.mp4", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["id"], told["error"]["may_have_charged"]) == (1, "job-1", True)
    assert "lipsync-nodes download job-1" in done.stderr
    service.on_output = [bad.deliver]
    assert cli("resume").returncode == 0
    assert (tmp_path / "v.mp4").is_file()


def test_an_unwritable_folder_is_refused_before_paying(cli, service, tmp_path):
    """A folder that cannot be written is told before anything is paid."""
    (tmp_path / "file").touch()
    for words in (
        ["run", "image", *URLS, "--out", "file/v.mp4"],
        ["resume", "--out", "file/x"],
        ["demo", "--out", "file/x"],
    ):
        assert cli(*words).returncode == 2
    assert not service.posts


def test_a_url_that_died_since_is_asked_for_anew(cli, service, tmp_path):
    where = ["gone", "here"]

    def moved(request):
        job = {"id": bad.job_id_of(request), "status": "completed", "output": f"{service.url}/output/{where[0]}.mp4"}
        request.answer(200, job)

    service.on_poll = [moved]
    service.on_output = [lambda request: (bad.deliver if where[0] in request.path else bad.say(403))(request)]
    assert cli("run", "image", *URLS, "--key", "k", "--out", "v.mp4").returncode == 0
    (tmp_path / "v.mp4").unlink()
    where.pop(0)
    assert cli("run", "image", *URLS, "--key", "k", "--out", "v.mp4").returncode == 0
    assert len(service.posts) == 1


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
@pytest.mark.parametrize("command", ["run", "wait"])
def test_ctrl_c_tells_which_job_goes_on(service, tmp_path, command):
    service.on_poll = [bad.still()]
    words = ["run", "image", *URLS] if command == "run" else ["wait", "job-1"]
    env = {**os.environ, "LIPSYNC_BASE_URL": service.base_url, "LIPSYNC_API_KEY": KEY}
    line = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words, "--json"]
    process = subprocess.Popen(line, env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    bad.wait_until(lambda: len(service.polls) > 1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "lipsync-nodes wait job-1" in err
    assert json.loads(out)["id"] == "job-1"


def test_a_terminal_of_another_alphabet_loses_nothing(service, tmp_path):
    env = {**os.environ, "LIPSYNC_BASE_URL": service.base_url, "LIPSYNC_API_KEY": KEY, "PYTHONIOENCODING": "cp1252"}
    for json_option in ([], ["--json"]):
        words = ["run", "image", *URLS, "--key", "k", "--out", "视频.mp4", *json_option]
        line = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words]
        done = subprocess.run(line, env=env, cwd=tmp_path, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"].endswith("视频.mp4")


def test_a_port_that_is_taken_is_told_in_a_sentence(cli, service):
    done = cli("sandbox", "--port", service.url.rpartition(":")[2])
    assert (done.returncode, "ConfigurationError" in done.stderr) == (2, True)
    assert cli("sandbox", "--port", "99999").returncode == 2


def test_what_must_last_does_not_go_to_a_sandbox_that_does_not(cli, tmp_path):
    from lipsync_nodes.sandbox import Sandbox

    home = tmp_path / "home" / "lipsync-nodes" / "sandbox"
    with Sandbox(home, renderer="instant"):
        done = cli("submit", "image", "--sandbox", *URLS, key=None)
        assert (done.returncode, "another command" in done.stderr) == (2, True)
        assert cli("run", "image", "--sandbox", "--image", FACE, "--audio", VOICE, key=None).returncode == 0
