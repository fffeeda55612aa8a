"""A form is built, probed, hashed and written as JSON once on its way from a caller to the wire."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync_nodes import ImageForm, Profile
from lipsync_nodes.host import PreparedForm, content_key, known_credits
from lipsync_nodes.ledger import Ledger
from tests.command_line import FACE, VOICE
from tests.counting import ONCE, counting

MAIN = [sys.executable, "-c", "from lipsync_nodes.cli import main; from tests.counting import counted; counted(main)"]


@pytest.fixture
def run(sandbox, tmp_path):
    """Run the command line in a process of its own, and return its counts."""

    def run(*words):
        env = {**os.environ, "LIPSYNC_API_KEY": sandbox.api_key, "LIPSYNC_BASE_URL": sandbox.base_url}
        env["PYTHONPATH"] = str(Path(__file__).parents[1])
        done = subprocess.run([*MAIN, *map(str, words)], env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stderr.splitlines()[-1])

    return run


def test_a_run_of_the_command_line(run, sandbox):
    assert run("run", "image", "--image", FACE, "--audio", VOICE, "--poll-interval", 0.05) == ONCE
    assert len(sandbox.received("submit")) == 1


def test_a_line_of_a_batch(run, sandbox, tmp_path):
    """Its key is made of its content, which is hashed for the key and published under that hash."""
    line = {"endpoint": "image", "image": str(FACE), "audio": str(VOICE)}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(line))
    assert run("run", "--batch", "jobs.jsonl", "--poll-interval", 0.05) == ONCE | {"key": 1}


def test_a_submit_of_each_client(face_of, sandbox, tmp_path):
    """As an adapter does it: who needs the key and the cost before the submit prepares the form."""
    profile = Profile(api_key=sandbox.api_key, base_url=sandbox.base_url)
    with Ledger(tmp_path / "ledger.sqlite") as ledger, counting() as counts:
        form = PreparedForm(ImageForm(image=FACE, audio=VOICE))
        options = {"key": content_key(form, profile), "estimate": known_credits(form)}
        face_of(profile=profile, ledger=ledger).submit(form, **options)
    assert counts == ONCE | {"key": 1}


def test_a_plain_submit_of_each_client(face, sandbox):
    with counting() as counts:
        face.submit(ImageForm(image=FACE, audio=VOICE))
    assert counts == ONCE
