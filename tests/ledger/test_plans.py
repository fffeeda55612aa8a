"""Nothing that a user does reads all rows of the ledger: SQLite's plan of each statement says so."""

import inspect
import re
import sqlite3
from functools import partial
from typing import get_args

import pytest

from lipsync_nodes import Job
from lipsync_nodes.flows import (
    Accepted,
    CheckWebhook,
    Claim,
    Event,
    Gone,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Uncertain,
    WebhookHandled,
    WebhookReceived,
)
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.ledger._schema import STEPS, VERSION
from lipsync_nodes.settings import Profile
from tests import legacy
from tests.bench._ended import fill

LIMITED = Profile(api_key="sk_ledger_0123456789", base_url="https://x.example", max_concurrency=1, submits_per_minute=2)
FORM = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
# This index has only the files that are reserved for a video that is not there yet.
OF_UNFINISHED = re.compile(r"SCAN (TABLE )?submission USING INDEX by_target\b")
READS_ALL = {"entries", "each", "left_of"}


def all_events(ledger):
    """Record events of all kinds, each in all ways. Return their kinds."""
    events = set()

    def record(event):
        events.add(type(event))
        return ledger.record(event, LIMITED)

    def claim(key, **options):
        return record(Claim(Submission("lipsync-image", "/p", FORM, key=key, **options)))

    row = claim("a", callback="c1", inputs={"image": "1"}, target="/videos/v.mp4").row
    record(Sending(row, 60))
    record(Paused(row, 1))
    record(Sending(row, 60))
    record(WebhookReceived("c1", "j1"))
    record(Seen(Job(id="j1"), "c1"))
    record(CheckWebhook(row))
    record(Accepted(row, Job(id="j1")))
    record(WebhookReceived("c2", "j2"))
    record(Seen(Job(id="j2"), "c2"))
    record(Sending(claim("b").row, 60))  # is held
    ledger.release("j1")
    record(Sending(claim("a").row, 60))
    claim("a", resubmit_uncertain=True)
    claim(None)
    record(Seen(Job(id="j1", status="completed", output="https://x/o")))
    record(Gone("j1"))
    record(WebhookHandled("c1"))
    record(Uncertain(claim("u").row, "?"))
    claim("u")
    claim("u", resubmit_uncertain=True)
    record(Refused(claim("r").row, "402"))
    return events


def methods(ledger, folder):
    """Return the methods that a user's actions call, as they call them."""
    file = folder / "v.mp4"
    calls = {
        "latest": (LIMITED, 30),
        "unfinished": (LIMITED,),
        "unsettled": (LIMITED,),
        "without_video": (),
        "entry_of": ("j1",),
        "entry": (1,),
        "knows": ("j1",),
        "holds": ("a", LIMITED),
        "ended": ("j1",),
        "entries_of": (["j1", "j2"],),
        "ended_of": (["j1", "j2"],),
        "history": ([(LIMITED.account, "lipsync-image")],),
        "pending_webhooks": (LIMITED,),
        "secret": (),
        "place": ("j2", file),
        "saved": ("j1", file),
        "verified": ("j1", {"verdict": "in_sync"}),
        "release": ("j1",),
        "job_under": ("a", LIMITED),
        "release_key": ("a", LIMITED),
        "usual_seconds": ("lipsync-image",),
    }
    return {name: partial(getattr(ledger, name), *arguments) for name, arguments in calls.items()}


def all_methods(ledger, folder):
    """Call the methods, also those that ask in two ways. Return their names."""
    calls = methods(ledger, folder)
    for call in calls.values():
        call()
    ledger.pending_webhooks(LIMITED, "c1")
    (folder / "v.mp4").touch()
    ledger.place("j2", folder / "v.mp4")
    return set(calls)


@pytest.fixture
def statements(tmp_path):
    """The statements of everything that a user does, with SQLite's plan of each."""
    said = []
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.secret()
        ledger._connection.set_trace_callback(said.append)
        events, methods = all_events(ledger), all_methods(ledger, tmp_path)
        ledger._connection.set_trace_callback(None)
        assert events == set(get_args(Event))
        public = {name for name, _ in inspect.getmembers(Ledger, inspect.isfunction) if not name.startswith("_")}
        assert methods | READS_ALL | {"record", "close"} == public
        # Without the bodies of triggers, which are traced as comments.
        texts = {text for text in said if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", text)}
        yield {text: plan(ledger._connection, text) for text in texts}


def plan(db, statement):
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]


def test_no_statement_of_a_user_s_action_reads_all_rows(statements):
    assert len(statements) > 40
    scans = {text: lines for text, lines in statements.items() if any(map(is_scan, lines))}
    assert not scans


def is_scan(line):
    return re.match(r"SCAN (TABLE )?(submission|other)\b", line) and not OF_UNFINISHED.match(line)


def test_no_action_of_a_user_takes_more_steps_where_more_rows_are_over(tmp_path):
    """Steps of SQLite's virtual machine, not times. An index alone may be read from end to end as well."""
    few, many = (steps(tmp_path / str(count), count) for count in (300, 3_000))
    assert few.keys() == many.keys()
    grown = {name: (few[name], many[name]) for name in few if many[name] > 1.1 * few[name] + 50}
    assert not grown


def steps(folder, ended):
    """Return the steps of each action, in a ledger with rows that are over."""
    folder.mkdir()
    counted = {}
    with Ledger(folder / "ledger.sqlite") as ledger:
        fill(ledger, ended, LIMITED, folder)
        ledger.secret()

        def count(name):
            counted[name] = counted.get(name, 0) + 1

        for name, act in {"events": lambda: all_events(ledger), **methods(ledger, folder)}.items():
            ledger._connection.set_progress_handler(lambda name=name: count(name), 1)
            act()
        ledger._connection.set_progress_handler(None, 0)
    return counted


@pytest.mark.parametrize("version", range(VERSION))
def test_a_ledger_of_each_earlier_version_becomes_the_same(tmp_path, version):
    """Its rows stay, and its tables, indexes and triggers are those of a new ledger."""
    path = tmp_path / "old.sqlite"
    db = sqlite3.connect(path, isolation_level=None)
    for step in STEPS[:version]:
        step(db) if callable(step) else db.executescript(step)
    if version:
        db.execute(
            "INSERT INTO submission (account, key, endpoint, form, state, created_at, job_id, job)"
            " VALUES (?, 'k', 'lipsync-image', '{}', 'completed', 1.0, 'j1', ?)",
            (LIMITED.account, '{"id": "j1", "status": "completed", "output": "https://x/o"}'),
        )
    db.close()
    with Ledger(path) as ledger, Ledger(tmp_path / "new.sqlite") as new:
        assert [entry.job_id for entry in ledger.latest(LIMITED, 30)] == (["j1"] if version else [])
        assert schema(ledger) == schema(new)
        if version:
            assert ledger.job_under("k", LIMITED).output == "https://x/o"
            ledger.record(
                Sending(ledger.record(Claim(Submission("lipsync-image", "/p", FORM)), LIMITED).row, 60), LIMITED
            )


def schema(ledger):
    with ledger._transaction("DEFERRED") as db:
        columns = [row[1:3] for row in db.execute("PRAGMA table_info(submission)")]
        others = db.execute("SELECT type, name, sql FROM sqlite_master WHERE name <> 'submission' ORDER BY 1, 2")
        return columns, others.fetchall(), db.execute("PRAGMA user_version").fetchone()


def test_a_ledger_of_version_0_1_is_migrated(tmp_path):
    """It is written to the letter, not by our own steps."""
    path = tmp_path / "old.sqlite"
    legacy.write(path, {"account": LIMITED.account, "key": "k", "job_id": "j1"})
    with Ledger(path) as ledger, Ledger(tmp_path / "new.sqlite") as new:
        assert ledger.job_under("k", LIMITED).id == "j1"
        assert schema(ledger)[1:] == schema(new)[1:]
