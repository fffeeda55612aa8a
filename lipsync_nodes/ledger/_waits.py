"""What waits read in the ledger: for many jobs at once, because many may wait."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from lipsync_nodes.flows import Took
from lipsync_nodes.ledger._database import Database
from lipsync_nodes.ledger._entry import Entry, job_kept
from lipsync_nodes.service import Job

RECENT: Final = 100
_THESE: Final = "job_id IN (SELECT value FROM json_each(?))"
_FIELD: Final = "CASE WHEN json_valid({0}) THEN json_extract({0}, '$.{1}') END"


class WaitReads(Database):
    """The reads of waits. What is not found is not in the result."""

    def entries_of(self, job_ids: Iterable[str]) -> dict[str, Entry]:
        """Return the submissions of jobs."""
        if self._is_blank:
            return {}
        with self._transaction("DEFERRED") as db:
            rows = db.execute(f"SELECT * FROM submission WHERE {_THESE} ORDER BY row", (_listed(job_ids),))  # noqa: S608
            return {entry.job_id: entry for entry in (Entry(*row) for row in rows) if entry.job_id}

    def ended_of(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Return the jobs that have ended, except those whose URL had an API key in it, which was masked."""
        if self._is_blank:
            return {}
        with self._transaction("DEFERRED") as db:
            rows = db.execute(
                f"SELECT job, job_id FROM submission AS one WHERE {_THESE}"  # noqa: S608
                " AND state IN ('completed', 'failed', 'stopped') AND NOT EXISTS"
                " (SELECT 1 FROM submission AS later WHERE later.job_id = one.job_id AND later.row > one.row)",
                (_listed(job_ids),),
            ).fetchall()
        jobs = {job_id: job_kept(job, job_id) for job, job_id in rows}
        return {at: job for at, job in jobs.items() if job and job.finished and "***" not in (job.output or "")}

    def history(self, kinds: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Took]]:
        """Return how long the last jobs took, for each pair of an account and an endpoint."""
        if self._is_blank:
            return {kind: [] for kind in kinds}
        with self._transaction("DEFERRED") as db:
            return {kind: [Took(*row) for row in db.execute(_HISTORY, kind)] for kind in kinds}


_HISTORY: Final = (
    f"SELECT {_FIELD.format('job', 'executionTime')} / 1000.0 AS took, seconds, {_FIELD.format('form', 'resolution')}"  # noqa: S608
    " FROM submission WHERE account = ? AND endpoint = ? AND state = 'completed' AND took > 0"
    f" ORDER BY row DESC LIMIT {RECENT}"
)


def _listed(job_ids: Iterable[str]) -> str:
    return json.dumps(list(job_ids))
