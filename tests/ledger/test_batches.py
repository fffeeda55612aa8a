"""Threads that record at the same time share a transaction, and each still gets the answer of its own."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from lipsync_nodes import AsyncLipsyncClient, ConfigurationError, ImageForm, InvalidRequest, Job
from lipsync_nodes.flows import Accepted, Claim, Claimed, Refused, Sending, Submission, Superseded
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile

HERE = Profile(name="here", api_key="sk_ledger_0123456789", base_url="https://here.example")
FORM = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
THREADS = 16


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.entries()
        yield ledger


def claim(ledger, key, endpoint="lipsync-image", form=FORM):
    return ledger.record(Claim(Submission(endpoint, f"/{endpoint}", form, key=key)), HERE)


@contextmanager
def gathered(ledger, count):
    """Hold the database until the threads of the block have queued *count* writes."""
    statements = []
    with ledger._lock:
        yield statements
        ends = time.monotonic() + 30
        while (batch := ledger._batches._open) is None or len(batch.writes) < count:
            assert time.monotonic() < ends, "they do not share a transaction"
            time.sleep(0.005)
        ledger._connection.set_trace_callback(statements.append)


def outcome(future):
    return future.exception() or future.result()


def all_at_once(ledger, *works):
    """Let one thread for each of the works record, in one transaction. Return the outcomes and the statements."""
    with ThreadPoolExecutor(len(works)) as pool:
        with gathered(ledger, len(works)) as statements:
            futures = [pool.submit(work) for work in works]
        return [outcome(future) for future in futures], statements


def test_many_threads_wait_for_the_disk_once(ledger):
    works = [lambda number=number: claim(ledger, f"k{number}") for number in range(THREADS)]
    answers, statements = all_at_once(ledger, *works)
    assert {type(answer) for answer in answers} == {Claimed}
    assert len({answer.row for answer in answers}) == len(ledger.entries()) == THREADS
    assert statements.count("BEGIN IMMEDIATE") == 1


def test_submits_on_an_event_loop_wait_for_the_disk_together(sandbox, ledger):
    async def submits():
        async with AsyncLipsyncClient(sandbox.api_key, sandbox.base_url, ledger=ledger) as client:
            return await asyncio.gather(*(client.submit(ImageForm(**FORM)) for _ in range(THREADS)))

    with ThreadPoolExecutor(1) as pool:
        with gathered(ledger, THREADS):
            jobs = pool.submit(asyncio.run, submits())
        assert len({job.id for job in jobs.result()}) == len(ledger.entries()) == THREADS


def test_one_that_fails_undoes_no_other(ledger):
    claim(ledger, "taken")
    ledger.record(Refused(1, "402"), HERE)
    row = claim(ledger, "taken").row
    ledger.record(Sending(row, 60), HERE)
    ledger.record(Accepted(row, Job(id="j1")), HERE)
    answers, _ = all_at_once(
        ledger,
        lambda: claim(ledger, "a"),
        lambda: claim(ledger, "taken", "lipsync-video"),
        lambda: ledger.record(Sending(row, 60), HERE),
        lambda: claim(ledger, "b"),
    )
    assert [type(answer) for answer in answers[:2]] == [Claimed, InvalidRequest]
    assert isinstance(answers[3], Claimed)
    assert {entry.key for entry in ledger.entries()} == {"taken", "a", "b"}
    assert answers[2].job.id == "j1"


@pytest.mark.parametrize("ends_all", [False, True])
def test_a_write_that_fails_halfway_is_undone(ledger, ends_all):
    """Alone; but if SQLite has undone the whole transaction, as it may on a full disk, every caller is told."""

    def halfway(db):
        db.execute("INSERT INTO secret VALUES ('half')")
        if ends_all:
            db.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk is full")

    answers, _ = all_at_once(
        ledger, lambda: claim(ledger, "a"), lambda: ledger._written(halfway), lambda: claim(ledger, "b")
    )
    others = ConfigurationError if ends_all else Claimed
    assert [type(answer) for answer in answers] == [others, ConfigurationError, others]
    assert "disk is full" in str(answers[1])
    assert {entry.key for entry in ledger.entries()} == (set() if ends_all else {"a", "b"})
    assert ledger.secret() != "half"


def test_a_key_that_many_claim_at_once_is_given_once(ledger):
    answers, _ = all_at_once(ledger, *[lambda: claim(ledger, "k")] * THREADS)
    assert sorted(type(answer).__name__ for answer in answers) == ["Claimed"] + ["Hold"] * (THREADS - 1)


def test_on_a_full_disk_each_caller_is_told_what_is_true(ledger):
    """Of a large form and small ones, those are in the ledger that were answered so."""
    (pages,) = ledger._connection.execute("PRAGMA page_count").fetchone()
    ledger._connection.execute(f"PRAGMA max_page_count = {pages + 4}")
    forms = [{"image": "x" * (200_000 if number == THREADS // 2 else 10)} for number in range(THREADS)]
    answers, _ = all_at_once(
        ledger, *(lambda form=form, key=f"k{key}": claim(ledger, key, form=form) for key, form in enumerate(forms))
    )
    assert isinstance(answers[THREADS // 2], ConfigurationError)
    assert {type(answer) for answer in answers} <= {ConfigurationError, Claimed}
    told = {f"k{number}" for number, answer in enumerate(answers) if isinstance(answer, Claimed)}
    assert told == {entry.key for entry in ledger.entries()}


def test_without_the_file_each_caller_has_an_error_of_its_own(ledger):
    other = Ledger(ledger.path)
    with other, other._transaction():
        ledger._connection.execute("PRAGMA busy_timeout = 1")
        answers, _ = all_at_once(ledger, *[lambda: claim(ledger, None)] * 3)
    assert [type(answer) for answer in answers] == [ConfigurationError] * 3
    assert len(set(map(id, answers))) == 3
    assert ledger.entries() == []


class Interrupted:
    """A connection on which Ctrl-C comes once, right after a statement."""

    def __init__(self, db, statement):
        self._db, self._statement = db, statement

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, sql, *values):
        answer = self._db.execute(sql, *values)
        if sql == self._statement:
            self._statement = None
            raise KeyboardInterrupt
        return answer


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "SAVEPOINT work", "RELEASE work", "COMMIT"])
def test_what_interrupts_one_thread_does_not_lose_the_writes_of_others(ledger, statement):
    """Ctrl-C in the thread that writes for all: nothing is lost, and nothing is written twice."""
    ledger._connection = Interrupted(ledger._connection, statement)
    with ThreadPoolExecutor(THREADS + 1) as pool:
        with gathered(ledger, THREADS + 1):
            leader = pool.submit(claim, ledger, None)
            while ledger._batches._open is None:
                time.sleep(0.001)
            others = [pool.submit(claim, ledger, None) for _ in range(THREADS)]
        assert isinstance(leader.exception(), KeyboardInterrupt)
        assert len({other.result().row for other in others}) == THREADS
    assert len(ledger.entries()) == THREADS + (statement == "COMMIT")
    assert isinstance(claim(ledger, "the next"), Claimed)


def test_whoever_is_answered_finds_it_on_the_disk(ledger):
    """Another connection sees each row as soon as its claim is answered."""
    with Ledger(ledger.path) as other, ThreadPoolExecutor(8) as pool:

        def found(number):
            row = claim(ledger, f"k{number}").row
            return other.entry(row) is not None and ledger.record(Sending(row, 60), HERE) != Superseded()

        assert all(pool.map(found, range(200)))


def test_a_killed_process_has_recorded_all_that_was_answered(tmp_path):
    code = """
import sys, threading
from lipsync_nodes import Job
from lipsync_nodes.flows import Accepted, Claim, Sending, Submission
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.settings import Profile
ledger, profile = Ledger(sys.argv[1]), Profile(api_key="sk_ledger_0123456789", base_url="https://here.example")
def work(thread):
    for number in range(100000):
        row = ledger.record(Claim(Submission("lipsync-image", "/p", {})), profile).row
        ledger.record(Sending(row, 60), profile)
        ledger.record(Accepted(row, Job(id=f"{thread}-{number}")), profile)
        sys.stdout.write(f"{thread}-{number}\\n")
        sys.stdout.flush()
for thread in range(8):
    threading.Thread(target=work, args=(thread,)).start()
"""
    path = tmp_path / "ledger.sqlite"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as process:
        answered = [process.stdout.readline().strip() for _ in range(100)]
        process.kill()
        answered += process.stdout.read().split("\n")[:-1]
    with Ledger(path) as ledger:
        assert set(answered) <= {entry.job_id for entry in ledger.entries()}
        with ledger._transaction() as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_joins_no_batch_of_its_parent(ledger):
    code = f"""
import os, sys, threading, time
from lipsync_nodes.ledger import Ledger
ledger = Ledger({ledger.path!r})
inside, over = threading.Event(), threading.Event()
def run(closed):
    inside.set()
    over.wait()
threading.Thread(target=ledger._batches.do, args=(None, run)).start()
inside.wait()
child = os.fork()
if child == 0:
    ledger.secret(), ledger._written(lambda db: None)
    os._exit(0)
over.set()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
