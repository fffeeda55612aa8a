"""The misbehaving service as a fixture, and the table of what the fault matrix found, printed at the end of the run."""

import pytest

from tests.faults.bad_service import BadService

ROWS = pytest.StashKey[list]()


@pytest.fixture
def service():
    with BadService() as bad:
        yield bad


@pytest.fixture
def table(request):
    """Collects rows of the fault matrix: fault, endpoint, face, POSTs, paid jobs, error, may_have_charged, ledger."""
    return request.config.stash.setdefault(ROWS, [])


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
