"""`lipsync-nodes proxy` as a process: lines of JSON, and the exit code."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

from lipsync_nodes.sandbox import Sandbox
from tests.command_line import MAIN

KEY = "sk_command_proxy_0123456789"


def through_the_proxy(*words, paths):
    """Start the proxy, send requests through it and end it. Return the exit code, stdout and stderr."""
    command = [*MAIN, "proxy", "--port", "0", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = process.stderr.readline()
    url = next(word for word in first.split() if word.startswith("http"))
    for path in paths:
        httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {KEY}"})
    process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)
    assert KEY not in stdout + stderr
    return process.returncode, stdout, first + stderr


@pytest.fixture
def deviating(httpserver):
    job = {"id": "j-1", "status": "processing", "key": KEY}
    httpserver.expect_request("/jobs/j-1").respond_with_json(job)
    return httpserver.url_for("/").rstrip("/")


def test_differences_are_json_lines_and_the_exit_code_is_1(deviating, tmp_path):
    code, stdout, stderr = through_the_proxy("--check", "--json", "--base-url", deviating, paths=["/jobs/j-1"] * 2)
    lines = [json.loads(line) for line in stdout.splitlines()]
    assert code == 1
    assert {"$.id", "$.key", "$.executionTime"} <= {line["path"] for line in lines}
    assert len(lines) == len({line["path"] for line in lines})
    assert "submissions are paid for" in stderr
    tape = tmp_path / "tape.jsonl"
    code, stdout, _ = through_the_proxy("--record", tape, "--base-url", deviating, paths=["/jobs/j-1"])
    assert code == 0
    assert "poll $.executionTime: expected an integer of at least 0 (documented), came nothing" in stdout
    assert KEY not in tape.read_text()
    code, stdout, _ = through_the_proxy("--replay", tape, paths=["/jobs/j-1"])
    assert (code, stdout) == (0, "")


def test_errors_of_the_service_are_printed_and_do_not_count():
    with Sandbox(renderer="instant") as box:
        code, stdout, _ = through_the_proxy("--check", "--base-url", box.base_url, paths=["/jobs/x"])
    assert (code, stdout) == (0, 'poll status 404: undocumented, and it is {"error": "There is no such job."}\n')


@pytest.mark.parametrize("words", [[], ["--check", "--record", "x"], ["--replay", "missing"]])
def test_wrong_usage(words):
    done = subprocess.run([*MAIN, "proxy", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
