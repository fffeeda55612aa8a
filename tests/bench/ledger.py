"""What a user does with a ledger of 100,000 submissions that are over, beside the same with an empty one.

Milliseconds, the least of many runs that take turns. The commands are processes of their own: `jobs` and `resume` from
start to end.
"""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from lipsync_nodes import Job, Ledger, Profile
from lipsync_nodes.flows import Accepted, Claim, Seen, Sending, Submission
from tests.bench._ended import fill
from tests.bench.frame import Row, by_turns

ENDED = 100_000
KEY = "sk_bench_0123456789"
PROFILE = Profile(api_key=KEY, base_url="https://x.example", submits_per_minute=10**6, max_concurrency=10**6)
FORM = {"image": "https://x.example/i.png", "audio": "https://x.example/a.mp3"}
TARGET = "<= 1.2"


def submit(ledger, key):
    """Submit under a pace and see the end of the job, so that the next one finds the ledger as it was."""
    row = ledger.record(Claim(Submission("lipsync-image", "/p", FORM, key=key)), PROFILE).row
    assert ledger.record(Sending(row, 60), PROFILE) is None
    ledger.record(Accepted(row, Job(id=key)), PROFILE)
    ledger.record(Seen(Job(id=key, status="completed", output="https://x.example/o")), PROFILE)


ACTIONS = {
    "submit under a pace, to its end": submit,
    "latest: `jobs`": lambda ledger, _: ledger.latest(PROFILE, 30),
    "unfinished: `resume`": lambda ledger, _: ledger.unfinished(PROFILE),
    "pending_webhooks": lambda ledger, _: ledger.pending_webhooks(PROFILE),
    "job_under": lambda ledger, key: ledger.job_under(key, PROFILE),
    "without_video": lambda ledger, _: ledger.without_video(),
    "place": lambda ledger, key: ledger.place(key, Path(f"/nowhere/{key}.mp4")),
    "usual_seconds": lambda ledger, _: ledger.usual_seconds("lipsync-image"),
}


def milliseconds(action, ledger, times=20):
    """Return the least of some runs."""
    least = float("inf")
    for number in range(times):
        key = f"{time.time_ns()} {number}"
        began = time.perf_counter()
        action(ledger, key)
        least = min(least, time.perf_counter() - began)
    return 1e3 * least


def command(words, ledger):
    """Return the milliseconds of processor time and the peak of megabytes of a command."""
    environ = {
        **os.environ,
        "LIPSYNC_LEDGER": ledger.path,
        "LIPSYNC_API_KEY": KEY,
        "LIPSYNC_BASE_URL": PROFILE.base_url,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return 1e3 * (used.ru_utime + used.ru_stime), used.ru_maxrss / 1024


def rows():
    with tempfile.TemporaryDirectory() as folder, Ledger(f"{folder}/full") as full, Ledger(f"{folder}/empty") as empty:
        fill(empty, 30, PROFILE, folder)  # so that `jobs` has a page to show
        fill(full, ENDED, PROFILE, folder)
        for name, action in ACTIONS.items():
            ours, theirs = by_turns(*(partial(milliseconds, action, ledger) for ledger in (full, empty)))
            yield Row(name, ours, "an empty ledger", theirs, "ms", TARGET)
        for words in (["jobs"], ["resume", "--out", folder]):
            (ours, size), (theirs, small) = by_turns(
                *(partial(command, words, ledger) for ledger in (full, empty)), times=3
            )
            yield Row(f"command {words[0]}, processor time", ours, "an empty ledger", theirs, "ms", TARGET)
            yield Row(f"command {words[0]}, memory", size, "an empty ledger", small, "MB", TARGET)
        _, size = command(["jobs", "--all", "--json"], full)
        _, small = command(["jobs", "--all", "--json"], empty)
        yield Row("command jobs --all --json, memory", size, "an empty ledger", small, "MB", TARGET)
