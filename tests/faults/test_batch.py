"""A batch of sixty jobs, killed twice in the middle, finished by the third run: sixty videos, sixty jobs."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from lipsync_nodes.ledger import Ledger

JOBS = 60
KEY = "sk_batch_0123456789"


@pytest.fixture
def batch(sandbox, tmp_path):
    """Start `run --batch` on a file in which every line is there twice."""
    line = {"endpoint": "image", "image": "https://x.example/i.png", "audio": "https://x.example/a.mp3"}
    lines = [json.dumps({**line, "seed": number // 2}) for number in range(JOBS)]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines))
    options = ["--batch", "jobs.jsonl", "--out", "videos", "--poll-interval", "0.1", "--concurrency", "5", "--json"]
    command = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", "run", *options]
    env = {
        **os.environ,
        "LIPSYNC_API_KEY": KEY,
        "LIPSYNC_BASE_URL": sandbox.base_url,
        "LIPSYNC_LEDGER": str(tmp_path / "ledger.sqlite"),
    }

    def start(*more):
        return subprocess.Popen(
            [*command, *more], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


def kill_between_submits(process, ledger):
    """Kill at any moment at which no submit is on its way: one that is would rightly be uncertain ever after."""
    while True:
        process.send_signal(signal.SIGSTOP)
        if not ledger.entries("submitting"):
            process.kill()
            process.communicate()
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.005)


@pytest.mark.skipif(sys.platform == "win32", reason="a process is stopped and looked at by POSIX signals")
def test_a_batch_killed_twice_is_finished_by_the_third_run(batch, sandbox, tmp_path):
    """A batch that is killed twice is finished by the third run."""
    sandbox.fault("seconds", seconds=0.2, count=-1)
    chance = random.Random(7)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    for done in (chance.randrange(5, 20), chance.randrange(25, 45)):
        process = batch()
        while len(list((tmp_path / "videos").glob("*.mp4"))) < done:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        kill_between_submits(process, ledger)

    out, err = batch().communicate(timeout=120)
    report = json.loads(out)
    assert (report["done"], report["failed"]) == (JOBS, 0), err
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == JOBS
    assert len(sandbox.jobs()) == len(sandbox.received("submit")) == JOBS
    assert KEY not in out + err

    # And a fourth time: nothing is submitted, nothing is fetched.
    fetched = len(sandbox.received("output"))
    out, _ = batch().communicate(timeout=120)
    assert json.loads(out)["done"] == JOBS
    assert (len(sandbox.received("submit")), len(sandbox.received("output"))) == (JOBS, fetched)
    ledger.close()


def test_a_strict_batch_with_a_wrong_line_sends_nothing(batch, sandbox, tmp_path):
    good = (tmp_path / "jobs.jsonl").read_text()
    for wrong in ("{", "[]", '{"image": "https://x/i"}', '{"endpoint": "image"}', '{"endpoint": "moon"}'):
        (tmp_path / "jobs.jsonl").write_text(f"{good}\n{wrong}")
        process = batch("--strict")
        err = process.communicate(timeout=60)[1]
        assert (process.returncode, f"line {JOBS + 1}" in err) == (2, True), err
        assert not sandbox.received("submit")


def test_a_batch_goes_on_after_a_job_that_fails_and_says_so(batch, sandbox, tmp_path):
    sandbox.fault("fail", after=10)
    process = batch()
    report = json.loads(process.communicate(timeout=120)[0])
    assert (process.returncode, report["done"], report["failed"]) == (1, JOBS - 1, 1)
    (failed,) = [job for job in report["jobs"] if "error" in job]
    assert failed["error"] == "JobFailed"
