"""The sandbox as a process, and its workers: signals, kills, crashes, orphans."""

import _thread
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.sandbox.jobs.store import JobStore

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
posix = pytest.mark.skipif(sys.platform == "win32", reason="process groups are POSIX's")


@pytest.fixture(scope="module")
def preview_box():
    with Sandbox(concurrency=2) as box:
        yield box


def left_in(folder):
    """Return the ids of the jobs that a sandbox left unfinished in a folder."""
    store = JobStore(folder / "sandbox.sqlite3")
    try:
        return [row.id for row in store.unfinished() if row.status == "processing"]
    finally:
        store.close()


def test_a_killed_worker_fails_its_own_job_alone(preview_box, connect, portrait, tone, until):
    preview = connect(preview_box)
    box, runner = preview.box, preview.box._running.service.runner
    media = {"image": preview.put("face.jpg", portrait), "audio": preview.put("long.wav", tone(30))}
    first, second = preview.job_id(**media), preview.job_id(**media)
    # Not "both make progress": where a start takes long, the first may be done before the second shows any.
    until(lambda: runner.progress and len(runner.pids()) == 2)
    [victim] = [renderer for renderer in runner._renderers if renderer.pid == runner.pids()[0]]
    os.kill(victim.pid, KILL)
    ends = sorted(preview.ended(job_id)["status"] for job_id in (first, second))
    assert ends == ["completed", "failed"]
    [failed] = [job for job in box.jobs() if job["status"] == "failed"]
    assert re.search(r"renderer stopped unexpectedly \(exit code -?\d+\)", failed["error"])
    short = media | {"audio": preview.put("voice.wav", tone(1))}
    again = [preview.job_id(**short), preview.job_id(**short)]
    assert [preview.ended(job_id)["status"] for job_id in again] == ["completed", "completed"]


@posix
def test_a_hanging_worker_fails_one_job_and_is_replaced(preview_box, connect, portrait, tone, until):
    """A worker that hangs fails its own job alone and is replaced."""
    preview = connect(preview_box)
    runner = preview.box._running.service.runner
    media = {"image": preview.put("face.jpg", portrait), "audio": preview.put("long.wav", tone(30))}
    until(lambda: not runner.progress)
    for renderer in runner._renderers:
        renderer.timeout = 6
    first, second = preview.job_id(**media), preview.job_id(**media)
    until(lambda: len(runner.progress) == 2)  # both workers are warm by now
    victim = runner.pids()[0]
    os.kill(victim, signal.SIGSTOP)
    ends = sorted((preview.ended(job_id) for job_id in (first, second)), key=lambda job: job["status"])
    assert [job["status"] for job in ends] == ["completed", "failed"]
    assert ends[1]["error"].startswith("The preview renderer said nothing for 6 s, so it was stopped.")
    assert victim not in runner.pids()


SERVE = """
import signal, sys
from pathlib import Path
from lipsync_nodes.sandbox import Sandbox
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` would have it ignored
# No `if __name__ == "__main__"`: the workers must not run this again.
Sandbox(Path(sys.argv[1]), concurrency=1).serve(log="json")
"""


class Elsewhere:
    """A sandbox in another process."""

    api_key = "sk_any_key"

    def __init__(self, said):
        (self.base_url,) = re.findall(r"http://\S+", said)  # one address alone, the one to set
        self.url = self.base_url.removesuffix("/api/v1")


def test_a_killed_sandbox_leaves_no_orphan_and_loses_no_job(tmp_path, connect, portrait, tone, until):
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        lines = (json.loads(line) for line in process.stderr)
        api = connect(Elsewhere(next(lines)["message"]))
        media = {"image": api.put("face.jpg", portrait), "audio": api.put("long.wav", tone(30))}
        job_id = api.job_id(**media)
        assert next(line for line in lines if line.get("progress"))["job"] == job_id
        process.kill()
        # The worker shares this pipe: it reaches its end only when the worker is gone, too.
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        reader.join(60)
        assert not reader.is_alive()
    with Sandbox(tmp_path) as box:
        assert connect(box).ended(job_id)["status"] == "completed"


def test_an_idle_worker_ends_with_the_pipe_it_is_ordered_by():
    command = [sys.executable, "-c", "from lipsync_nodes.sandbox.jobs.worker import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(1)
        worker.stdin.close()
        assert worker.wait(60) == 0


def test_serve_ends_with_ctrl_c_and_hides_the_key(tmp_path, capfd, until):
    box = Sandbox(tmp_path, renderer="instant", api_key="sk_very_secret")

    def visit():
        until(lambda: box._running)
        httpx.get(f"{box.url}/files/0/sk_very_secret?key=sk_very_secret")
        httpx.get(f"{box.base_url}/jobs/sk_other_key")
        logging.getLogger("uvicorn.error").warning("said by the server: %s", "sk_very_secret")
        _thread.interrupt_main()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` would have it ignored
    visitor = threading.Thread(target=visit)
    visitor.start()
    box.serve()
    visitor.join()
    signal.signal(signal.SIGINT, before)
    log = capfd.readouterr().err
    assert "The sandbox is at http://127.0.0.1:" in log
    assert "GET /api/v1/jobs/sk_*** 401" in log
    assert "said by the server: sk_***" in log
    assert "it accepts only the key that it was started with" in log
    assert "The sandbox ends." in log
    assert "secret" not in log
    assert "other_key" not in log


@posix
@pytest.mark.parametrize("pause", [0, 0.05, 0.5])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_loses_no_job(tmp_path, connect, portrait, tone, number, pause):
    """A signal to all its processes ends the sandbox quietly and loses no job."""
    command = [sys.executable, "-c", SERVE, str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        api = connect(Elsewhere(process.stderr.readline()))
        media = {"image": api.put("face.jpg", portrait), "audio": api.put("long.wav", tone(30))}
        job_id = api.job_id(**media)
        assert "started" in [process.stderr.readline() for _ in range(4)][-1]
        time.sleep(pause)
        os.killpg(process.pid, number)
        log = process.stderr.read()
        assert process.wait(60) == 0
    assert "raceback" not in log
    assert "The sandbox ends." in log
    assert left_in(tmp_path) == [job_id]


@posix
def test_a_worker_ignores_signals_and_has_its_own_session(preview_box, connect, portrait, tone, until):
    """A worker has a session of its own and ignores SIGINT and SIGTERM."""
    api, runner = connect(preview_box), preview_box._running.service.runner
    media = {"image": api.put("face.jpg", portrait), "audio": api.put("voice.wav", tone(3))}
    job_id = api.job_id(**media)
    until(lambda: runner.progress)
    for pid in runner.pids():
        assert os.getsid(pid) == pid
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
    assert api.ended(job_id)["status"] == "completed"


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_worker_that_dies_with_its_sandbox_fails_no_job(tmp_path, connect, portrait, tone, until, when, monkeypatch):
    monkeypatch.setattr("lipsync_nodes.sandbox.jobs.runner._STOP_DELAY", 60)  # else it fails a second later
    with Sandbox(tmp_path, concurrency=1) as box:
        api, service = connect(box), box._running.service
        media = {"image": api.put("face.jpg", portrait), "audio": api.put("long.wav", tone(30))}
        job_id = api.job_id(**media)
        until(lambda: service.runner.progress)
        if when == "while":
            service.begin_stop()
        os.kill(service.runner.pids()[0], KILL)
        time.sleep(0.3)
        assert api.job(job_id)["status"] == "processing"
        if when == "while":
            until(lambda: not service.runner._tasks)
    assert left_in(tmp_path) == [job_id]
    with Sandbox(tmp_path) as box:
        assert connect(box).ended(job_id)["status"] == "completed"
