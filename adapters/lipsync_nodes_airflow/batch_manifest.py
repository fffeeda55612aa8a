"""What is known of each job of a batch, and the manifest of all in the output folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from lipsync_nodes import Credits, LipsyncError
from lipsync_nodes.host import job_name
from lipsync_nodes_airflow.batch_lines import Item
from lipsync_nodes_airflow.storage import write

__all__ = ["Manifest", "Row"]


@dataclass
class Row:
    """What is known of one job."""

    item: Item
    job_id: str | None = None
    output: str | None = None
    saved: bool = False
    error: str | None = None
    checked: bool = False  # by this process, with a look at its media

    @property
    def status(self) -> str:
        """How far it is: not submitted, running, completed, saved or failed."""
        if self.error is not None:
            return "failed"
        if self.job_id is None:
            return "not submitted"
        return "saved" if self.saved else "completed" if self.output else "running"

    @property
    def place(self) -> str:
        """Where it is in the file of the batch, as a beginning of a message."""
        return f"line {min(self.item.lines)}: "


class Manifest:
    """The manifest. It is only an index of the records of the jobs: it saves asking for each of them.

    Args:
        path: its file.
        folder: the output folder.
        batch: which batch of which task it is. A manifest of another one is not read.
        generation: changes when the task is cleared. Failures of an earlier one are forgotten.
        rows: the jobs, by the keys of their items.
        faults: the lines that are wrong, by their numbers.

    """

    def __init__(
        self,
        path: str,
        folder: str,
        *,
        batch: Mapping[str, Any],
        generation: str,
        rows: Mapping[str, Row],
        faults: Mapping[int, LipsyncError],
    ) -> None:
        self._path, self._folder = path, folder
        self._batch, self._generation = dict(batch), generation
        self._rows, self._faults = rows, faults

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of the manifest."""
        wrong = [
            {"line": number, "status": "failed", "error": str(error.speak("airflow")), "job_id": None}
            for number, error in self._faults.items()
        ]
        return sorted(wrong + [line for row in self._rows.values() for line in self._lines_of(row)], key=_number)

    def head(self, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return what the task returns: the numbers of lines and credits, and where the manifest is."""
        return {
            "done": sum(line["status"] == "saved" for line in lines),
            "failed": sum(line["status"] == "failed" for line in lines),
            "credits": sum(int(row.item.credits or 0) for row in self._rows.values() if row.job_id),
            "manifest": self._path,
        }

    def target(self, row: Row, out: str | None) -> str:
        """Return the path of a job's video. Without a name of its own, it is named after the job."""
        return self._folder + (out or f"{job_name(str(row.job_id))}.mp4")

    def write(self) -> None:
        """Write it."""
        lines = self.lines
        of = self._batch | {"generation": self._generation}
        write(self._path, json.dumps({**self.head(lines), **of, "jobs": lines}, indent=1))

    def read(self) -> list[Row]:
        """Take over what an earlier try knew of the jobs. Return the rows that changed."""
        try:
            found = json.loads(ObjectStoragePath(self._path).read_text())
        except (FileNotFoundError, ValueError):
            return []
        if {name: found.get(name) for name in self._batch} != self._batch:
            return []
        known = ((self._rows.get(line.get("key")), line) for line in found["jobs"])
        is_same_generation = found["generation"] == self._generation
        return [_take_over(row, line) for row, line in known if row and (line["error"] is None or is_same_generation)]

    def _lines_of(self, row: Row) -> Iterator[dict[str, Any]]:
        facts: dict[str, Any] = {"status": row.status, "job_id": row.job_id, "output": row.output, "error": row.error}
        cost = row.item.credits
        facts |= {"credits": cost and int(cost), "seconds": cost and cost.seconds, "key": row.item.key}
        for number, out in row.item.lines.items():
            yield {"line": number, **facts, "path": self.target(row, out) if row.saved else None}


def _take_over(row: Row, line: Mapping[str, Any]) -> Row:
    row.job_id, row.output, row.error = line["job_id"], line["output"], line["error"]
    row.saved = line["status"] == "saved"
    if (cost := line["credits"]) is not None:
        row.item.credits = Credits(cost, seconds=line.get("seconds"))
    return row


def _number(line: dict[str, Any]) -> int:
    return int(line["line"])
