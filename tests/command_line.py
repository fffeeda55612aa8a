"""The command line as a process, against the misbehaving service."""

import os
import subprocess
import sys

import pytest

from lipsync_nodes.sandbox import MEDIA
from tests.faults.bad_service import BadService

KEY = "sk_command_line_0123456789"
URLS = ["--image", "https://x.example/i.png", "--audio", "https://x.example/a.mp3"]
FACE, VOICE = MEDIA / "portrait.jpg", MEDIA / "speech_left.mp3"
MAIN = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()"]


@pytest.fixture
def service():
    with BadService() as service:
        yield service


@pytest.fixture
def cli_env(service):
    """The environment of a command that is to talk to the misbehaving service."""
    return {**os.environ, "LIPSYNC_BASE_URL": service.base_url, "LIPSYNC_API_KEY": KEY}


@pytest.fixture
def cli(tmp_path, service):
    """Run a command in a folder of its own, against the misbehaving service."""

    def run(*words, key=KEY, base=service.base_url, timeout=120, **more):
        env = {**os.environ, "LIPSYNC_BASE_URL": base, **more}
        env = {**env, "LIPSYNC_API_KEY": key} if key else env
        command = [*MAIN, *map(str, words)]
        done = subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=timeout
        )
        assert KEY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run
