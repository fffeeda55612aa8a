"""The sandbox that a host starts beside itself: once, with one account, and gone when the host is."""

import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from lipsync_nodes import ConfigurationError, ImageForm, Ledger, LipsyncClient
from lipsync_nodes.sandbox import MEDIA, Sandbox, SandboxProcess

FORM = ImageForm(image=MEDIA / "portrait.jpg", audio=MEDIA / "speech_left.mp3")
# A host that says where its sandbox is, and waits. With `fork`, a child of it lives on.
HOST = """
import os, sys, time
from pathlib import Path
from lipsync_nodes.sandbox import SandboxProcess
sandbox = SandboxProcess(Path(sys.argv[1]))
profile = sandbox.profile()
child = os.fork() if "fork" in sys.argv else -1
if child:
    print(profile.base_url, sandbox._process.pid, child, flush=True)
time.sleep(60)
"""


@pytest.fixture
def beside(tmp_path):
    sandbox = SandboxProcess(tmp_path / "sandbox")
    yield sandbox
    sandbox.stop()


def answers(base_url):
    try:
        return httpx.get(f"{base_url}/jobs/x").status_code == 401
    except httpx.TransportError:
        return False


def test_all_threads_get_the_same_sandbox_and_a_dead_one_is_replaced(beside):
    profiles = []
    threads = [threading.Thread(target=lambda: profiles.append(beside.profile())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({profile.base_url for profile in profiles}) == 1
    assert answers(profiles[0].base_url)
    beside._process.kill()
    beside._process.wait()
    again = beside.profile()
    assert answers(again.base_url)
    assert again.account == profiles[0].account


def test_the_next_start_finds_the_job_under_the_same_account(beside, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        jobs = []
        for _ in range(2):
            with LipsyncClient(profile=beside.profile(), ledger=ledger) as client:
                jobs.append(client.run(FORM, key="k"))
                assert client.download(jobs[-1], tmp_path / "video.mp4").stat().st_size > 10_000
            beside.stop()
    assert jobs[0].id == jobs[1].id


@pytest.mark.skipif(os.name != "posix", reason="kill and fork are POSIX")
@pytest.mark.parametrize("how", ["alone", "fork"])
def test_it_ends_when_its_host_is_killed(tmp_path, until, how):
    command = [sys.executable, "-c", HOST, str(tmp_path / "sandbox"), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
        base_url, pid, child = host.stdout.readline().split()
        assert answers(base_url)
        try:
            host.kill()
            until(lambda: not answers(base_url))
            until(lambda: not _lives(int(pid)))
        finally:
            if child != "-1":
                os.kill(int(child), signal.SIGKILL)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_gets_no_key_of_the_host(beside, monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_API_KEY", "sk_secret_0123456789")
    seen = tmp_path / "environment"
    code = f"import json, os; open({str(seen)!r}, 'w').write(json.dumps(dict(os.environ)))"
    (tmp_path / "sitecustomize.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    profile = beside.profile()
    assert profile.api_key is None
    assert not [name for name in json.loads(seen.read_text()) if name.startswith("LIPSYNC_")]


def test_a_folder_in_use_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("lipsync_nodes.sandbox._process._LEAVES_WITHIN", 0.0)
    with Sandbox(tmp_path, renderer="instant"), pytest.raises(ConfigurationError) as caught:
        SandboxProcess(tmp_path).profile()
    assert caught.value.code == "sandbox.folder_taken"
    assert "another ComfyUI" in caught.value.speak("comfyui", "en").hint


def test_missing_packages_are_said_with_the_command_for_this_python(beside, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        beside.profile()
    assert f'"{sys.executable}" -m pip install "lipsync-nodes[sandbox]"' in caught.value.speak("comfyui", "en").hint
