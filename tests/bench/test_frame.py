"""The frame of `python -m tests.bench`, without the peers' environment."""

import re
import sys

import pytest

from tests.bench import __main__ as program
from tests.bench.frame import Row, by_turns, fresh


def double(number):
    return {"doubled": 2 * number}


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row("alone", 3, target="<= 3"), False),
        (Row("alone", 4, target="<= 3"), True),
        (Row("beside", 8, "peer", 10, target=">= 0.9"), True),
        (Row("beside", 9, "peer", 10, target=">= 0.9"), False),
        (Row("the peer has no figure", 9, "peer", "it has no base URL", target="<= 1"), True),
        (Row("no target", 9, "peer", 1), False),
    ],
)
def test_a_target_is_of_the_ratio_or_of_a_figure_that_stands_alone(row, missed):
    assert row.missed is missed
    assert row.cells()[-1] == ("missed" if missed else "met" if row.target else "")


def test_measures_take_turns_and_the_least_counts():
    calls = []
    assert by_turns(lambda: calls.append("a") or 5 - len(calls), lambda: calls.append("b") or 1, times=2) == [2, 1]
    assert calls == ["a", "b", "a", "b"]


def test_a_function_is_run_in_a_new_process():
    assert fresh(double, 21, python=sys.executable) == {"doubled": 42}


def test_a_run_replaces_its_own_tables_only(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "NAMES", ["one", "other"])
    monkeypatch.setattr(program, "versions", lambda: ["peer 1.0"])
    results = tmp_path / "RESULTS.md"
    for name, ours in (("other", 1), ("one", 2), ("one", 3)):
        program.write(results, name, f"## {name}\n\n{program.table([Row('a figure', ours, unit='s')])}")
    text = results.read_text()
    assert text.index("peer 1.0") < text.index("## one") < text.index("## other")
    assert ("3 s" in text, "2 s" in text, "1 s" in text) == (True, False, True)


def test_the_results_have_tables_of_the_measures_only():
    found = re.findall(r"(?m)^## (\w+)", program.RESULTS.read_text(encoding="utf-8"))
    assert found == sorted(set(found) & set(program.NAMES))
