"""What a report says, against the rows of the ledger, added up one by one in Python."""

import json
import math
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lipsync_nodes import InvalidRequest, Job, Ledger
from lipsync_nodes.flows import Accepted, Claim, Refused, Seen, Sending, Submission, Uncertain
from lipsync_nodes.ledger import Sums, report_of
from lipsync_nodes.settings import Profile
from tests.bench._ended import fill

MINE = Profile(name="acme", account_name="acme", api_key="sk_report_0123456789", price="0.01", currency="USD")
OTHER = Profile(name="bolt", account_name="bolt", api_key="sk_other_0123456789", price="2", currency="EUR")
LOCAL = Profile(name="box", base_url="http://127.0.0.1:8787/api/v1")
DONE = {"status": "completed", "output": "https://x/o.mp4"}
BAD = ("not_moving", "out_of_sync")
NAMES = [name for name in Sums.__slots__ if name not in {"name", "account", "money"}]
NOW = 1_790_000_000.0

states = st.sampled_from(["waiting", "submitting", "uncertain", "refused", "live", "completed", "failed", "stopped"])
texts = st.sampled_from(["acme", "=1+1", "x,y", "市场", 'q"q', "it's"])
rows = st.fixed_dictionaries(
    {
        "account": st.sampled_from(["acme", "bolt"]),
        "profile": st.sampled_from(["acme", "bolt", None]),
        "endpoint": st.sampled_from(["lipsync-image", "lipsync-video"]),
        "state": states | st.just("missing"),
        "created_at": st.floats(NOW - 5 * 86400, NOW),
        "lease_until": st.sampled_from([NOW - 1, NOW + 1, None]),
        "credits": st.none() | st.integers(0, 10**9),
        "seconds": st.none() | st.floats(0, 600),
        "verdict": st.sampled_from(["in_sync", *BAD, "cannot_tell", None]),
        "tags": st.dictionaries(st.sampled_from(["client", "部门", "a b"]), texts),
        "output": st.sampled_from(["https://x/o.mp4", None]),
    }
)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", clock=lambda: NOW) as ledger:
        ledger.entries()
        yield ledger


@pytest.fixture
def in_memory():
    with Ledger(":memory:", clock=lambda: NOW) as ledger:
        yield ledger


def put(ledger, *some):
    """Write rows as they are; a job has an id of its own."""
    with ledger._transaction() as db:
        db.execute("DELETE FROM submission")
        for number, row in enumerate(some):
            has_job = row["state"] in {"live", "completed", "failed", "stopped", "missing"}
            values = {
                **{name: value for name, value in row.items() if name not in {"verdict", "output"}},
                "form": "{}",
                "job_id": f"j{number}" if has_job else None,
                "job": json.dumps({"id": f"j{number}", "output": row["output"]}) if has_job else None,
                "tags": json.dumps(row["tags"]) if row["tags"] else None,
                "verification": json.dumps({"verdict": row["verdict"]}) if row["verdict"] else None,
            }
            names, marks = ", ".join(values), ", ".join("?" * len(values))
            db.execute(f"INSERT INTO submission ({names}) VALUES ({marks})", list(values.values()))


def reason(entry):
    if entry.job_id is None:
        return None
    if entry.state in {"failed", "stopped", "missing"}:
        return entry.state
    verdict = (entry.verification or {}).get("verdict")
    if entry.state == "completed" and verdict in BAD:
        return verdict
    return "no_output" if entry.state == "completed" and not entry.as_job.output else None


def plain_sum(entries):
    """Add up entries of one account, without SQL."""
    jobs = [entry for entry in entries if entry.job_id is not None]
    bad = [entry for entry in jobs if reason(entry)]
    expired = [entry for entry in entries if entry.state == "submitting" and (entry.lease_until or 0) <= NOW]
    return {
        "jobs": len(jobs),
        "completed": sum(entry.state == "completed" for entry in jobs),
        "failed": sum(entry.state in {"failed", "stopped", "missing"} for entry in jobs),
        "uncertain": len(expired) + sum(entry.state == "uncertain" for entry in entries),
        "unusable": len(bad),
        "seconds": math.fsum(entry.seconds or 0 for entry in jobs),
        "credits": sum(entry.credits or 0 for entry in jobs),
        "not_estimated": sum(entry.credits is None for entry in jobs),
        "unusable_credits": sum(entry.credits or 0 for entry in bad),
    }


def day(entry):
    return datetime.fromtimestamp(entry.created_at).astimezone().strftime("%Y-%m-%d")


NAMES_OF = {
    "tag": lambda entry: [f"{name}={value}" for name, value in entry.tags.items()] or [None],
    "tag:client": lambda entry: [entry.tags.get("client")],
    "endpoint": lambda entry: [entry.endpoint],
    "day": lambda entry: [day(entry)],
    "profile": lambda entry: [entry.profile],
    "verdict": lambda entry: [(entry.verification or {}).get("verdict")],
}


def numbers(sums):
    return {name: pytest.approx(getattr(sums, name)) if name == "seconds" else getattr(sums, name) for name in NAMES}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, max_size=25), st.sampled_from(sorted(NAMES_OF)), st.booleans())
def test_the_sums_are_those_of_the_rows(in_memory, some, by, everyone):
    ledger = in_memory
    put(ledger, *some)
    report = report_of(ledger, MINE, by=by, all_profiles=(lambda _: (OTHER.price, "EUR")) if everyone else None)
    entries = [entry for entry in ledger.entries() if everyone or entry.account == "acme"]
    assert plain_sum(entries) == numbers(report.total)
    counted = [one for one in entries if one.job_id or plain_sum([one])["uncertain"]]
    names = {(name, one.account if by == "profile" else None) for one in counted for name in NAMES_OF[by](one)}
    assert {(group.name, group.account) for group in report.groups} == names
    for group in report.groups:
        belong = [one for one in entries if group.name in NAMES_OF[by](one) and group.account in {None, one.account}]
        assert plain_sum(belong) == numbers(group)
    assert [(one.id, one.reason) for one in report.unusable] == [
        (entry.job_id, reason(entry)) for entry in entries if reason(entry)
    ]
    spent = plain_sum([one for one in entries if one.account == "acme"])["credits"]
    named = sum(one.credits or 0 for one in entries if one.account == "bolt" and one.job_id and one.profile)
    assert report.total.money.get("USD", 0) == spent * Decimal("0.01")
    assert report.total.money.get("EUR", 0) == named * 2


ROW = {
    "account": "acme",
    "profile": "acme",
    "endpoint": "lipsync-image",
    "state": "completed",
    "created_at": NOW,
    "lease_until": None,
    "credits": 20,
    "seconds": 10.0,
    "verdict": None,
    "tags": {},
    "output": "https://x/o.mp4",
}


def test_it_reports_what_really_went_through_a_ledger(ledger):
    def enter(event):
        return ledger.record(event, MINE)

    def sent(**options):
        row = enter(Claim(Submission("lipsync-image", "/p", {}, **options))).row
        enter(Sending(row, 60))
        return row

    tags = {"client": "acme"}
    for job_id, end in {"good": DONE, "frozen": DONE, "bad": {"status": "failed"}, "live": {}}.items():
        enter(Accepted(sent(credits=20, seconds=10.0, tags=tags), Job(id=job_id)))
        if end:
            enter(Seen(Job(id=job_id, **end)))
    ledger.verified("frozen", {"verdict": "not_moving"})
    enter(Refused(sent(credits=1000), "402"))
    enter(Uncertain(sent(credits=1000), "?"))
    report = report_of(ledger, MINE, by="tag:client")
    ((client, jobs), (nobody, none)) = ((group.name, group) for group in report.groups)
    assert (client, jobs.jobs, jobs.credits, jobs.unusable_credits) == ("acme", 4, 80, 40)
    assert (nobody, none.jobs, none.credits, none.uncertain) == (None, 0, 0, 1)
    assert report.total.money == {"USD": Decimal("0.80")}
    assert [(one.id, one.reason, one.tags) for one in report.unusable] == [
        ("frozen", "not_moving", tags),
        ("bad", "failed", tags),
    ]


def test_it_covers_a_period(ledger):
    put(ledger, *(ROW | {"created_at": NOW + hours * 3600} for hours in range(4)))
    assert report_of(ledger, MINE, since=NOW + 3600, until=NOW + 3 * 3600).total.jobs == 2


def test_it_covers_the_jobs_with_all_given_tags(ledger):
    put(ledger, *(ROW | {"tags": tags} for tags in ({"a": "1", "b": "2"}, {"a": "1"}, {"b": "2"}, {"a": "2"})))
    assert report_of(ledger, MINE, tags={"a": "1"}).total.jobs == 2
    assert [report_of(ledger, MINE, tags=tags).total.jobs for tags in ({"a": "1", "b": "2"}, {"c": "3"}, {})] == [
        1,
        0,
        4,
    ]


def test_days_are_those_of_the_local_time_zone_or_of_utc(ledger, monkeypatch):
    midnight = datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    put(ledger, ROW | {"created_at": midnight - 1}, ROW | {"created_at": midnight})
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    if hasattr(time, "tzset"):
        time.tzset()
        assert [one.name for one in report_of(ledger, MINE, by="day").groups] == ["2026-11-30"]
    assert [one.name for one in report_of(ledger, MINE, by="day", utc=True).groups] == ["2026-11-29", "2026-11-30"]


@pytest.fixture(autouse=True)
def time_zone():
    yield
    if hasattr(time, "tzset"):
        time.tzset()


def test_without_a_price_there_is_no_money(ledger):
    put(ledger, ROW)
    assert report_of(ledger, MINE.model_copy(update={"price": None})).as_json()["total"]["money"] == []


def test_previews_and_local_servers_are_only_reported_for_their_own_profile(ledger):
    accounts = ["acme", "embedded sandbox", LOCAL.account, "bolt"]
    put(ledger, *(ROW | {"account": account} for account in accounts))
    everyone = {"all_profiles": lambda _: (None, "")}
    assert report_of(ledger, MINE, **everyone).total.jobs == 2
    assert report_of(ledger, MINE).total.jobs == 1
    assert report_of(ledger, LOCAL).total.jobs == 1
    assert report_of(ledger, LOCAL, **everyone).total.jobs == 3


@pytest.mark.parametrize("by", ["tags", "tag:", "endpoint:x", "1; DROP TABLE submission", "utc day"])
def test_another_grouping_is_an_error(ledger, by):
    with pytest.raises(InvalidRequest, match="tag:NAME"):
        report_of(ledger, MINE, by=by)


@pytest.mark.parametrize("text", ["{", "[1]", "null", "7", b"\xff"])
def test_damaged_texts_hide_no_job(ledger, text):
    put(ledger, ROW | {"tags": {"a": "1"}, "verdict": "not_moving"})
    with ledger._transaction() as db:
        db.execute("UPDATE submission SET tags = CAST(?1 AS TEXT), verification = CAST(?1 AS TEXT)", (text,))
    report = report_of(ledger, MINE, by="tag")
    assert [(group.name, group.jobs) for group in report.groups] == [(None, 1)]
    assert report.unusable == ()


def test_an_empty_ledger_has_an_empty_report():
    with Ledger(":memory:") as ledger:
        assert report_of(ledger, MINE, by="day").as_json() == {
            "groups": [],
            "total": dict.fromkeys(NAMES, 0) | {"money": []},
            "unusable": [],
        }


def test_a_report_takes_not_much_longer_than_reading_the_rows(ledger):
    """Of a ledger of 10,000 jobs. Beside the bare rows, because a time in seconds depends on the machine."""
    clients = [{"client": f"client {number}"} for number in range(20)]
    put(ledger, *(ROW | {"tags": clients[number % 20], "credits": number} for number in range(10_000)))
    with closing(sqlite3.connect(ledger.path)) as db:
        bare = min(
            timed(lambda: [json.loads(row[12]) for row in db.execute("SELECT * FROM submission")]) for _ in "123"
        )
    reported = min(timed(lambda: report_of(ledger, MINE, by="tag")) for _ in range(3))
    assert report_of(ledger, MINE).total.credits == sum(range(10_000))
    assert reported < 10 * bare, (reported, bare)


def timed(do):
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def test_a_period_is_found_by_its_index(tmp_path):
    """A report of a day reads the rows of that day, not those of years."""
    steps = []
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        fill(ledger, 3_000, MINE, tmp_path)
        ledger._connection.set_progress_handler(lambda: steps.append(1), 1)
        report_of(ledger, MINE)
        whole = len(steps)
        report_of(ledger, MINE, since=time.time() - 2 * 3600)
        ledger._connection.set_progress_handler(None, 0)
    assert len(steps) - whole < whole / 20
