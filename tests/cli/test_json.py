"""`--json`: always exactly one valid object on stdout, and text of the service steers no terminal."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lipsync_nodes.cli.output import plain
from tests.command_line import MAIN, URLS
from tests.faults import bad_service as bad

posix = pytest.mark.skipif(os.name != "posix", reason="sends signals to processes")
# Says when our own code has begun: before that it is Python's own start that a signal ends.
# Where Ctrl-C comes between the test's own two statements.
BEFORE_MAIN = "line 1, in <module>\nKeyboardInterrupt\n"
NOTED = [sys.executable, "-c", "import lipsync_nodes.cli as c, sys; print('on', file=sys.stderr, flush=True); c.main()"]
INPUTS = {"image": "https://x.example/i.png", "audio": "https://x.example/a.mp3"}
RUN = ["run", "image", *URLS, "--poll-interval", "0.1"]


def only_object(out):
    """Decode stdout as exactly one object of strict JSON."""

    def refuse(constant):
        raise AssertionError(constant)

    assert out.endswith("\n")
    assert out.count("\n") == 1
    return json.loads(out, parse_constant=refuse)


def started(words, cli_env, tmp_path, command=MAIN, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([*command, *words], env=cli_env, cwd=tmp_path, text=True, **options)


@posix
@pytest.mark.parametrize("seed", range(8))
def test_a_signal_at_any_moment_leaves_one_object(service, cli_env, tmp_path, seed):
    """Ctrl-C or SIGTERM, once or twice in a row: an object, the job's id in it once there is one, and no traceback."""
    chance = random.Random(seed)
    service.on_poll = [bad.still()]
    process = started([*RUN, "--json"], cli_env, tmp_path, NOTED)
    assert process.stderr.readline() == "on\n"
    if seed < 4:
        time.sleep(chance.random())
    else:
        bad.wait_until(lambda: service.polls)
    for _ in range(chance.choice([1, 2])):
        process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM]))
    out, err = process.communicate(timeout=60)
    answer = only_object(out)
    assert process.returncode in {130, 143}, answer
    assert answer["error"]["type"] == "Interrupted"
    assert "Traceback" not in err
    assert answer["id"] == ("job-1" if "Job job-1 is not lost" in err or seed >= 4 else None)


# Ctrl-C in a wait of `threading`, which then releases a lock that it does not hold, or in a weak reference's callback.
CTRL_C_IN_A_WAIT = """
import os, signal, threading, weakref
import lipsync_nodes.cli

class Gone: pass

number, in_callback, seen, restore = {}, {}, 0, threading.Condition._acquire_restore

def restored(condition, state):
    global seen
    seen += 1
    if seen == number and in_callback:
        gone = Gone()
        watching = weakref.ref(gone, lambda _: os.kill(os.getpid(), signal.SIGINT))
        del gone
    elif seen == number:
        os.kill(os.getpid(), signal.SIGINT)
    restore(condition, state)

threading.Condition._acquire_restore = restored
lipsync_nodes.cli.main()
"""


@posix
@pytest.mark.parametrize("in_callback", [False, True], ids=["wait", "callback"])
@pytest.mark.parametrize("number", [1, 2, 3, 4], ids=["display", "threads", "submit", "poll"])
def test_ctrl_c_is_not_lost_where_python_replaces_it(service, cli_env, tmp_path, number, in_callback):
    service.on_poll = [bad.still()]
    program = [sys.executable, "-c", CTRL_C_IN_A_WAIT.format(number, in_callback)]
    process = started([*RUN, "--json"], cli_env, tmp_path, program)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, only_object(out)["error"]["type"]) == (130, "Interrupted"), err


@posix
@pytest.mark.parametrize("many", [False, True])
def test_sigterm_ends_what_no_ctrl_c_reaches(service, cli_env, tmp_path, many):
    """A script's background job ignores SIGINT from the start, and has to end by SIGTERM all the same."""
    service.on_poll = [bad.still()]
    Path(tmp_path, "jobs.jsonl").write_text(json.dumps({"endpoint": "image", **INPUTS}))
    words = ["run", "--batch", "jobs.jsonl", "--poll-interval", "0.1"] if many else RUN
    process = started(["-c", 'trap "" INT; exec "$0" "$@"', *MAIN, *words, "--json"], cli_env, tmp_path, ["sh"])
    bad.wait_until(lambda: service.polls)
    process.send_signal(signal.SIGTERM)
    with process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, "Traceback" in err) == (143, False)
    assert "job-1" in str(only_object(out))


@posix
def test_a_signal_within_the_imports_is_no_traceback(cli_env, tmp_path):
    for pause in (0, 0, 0.001, 0.02, 0.1):
        process = started(["jobs", "--json"], cli_env, tmp_path, NOTED)
        process.stderr.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        if err.endswith(BEFORE_MAIN):
            continue
        assert "Traceback" not in err
        only_object(out)


@posix
@pytest.mark.parametrize("words", [["jobs", "--json"], ["jobs"], ["--help"], ["plugins"], ["run", "--json"]])
def test_a_full_device_is_a_sentence(cli_env, tmp_path, words):
    with Path("/dev/full").open("w") as full:
        process = started(words, cli_env, tmp_path, stdout=full)
        err = process.communicate(timeout=60)[1]
    assert (process.returncode, "Traceback" in err, "Exception ignored" in err) == (1, False, False)
    assert "could not be printed: No space left on device" in err


@posix
def test_a_closed_pipe_ends_quietly(cli_env, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    process = started(["plugins"], cli_env, tmp_path, stdout=writer)
    os.close(writer)
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", 1)


@posix
def test_nobody_to_read_stderr_costs_no_job(service, cli_env, tmp_path):
    with Path("/dev/full").open("w") as full:
        process = started([*RUN, "--json"], cli_env, tmp_path, stderr=full)
        answer = only_object(process.communicate(timeout=60)[0])
    assert (process.returncode, answer["status"]) == (0, "completed")


@posix
def test_closed_streams_are_no_traceback(service, cli_env, tmp_path):
    line = f'exec "$0" "$@" >&- 2>&-'  # noqa: F541
    done = subprocess.run(["sh", "-c", line, *MAIN, *RUN], env=cli_env, cwd=tmp_path, timeout=60)
    assert (done.returncode, len(service.paid)) == (0, 1)


def test_json_may_stand_anywhere_and_be_a_value(cli, service):
    """`--key --json` is a key of that name; an option before the command is wrong usage, told as an object."""
    assert "{" not in cli("submit", "image", *URLS, "--key", "--json").stdout
    assert only_object(cli("submit", "--json", "image", *URLS).stdout)["error"]["type"] == "Usage"
    assert only_object(cli("--json", "jobs").stdout)["error"]["type"] == "Usage"
    assert only_object(cli("submit", "image", "--json", *URLS, "--key", "--json").stdout)["id"] == "job-1"
    assert only_object(cli("wait", "--json", "job-1", "--timeout").stdout)["error"]["message"]


def test_no_number_that_json_lacks(cli, service):
    def odd(request):
        known = b'"id": "job-1", "status": "completed", "output": "https://x.example/v"'
        request.answer(200, b'{%b, "executionTime": NaN, "x": [-Infinity]}' % known)

    service.on_poll = [odd]
    assert only_object(cli("status", "job-1", "--json").stdout)["x"] == [None]
    for extra in ('{"x": NaN}', '{"x": ' + "[" * 100_000):
        done = cli("run", "image", *URLS, "--extra", extra, "--json")
        assert (done.returncode, only_object(done.stdout)["error"]["type"]) == (2, "Usage")


def test_the_service_steers_no_terminal(cli, service):
    """Escape sequences, carriage returns and bidi overrides in ids, statuses, errors and outputs are spelt out."""
    evil = "\x1b]0;owned\x07\x1b[2Jdone\r\u202egnp.\x9b31m"
    service.on_poll = [bad.end_with(status="failed", error=evil, model=evil)]
    texts = [cli("run", "image", *URLS), cli("jobs"), cli("status", "job-1")]
    service.on_poll = [bad.end_with(status=evil)]
    texts.append(cli("run", "image", *URLS, "--timeout", "0.3", "--poll-interval", "0.1"))
    service.on_submit = [lambda request: (request.read(), request.answer(200, {"id": f"job{evil}"}))]
    texts += [cli("submit", "image", *URLS, "--out", evil), cli("submit", "image", *URLS), cli("jobs")]
    for done in texts:
        assert not set(done.stdout + done.stderr) & set("\x1b\x07\r\u202e\x9b")
    assert "\\x1b" in texts[0].stderr


def test_what_is_spelt_out_and_what_is_not():
    assert plain("视频 👩‍👩‍👧 é") == "视频 👩‍👩‍👧 é"
    assert plain("a\nb\u2066\x7f\ud83d") == "a\\nb\\u2066\\x7f\\ud83d"


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}])
def test_any_locale_will_do(cli, service, locale):
    """Emoji in errors, names and job ids."""
    service.on_poll = [bad.end_with(status="failed", error="不行 😀")]
    for words in ([*RUN], ["jobs"], ["--help"], [*RUN, "--json"], ["run", "image", "--image", "😀.png", *URLS[2:]]):
        assert cli(*words, **locale).returncode in {0, 1, 2}


def test_a_mistake_of_ours_is_a_sentence(cli_env, tmp_path):
    """What nobody foresaw: no traceback, unless LIPSYNC_DEBUG asks for it."""
    code = (
        "import lipsync_nodes.cli as c, lipsync_nodes.ledger as l\n"
        "def broken(*_): raise ZeroDivisionError('sk_oops_0123456789')\n"
        "l.Ledger.latest = broken\nc.main()"
    )
    for debug in ("", "1"):
        command = [sys.executable, "-c", code, "jobs", "--json"]
        env = {**cli_env, "LIPSYNC_DEBUG": debug}
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "Traceback" in done.stderr) == (1, bool(debug))
        assert only_object(done.stdout)["error"]["type"] == "Unexpected"
        assert "please report it" in done.stderr
        assert "sk_oops" not in done.stdout + done.stderr


def test_a_broken_row_hides_no_other(cli, service, tmp_path):
    """`jobs` and `resume` go on with the other rows."""
    import sqlite3

    service.on_poll = [bad.still()]
    for _ in range(2):
        assert cli("submit", "image", *URLS).returncode == 0
    db = sqlite3.connect(tmp_path / "home" / "lipsync-nodes" / "ledger.sqlite")
    with db:
        db.execute("UPDATE submission SET job = '{' WHERE row = 1")
    db.close()
    rows = only_object(cli("jobs", "--json").stdout)["jobs"]
    assert [row["id"] for row in rows] == ["job-1", "job-2"]
    service.on_poll = [bad.finish]
    cli("resume")
    assert (tmp_path / "job-2.mp4").is_file()
    assert cli("jobs", "--json").returncode == 0


def test_an_uncertain_submit_is_no_success_of_resume(cli, service):
    service.on_submit = [bad.cut_after_reading]
    assert cli("run", "image", *URLS, "--key", "k").returncode == 4
    done = cli("resume", "--json")
    assert (done.returncode, len(only_object(done.stdout)["uncertain"])) == (4, 1)


def test_each_error_is_one_object(cli, service, tmp_path):
    """Of a usage, a setting, a file, a port."""
    (tmp_path / "file").touch()
    port = service.url.rpartition(":")[2]
    for words in (
        ["run", "image", "--image", "missing.png", *URLS[2:]],
        ["run", "image", *URLS, "--out", "file/v.mp4"],
        ["resume", "--out", "file/x"],
        ["sandbox", "--port", port],
        ["comfyui", "check", "nowhere"],
        ["status", "x" * 100_000],
        ["nothing"],
    ):
        done = cli(*words, "--json")
        assert done.returncode in {1, 2}
        assert only_object(done.stdout)["error"]["message"]
