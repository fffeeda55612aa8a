"""CSV that a spreadsheet opens as it is meant."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from lipsync_nodes.cli.output import say, write

__all__ = ["print_csv"]

# A spreadsheet may read a cell that begins with one of these as a formula; see OWASP, "CSV Injection".
FORMULA: Final = frozenset("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")  # the last four are the full-width = + - @


def print_csv(rows: Iterable[Sequence[Any]], out: Path | None) -> None:
    """Print rows as CSV, or write them to a file. The mark at the beginning tells Excel that it is UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([_cell(value) for value in row] for row in rows)
    if out is not None:
        out.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
        say(out)
        return
    with suppress(AttributeError):  # it is no file
        sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]  # on Windows, it is neither
    write(text.getvalue() if sys.stdout.isatty() else f"\ufeff{text.getvalue()}")


def _cell(value: Any) -> Any:
    """Return a value of which a spreadsheet makes no formula: texts get an apostrophe, and numbers stay numbers."""
    if not isinstance(value, str):
        return "" if value is None else value
    return f"'{value}" if {value[:1], value.lstrip()[:1]} & FORMULA else value
