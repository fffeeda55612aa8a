"""`webhook serve`, `webhook send`, `--webhook auto` and `jobs`, as processes."""

import json
import os
import signal
import subprocess
from subprocess import PIPE

import pytest
import trustme

from lipsync_nodes.ledger import Ledger
from tests.faults.bad_service import wait_until
from tests.receiving import COMMAND, serving

URLS = ["--image", "https://x.example/i.png", "--audio", "https://x.example/a.mp3"]
KEY = "sk_webhook_cli_0123456789"


@pytest.fixture
def env(sandbox, tmp_path):
    return {
        **os.environ,
        "LIPSYNC_API_KEY": KEY,
        "LIPSYNC_BASE_URL": sandbox.base_url,
        "LIPSYNC_LEDGER": str(tmp_path / "ledger.sqlite"),
    }


def cli(env, folder, *words):
    done = subprocess.run([*COMMAND, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr
    return done


def test_a_receiver_ends_the_wait_of_another_process(env, sandbox, tmp_path):
    """A run in one process is woken by the receiver in another."""
    (tmp_path / "follow.py").write_text("def up(job):\n    open('told.txt', 'a').write(job.id + '\\n')\n")
    sandbox.fault("seconds", seconds=1.0, count=-1)
    with serving(env, tmp_path, "--on-job", "follow:up") as told:
        env["LIPSYNC_WEBHOOK"] = told["url"]
        done = cli(env, tmp_path, "run", "image", *URLS, "--webhook", "auto", "--poll-interval", "60", "--json")
        assert done.returncode == 0, done.stderr
        job = json.loads(done.stdout)
        assert job["status"] == "completed"

        jobs = json.loads(cli(env, tmp_path, "jobs", "--json").stdout)["jobs"]
        assert [(row["id"], row["webhook"][:4]) for row in jobs] == [(job["id"], "came")]
        assert "came " in cli(env, tmp_path, "jobs").stdout

        again = cli(env, tmp_path, "webhook", "send", job["id"], "--times", "2", "--json")
        assert json.loads(again.stdout)["statuses"] == [200, 200]
        body = tmp_path / "body.json"
        body.write_text('{"id": "another"}')
        refused = cli(env, tmp_path, "webhook", "send", job["id"], "--body", str(body), "--json")
        assert (refused.returncode, json.loads(refused.stdout)["statuses"]) == (1, [404])
        wait_until((tmp_path / "told.txt").is_file)
    assert (tmp_path / "told.txt").read_text().split() == [job["id"]]


def test_a_receiver_that_died_calls_on_job_at_its_next_start(env, sandbox, tmp_path):
    """A receiver that dies before on job is done calls it at its next start."""
    (tmp_path / "follow.py").write_text(
        "import os\n"
        "def up(job):\n"
        "    with open('told.txt', 'a') as told: told.write(job.id + '\\n')\n"
        "    if os.path.exists('deadly'): os.remove('deadly'); os._exit(1)\n"
    )
    told, deadly = tmp_path / "told.txt", tmp_path / "deadly"
    deadly.touch()
    with serving(env, tmp_path, "--on-job", "follow:up") as server:
        env["LIPSYNC_WEBHOOK"] = server["url"]
        done = cli(env, tmp_path, "run", "image", *URLS, "--webhook", "auto", "--poll-interval", "0.2", "--json")
        job = json.loads(done.stdout)
        wait_until(lambda: told.is_file() and not deadly.exists())
    with serving(env, tmp_path, "--on-job", "follow:up"):
        wait_until(lambda: told.read_text().split() == [job["id"]] * 2)
        with Ledger(env["LIPSYNC_LEDGER"]) as ledger:
            wait_until(lambda: ledger.entry_of(job["id"]).handled_at)
    with serving(env, tmp_path, "--on-job", "follow:up"):
        pass
    assert told.read_text().split() == [job["id"]] * 2


HANGS = {
    "a function": "import time\ndef up(job):\n    open('begun', 'w').close()\n    time.sleep(60)\n",
    "a coroutine": "import asyncio\nasync def up(job):\n    open('begun', 'w').close()\n    await asyncio.sleep(60)\n",
}


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to a process")
@pytest.mark.parametrize("hangs", HANGS)
def test_ctrl_c_ends_it_with_a_sentence_although_on_job_hangs(hangs, env, sandbox, tmp_path):
    (tmp_path / "follow.py").write_text(HANGS[hangs])
    command = [*COMMAND, "webhook", "serve", "--port", "0", "--json", "--on-job", "follow:up"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, text=True, stdout=PIPE, stderr=PIPE) as process:
        try:
            env["LIPSYNC_WEBHOOK"] = json.loads(process.stdout.readline())["url"]
            cli(env, tmp_path, "submit", "image", *URLS, "--webhook", "auto")
            wait_until((tmp_path / "begun").is_file)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, "")
    assert err == "The receiver has ended. What came is kept; its next start handles what is left of it.\n"


def test_jobs_shows_which_webhook_is_expected(env, sandbox, tmp_path):
    env["LIPSYNC_WEBHOOK"] = "http://127.0.0.1:9"
    sandbox.fault("seconds", seconds=60)
    cli(env, tmp_path, "submit", "image", *URLS, "--webhook", "auto")
    cli(env, tmp_path, "submit", "image", *URLS)
    rows = json.loads(cli(env, tmp_path, "jobs", "--json").stdout)["jobs"]
    assert [row["webhook"] for row in rows] == ["expected", None]
    away = cli(env, tmp_path, "webhook", "send", rows[0]["id"], "--json")
    assert away.returncode == 1
    assert "webhook serve" in away.stderr
    other = cli(env, tmp_path, "webhook", "send", rows[1]["id"])
    assert other.returncode == 2
    assert "--webhook auto" in other.stderr


def test_it_serves_tls_by_files(env, sandbox, tmp_path):
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    sandbox.fault("drop")
    with serving(env, tmp_path, "--cert", "both.pem", "--cert-key", "both.pem") as told:
        assert told["url"].startswith("https://127.0.0.1:")
        env |= {"LIPSYNC_WEBHOOK": told["url"], "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        job = json.loads(cli(env, tmp_path, "submit", "image", *URLS, "--webhook", "auto", "--json").stdout)
        sent = cli(env, tmp_path, "webhook", "send", job["id"], "--json")
        assert json.loads(sent.stdout)["statuses"] == [200], sent.stderr
        with Ledger(env["LIPSYNC_LEDGER"]) as ledger:
            wait_until(lambda: ledger.entry_of(job["id"]).state == "completed")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["webhook", "serve", "--on-job", "no_such_module:x"], "--on-job no_such_module:x cannot be loaded"),
        (["webhook", "serve", "--on-job", "json"], "cannot be loaded"),
        (["webhook", "serve", "--on-job", "json:__name__"], "is not a function"),
        (["webhook", "serve", "--on-job", "broken_module:up"], "cannot be loaded: expected"),
        (["webhook", "send", "no-such-job"], "Job no-such-job was not submitted from here"),
        (["submit", "image", *URLS, "--webhook", "auto"], "LIPSYNC_WEBHOOK"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(words, says, env, sandbox, tmp_path):
    (tmp_path / "broken_module.py").write_text("def up(job)\n")
    done = cli(env, tmp_path, *words)
    assert (done.returncode, sandbox.jobs()) == (2, [])
    assert says in done.stderr


def test_without_a_base_it_prints_what_to_configure(env, tmp_path):
    command = [*COMMAND, "webhook", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as process:
        said = [process.stdout.readline() for _ in range(3)]
        process.terminate()
    assert said[0].startswith("Receiving webhooks at http://127.0.0.1:")
    assert "LIPSYNC_WEBHOOK" in said[1]
    assert said[2].startswith("  export LIPSYNC_WEBHOOK=http://127.0.0.1:")
