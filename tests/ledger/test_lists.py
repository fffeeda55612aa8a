"""Lists of submissions: of one account, in order, some at a time."""

import pytest

from lipsync_nodes.flows import Claim, Submission
from lipsync_nodes.ledger import Ledger, _file
from lipsync_nodes.settings import Profile

FORM = {"image": "https://x/i.png", "audio": "https://x/a.mp3"}
ONE, OTHER = (Profile(api_key=f"sk_{name}_0123456789", base_url="https://x.example") for name in ("one", "other"))
OF_BOTH = Profile(base_url="https://x.example")
ELSEWHERE = Profile(api_key="sk_one_0123456789", base_url="https://y.example")


@pytest.fixture
def ledger(tmp_path):
    """Twenty submissions of two accounts by turns, and one of another server."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for number in range(20):
            ledger.record(Claim(Submission("lipsync-image", "/p", FORM, key=str(number))), (ONE, OTHER)[number % 2])
        ledger.record(Claim(Submission("lipsync-image", "/p", FORM, key="elsewhere")), ELSEWHERE)
        yield ledger


def keys(entries):
    return [entry.key for entry in entries]


def test_the_latest_of_an_account_are_listed_oldest_first(ledger):
    assert keys(ledger.latest(ONE, 3)) == ["14", "16", "18"]
    assert keys(ledger.latest(ONE, 100)) == [str(number) for number in range(0, 20, 2)]
    assert keys(ledger.latest(ELSEWHERE, 3)) == ["elsewhere"]


def test_without_an_api_key_all_accounts_of_the_server_are_listed(ledger):
    assert keys(ledger.latest(OF_BOTH, 5)) == ["15", "16", "17", "18", "19"]


@pytest.mark.parametrize("page", [1, 7, 21, 500])
def test_all_of_an_account_are_listed_page_by_page(ledger, monkeypatch, page):
    monkeypatch.setattr(_file, "PAGE", page)
    assert keys(ledger.each(ONE)) == [str(number) for number in range(0, 20, 2)]
    assert keys(ledger.each(OF_BOTH)) == [str(number) for number in range(20)]


def test_the_ledger_can_be_written_while_a_list_is_read(ledger, monkeypatch):
    monkeypatch.setattr(_file, "PAGE", 2)
    listed = ledger.each(ONE)
    next(listed)
    ledger.record(Claim(Submission("lipsync-image", "/p", FORM, key="new")), ONE)
    assert keys(listed)[-1] == "new"


def test_a_list_reads_some_rows_at_a_time(ledger, monkeypatch):
    """Of a long list, only one page is read before the first submission is there."""
    monkeypatch.setattr(_file, "PAGE", 4)
    read = []
    ledger._connection.set_trace_callback(read.append)
    next(ledger.each(ONE))
    assert sum("LIMIT 4" in statement for statement in read) == 1
