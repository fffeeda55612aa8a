"""`report` and what `jobs` shows of tags and verdicts, as a process."""

import csv
import io
import json
import re
import time
from datetime import datetime, timedelta

import pytest

from lipsync_nodes import Job, Ledger
from lipsync_nodes.cli.spreadsheet import print_csv
from lipsync_nodes.flows import Accepted, Claim, Seen, Sending, Submission, Uncertain
from lipsync_nodes.settings import Profile
from tests.command_line import KEY

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1+1", "\tx", "\rx", "\nx", " =1+1"]
TEXTS = ['"=1"', "a,b", 'q"q', "市场 ☂", "x=1", "'", "", "1-1"]
PRICE = {"LIPSYNC_PRICE": "0.01", "LIPSYNC_CURRENCY": "EUR"}
DONE = {"status": "completed", "output": "https://x/o.mp4"}
FAILED = {"status": "failed", "error": "no face"}


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The ledger of the commands."""
    monkeypatch.setenv("LIPSYNC_LEDGER", str(tmp_path / "ledger.sqlite"))
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path, service):
    with Ledger(path) as ledger:
        ledger.profile = Profile(api_key=KEY, base_url=service.base_url)
        yield ledger


def put(ledger, job_id, *, end=DONE, verdict=None, ago=0.0, profile=None, **options):
    """Record a job from its claim to its end."""
    ledger._clock = lambda: time.time() - ago
    profile = profile or ledger.profile
    row = ledger.record(Claim(Submission("lipsync-image", "/p", {}, **options)), profile).row
    ledger.record(Sending(row, 60), profile)
    ledger.record(Accepted(row, Job(id=job_id)) if job_id else Uncertain(row, "?"), profile)
    if job_id and end:
        ledger.record(Seen(Job(id=job_id, **end)), profile)
    if verdict:
        ledger.verified(job_id, {"verdict": verdict})


def usual(ledger):
    put(ledger, "good", credits=20, seconds=10.0, tags={"client": "acme"}, verdict="in_sync")
    put(ledger, "still", credits=40, seconds=20.0, tags={"client": "bolt"}, verdict="not_moving")
    put(ledger, "bad", end=FAILED, tags={"client": "bolt"})
    put(ledger, None, credits=7)


def read_csv(text):
    header, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), quoting=csv.QUOTE_NONNUMERIC)
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_json_has_groups_a_total_and_the_unusable_jobs(cli, ledger):
    usual(ledger)
    told = json.loads(cli("report", "--by", "tag:client", "--json", **PRICE).stdout)
    assert set(told) == {"groups", "total", "unusable"}
    assert [(one["name"], one["jobs"], one["credits"]) for one in told["groups"]] == [
        ("bolt", 2, 40),
        ("acme", 1, 20),
        (None, 0, 0),
    ]
    total = {"jobs": 3, "completed": 2, "failed": 1, "uncertain": 1, "unusable": 2, "seconds": 30.0, "credits": 60}
    money = [{"amount": 0.6, "currency": "EUR"}]
    assert told["total"] == total | {"not_estimated": 1, "unusable_credits": 40, "money": money}
    assert [(one["id"], one["reason"]) for one in told["unusable"]] == [("still", "not_moving"), ("bad", "failed")]


def test_the_table_is_for_people(cli, ledger):
    usual(ledger)
    done = cli("report", "--by", "verdict", **PRICE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "verdict"
    assert any(line.split() == ["in_sync", "1", "1", "0", "0", "0", "10", "20", "0", "0.20", "EUR"] for line in lines)
    assert any(line.split()[:2] == ["(none)", "1"] for line in lines)
    assert any(line.split()[:2] == ["total", "3"] for line in lines)
    assert "Credits and seconds are estimates; jobs without an estimate: 1." in lines
    assert any(line.startswith("still") and "not_moving" in line for line in lines)


def test_below_groups_only_the_latest_unusable_jobs_are_listed(cli, ledger):
    for number in range(35):
        put(ledger, f"j{number:02}", end=FAILED)
    for words, first, count in (([], "j05", 30), (["--unusable"], "j00", 35)):
        ids = re.findall(r"^j\d+", cli("report", *words).stdout, re.MULTILINE)
        assert (ids[0], ids[-1], len(ids)) == (first, "j34", count)


def test_without_a_price_it_says_how_to_set_one(cli, ledger):
    usual(ledger)
    done = cli("report")
    assert "`price`" in done.stdout
    assert "EUR" not in done.stdout


def test_of_an_empty_ledger_it_is_all_zero(cli, path):
    assert json.loads(cli("report", "--json").stdout)["total"]["jobs"] == 0
    assert cli("report", "--unusable").stdout.startswith("No jobs without a usable video.\n")
    for command in ("report", "jobs"):  # after runs with --sandbox, too
        assert f"`lipsync-nodes {command} --sandbox`" in cli(command).stdout
    assert "--sandbox" not in cli("report", "--sandbox", key=None).stdout


def test_csv_is_utf_8_with_numbers_as_numbers(cli, ledger):
    usual(ledger)
    text = cli("report", "--by", "tag", "--csv", **PRICE).stdout
    assert text.startswith("\ufeff")
    rows = {row["tag"]: row for row in read_csv(text)}
    assert set(rows) == {"client=acme", "client=bolt", ""}
    assert (rows["client=bolt"]["credits"], rows["client=bolt"]["money EUR"]) == (40.0, 0.4)


def test_csv_of_the_unusable_jobs_is_ready_for_a_refund_request(cli, ledger, tmp_path):
    usual(ledger)
    done = cli("report", "--unusable", "--csv", "--out", "refunds.csv")
    assert done.stdout.strip() == "refunds.csv"
    raw = (tmp_path / "refunds.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 3
    assert [(row["job_id"], row["reason"], row["tags"]) for row in read_csv(raw.decode("utf-8-sig"))] == [
        ("still", "not_moving", "client=bolt"),
        ("bad", "failed", "client=bolt"),
    ]


def test_no_cell_of_csv_is_a_formula(tmp_path):
    print_csv([["name", "number"], *([text, -1.5] for text in FORMULAS + TEXTS)], tmp_path / "it.csv")
    rows = read_csv((tmp_path / "it.csv").read_bytes().decode("utf-8-sig"))
    assert [row["name"] for row in rows] == [f"'{text}" for text in FORMULAS] + TEXTS
    assert {row["number"] for row in rows} == {-1.5}


def test_a_tag_that_is_a_formula_is_text_in_csv(cli, ledger):
    put(ledger, "j", tags={"client": "=cmd|' /C calc'!A0"}, end=FAILED)
    (row,) = read_csv(cli("report", "--by", "tag:client", "--csv").stdout)
    assert row["tag:client"] == "'=cmd|' /C calc'!A0"


def test_a_period_by_dates_has_its_last_day(cli, ledger):
    now = datetime.now().astimezone()
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    for days in range(5):
        put(ledger, f"j{days}", ago=(now - noon).total_seconds() + days * 86400, end=None)
    first, last = ((noon - timedelta(days=days)).date().isoformat() for days in (3, 1))
    assert json.loads(cli("report", "--since", first, "--until", last, "--json").stdout)["total"]["jobs"] == 3
    by_day = json.loads(cli("report", "--by", "day", "--since", first, "--until", last, "--json").stdout)
    assert [one["name"] for one in by_day["groups"]][::2] == [first, last]


def test_a_period_by_span(cli, ledger):
    for hours in (1, 30, 24 * 8):
        put(ledger, f"j{hours}", ago=hours * 3600.0)
    jobs = {
        span: json.loads(cli("report", "--since", span, "--json").stdout)["total"]["jobs"]
        for span in ("2h", "7d", "2w", "2020-01-01T00:00:00Z")
    }
    assert jobs == {"2h": 1, "7d": 2, "2w": 3, "2020-01-01T00:00:00Z": 3}


@pytest.mark.parametrize(
    "words",
    [
        ["--by", "moon"],
        ["--since", "yesterday"],
        ["--until", "9999-12-31"],
        ["--since", "99999999w"],
        ["--csv", "--json"],
        ["--out", "x.csv"],
        ["--tag", "acme"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(cli, path, words):
    done = cli("report", *words)
    assert (done.returncode, done.stdout.startswith("{")) == (2, "--json" in words), done.stderr
    assert "charged" not in done.stderr


def test_only_the_jobs_of_the_profile_unless_all_are_asked_for(cli, ledger, tmp_path, monkeypatch):
    config = tmp_path / "profiles.toml"
    config.write_text('[bolt]\napi_key = "sk_bolt_0123456789"\nprice = 2\ncurrency = "EUR"\n')
    config.chmod(0o600)
    monkeypatch.setenv("LIPSYNC_CONFIG", str(config))
    put(ledger, "mine", credits=20)
    put(ledger, "theirs", credits=40, profile=Profile(name="bolt", api_key="sk_bolt_0123456789"))
    one, everyone = (json.loads(cli("report", *words, "--json").stdout)["total"] for words in ([], ["--all-profiles"]))
    assert (one["jobs"], everyone["jobs"], everyone["money"]) == (1, 2, [{"amount": 80.0, "currency": "EUR"}])
    by_profile = json.loads(cli("report", "--by", "profile", "--json").stdout)["groups"]
    assert {(one["name"], one["account"].split()[1]) for one in by_profile} == {
        ("default", ledger.profile.account.split()[1]),
        ("bolt", "https://lipsync.studio/api/v1"),
    }
    assert json.loads(cli("report", "--by", "profile", "--profile", "bolt", "--json").stdout)["total"]["jobs"] == 1


def test_jobs_shows_tags_and_verdicts_where_there_are_any(cli, ledger):
    put(ledger, "plain")
    assert "verdict" not in cli("jobs").stdout
    put(ledger, "tagged", tags={"client": "acme", "q": "4"}, verdict="out_of_sync")
    for words in (["jobs"], ["jobs", "--all"]):
        (line,) = (line for line in cli(*words).stdout.splitlines() if "tagged" in line)
        assert "out_of_sync" in line
        assert line.rstrip().endswith("client=acme, q=4")
    listed = {one["id"]: one for one in json.loads(cli("jobs", "--json").stdout)["jobs"]}
    assert (listed["plain"]["tags"], listed["plain"]["verdict"]) == ({}, None)
    assert (listed["tagged"]["tags"]["q"], listed["tagged"]["verdict"]) == ("4", "out_of_sync")


@pytest.mark.parametrize("more", [[], ["--all"]])
def test_jobs_lists_those_with_a_tag(cli, ledger, more):
    for number in range(3):
        put(ledger, f"j{number}", tags={"client": "acme" if number else "bolt", "n": str(number)})
    words = ["jobs", "--tag", "client=acme", "--json", *more]
    assert [one["id"] for one in json.loads(cli(*words).stdout)["jobs"]] == ["j1", "j2"]
    assert [one["id"] for one in json.loads(cli(*words, "--tag", "n=2").stdout)["jobs"]] == ["j2"]
