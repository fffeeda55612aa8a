"""What the fault matrix found, as a table at the end: gathered in the processes that test, printed by the first."""

import pytest

ROWS = pytest.StashKey[list]()


@pytest.fixture
def table(request):
    """Collects rows of the fault matrix: fault, endpoint, face, POSTs, paid jobs, error, may_have_charged, ledger."""
    return request.config.stash.setdefault(ROWS, [])


def pytest_sessionfinish(session):
    """Hand the rows of a worker process to the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["rows"] = session.config.stash.get(ROWS, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash.setdefault(ROWS, []).extend(map(tuple, node.workeroutput.get("rows", [])))


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if not rows:
        return
    head = ("fault", "POSTs", "jobs", "result", "may have charged", "ledger", "cases")
    merged = {}
    for row in rows:
        merged[row] = merged.get(row, 0) + 1
    lines = [head, *((*map(str, row), str(count)) for row, count in merged.items())]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    terminalreporter.section("fault matrix: what one submit did (3 endpoints, both faces of the client)")
    for line in lines:
        terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
