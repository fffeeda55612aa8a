"""A real process, killed at each point of a run and started again with the same key."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lipsync_nodes.ledger import Ledger
from tests.faults import bad_service as bad
from tests.faults.bad_service import OUTPUT
from tests.receiving import Receiving

SCRIPT = Path(__file__).with_name("one_run.py")

ARRIVES, UNKNOWN = "the result arrives", "it says that it does not know, and sends nothing"
# Where the process dies → how many jobs there are then, and what the next run does.
POINTS = {
    "before Claim": (0, ARRIVES),
    "after Claim": (0, ARRIVES),
    "after Sending": (0, UNKNOWN),
    "request sent": (1, UNKNOWN),
    "before Accepted": (1, UNKNOWN),
    "after Accepted": (1, ARRIVES),
    "waiting": (1, ARRIVES),
    "before Seen": (1, ARRIVES),
    "after Seen": (1, ARRIVES),
    "downloading": (1, ARRIVES),
    "just renamed": (1, ARRIVES),
}


class Run:
    """The process, its ledger and its target."""

    def __init__(self, service, folder):
        self.service, self.ledger, self.target = service, folder / "ledger.sqlite", folder / "video.mp4"
        self.process = None

    def start(self, point="", webhook_base=""):
        arguments = [self.service.base_url, self.ledger, self.target, "the one", point, webhook_base]
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def end(self):
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out.strip(), err.strip()

    def kill_when(self, behave):
        """A behaviour that kills the process once the service is in the middle of *behave*."""

        def behaviour(request):
            behave(request)
            self.process.kill()
            self.process.wait()
            request.cut()

        return behaviour


def nothing(_request):
    pass


def sent(request):
    request.read()
    request.service.make_job()


def half(request):
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(OUTPUT) + OUTPUT[: len(OUTPUT) // 2])


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_run_is_taken_up_again_and_never_paid_twice(point, service, tmp_path):
    jobs, then = POINTS[point]
    run = Run(service, tmp_path)
    if point == "request sent":
        service.on_submit = [run.kill_when(sent), bad.accept]
    if point == "waiting":
        service.on_poll = [run.kill_when(nothing), bad.finish]
    if point == "downloading":
        service.on_output = [run.kill_when(half), bad.deliver]

    code, _, _ = run.start(point).end()
    assert code != 0, "it was not killed"
    assert len(service.paid) == jobs

    posts = len(service.posts)
    code, out, err = run.start().end()
    if then == ARRIVES:
        assert (code, out, err) == (0, "job-1", "")
        assert run.target.read_bytes() == OUTPUT
        assert len(service.paid) == 1
    else:
        assert err.startswith("SubmissionUncertain")
        assert "resubmit_uncertain" in err
        assert (len(service.posts), len(service.paid)) == (posts, jobs)


@pytest.mark.parametrize("when", ["twice while nobody runs", "while the next run waits"])
@pytest.mark.parametrize("point", ["request sent", "before Accepted", "after Accepted"])
def test_a_webhook_settles_what_a_killed_run_has_left(point, when, service, tmp_path):
    """Where the matrix above ends with "it does not know", it knows: no second job, and no human."""
    run = Run(service, tmp_path)
    with Receiving("sk_crash_0123456789", service.base_url, run.ledger) as receiving:
        if point == "request sent":
            service.on_submit = [run.kill_when(sent), bad.accept]
        code, _, _ = run.start(point, receiving.url).end()
        assert code != 0, "it was not killed"
        if when == "twice while nobody runs":
            service.call_back(2)
            bad.wait_until(lambda: receiving.ledger.entries()[0].handled_at)
            run.start("", receiving.url)
        else:
            if point == "after Accepted":
                service.on_poll = [bad.still(), bad.finish]  # its own first look is too early
            run.start("", receiving.url)
            threading.Timer(1.0, service.call_back).start()
        code, out, err = run.end()
        assert (code, out, err) == (0, "job-1", "")
        (entry,) = receiving.ledger.entries()
    assert run.target.read_bytes() == OUTPUT
    assert (entry.state, entry.job_id, len(service.paid), len(service.posts)) == ("completed", "job-1", 1, 1)


def test_what_was_finished_is_not_waited_for_again(service, tmp_path):
    run = Run(service, tmp_path)
    assert run.start().end()[0] == 0
    polls = len(service.polls)
    assert run.start().end()[0] == 0
    assert (len(service.paid), len(service.polls)) == (1, polls + 1), "it only asks where the video is now"


def test_eight_processes_with_fifty_equal_keys_make_fifty_jobs(sandbox, tmp_path):
    ledger = str(tmp_path / "ledger.sqlite")
    code = f"""
from lipsync_nodes import ImageForm, LipsyncClient
from lipsync_nodes.ledger import Ledger
form = ImageForm(image="https://x/i.png", audio="https://x/a.mp3")
with LipsyncClient({sandbox.api_key!r}, {sandbox.base_url!r}, ledger=Ledger({ledger!r})) as client:
    print(*(client.submit(form, key=f"key {{number}}").id for number in range(50)))
"""
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(8)]
    told = [run.communicate(timeout=120)[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0] * 8
    assert len({tuple(ids) for ids in told}) == 1, "every process was told of the same jobs"
    assert len(set(told[0])) == len(sandbox.received("submit")) == 50


def test_the_pace_of_a_profile_holds_between_processes(sandbox, tmp_path):
    """Two jobs at a time, over four processes: the sandbox never has more."""
    sandbox.fault("seconds", seconds=0.3, count=-1)
    code = f"""
from lipsync_nodes import ImageForm, LipsyncClient
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile
profile = Profile(api_key={sandbox.api_key!r}, base_url={sandbox.base_url!r}, max_concurrency=2)
with LipsyncClient(profile=profile, ledger=Ledger({str(tmp_path / "ledger.sqlite")!r})) as client:
    forms = [ImageForm(image="https://x/i.png", audio="https://x/a.mp3")] * 2
    client.run_many(forms, poll_interval=0.05)
"""
    most, over = [0], threading.Event()

    def watch():
        while not over.wait(0.02):
            most[0] = max(most[0], sum(job["status"] == "processing" for job in sandbox.jobs()))

    watching = threading.Thread(target=watch)
    watching.start()
    runs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    codes = [run.wait(timeout=120) for run in runs]
    over.set()
    watching.join()
    assert codes == [0] * 4
    assert len(sandbox.jobs()) == 8
    assert most[0] <= 2


def test_the_ledger_of_a_killed_process_is_sound(service, tmp_path):
    Run(service, tmp_path).start("after Sending").end()
    ledger = Ledger(tmp_path / "ledger.sqlite")
    with ledger._transaction() as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ledger.close()
