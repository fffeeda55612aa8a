"""The rows of the ledger, for the rules: read, added and changed within one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from lipsync_nodes.flows import Found
from lipsync_nodes.ledger._entry import KEEPS_KEY, job_kept
from lipsync_nodes.settings import Profile

# An account or a key may have several names, which are passed as one list.
IN_ACCOUNTS: Final = "account IN (SELECT value FROM json_each(?))"
IN_KEYS: Final = "key IN (SELECT value FROM json_each(?))"


class Rows:
    """The rows for one transaction of one account. *now* is in seconds since 1970."""

    def __init__(self, db: sqlite3.Connection, profile: Profile, now: float) -> None:
        self._db = db
        self._profile = profile
        self._account = profile.account
        self._accounts = listed(profile.accounts)
        self._now = now

    def _new(self, values: dict[str, Any]) -> int:
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        cursor = self._db.execute(f"INSERT INTO submission ({names}) VALUES ({marks})", values)  # noqa: S608
        return int(cursor.lastrowid or 0)

    def _found(self, row: int) -> Found | None:
        """Return the job of a row, if there is one."""
        found = self._db.execute("SELECT job, job_id FROM submission WHERE row = ?", (row,)).fetchone()
        job = job_kept(*found) if found else None
        return Found(job) if job else None

    def _revive(self, row: int, **values: Any) -> None:
        """Update a row. If another row has got its key meanwhile, this row loses the key."""
        if values["state"] != "failed":  # a failed submission does not block its key
            self._db.execute(
                "UPDATE submission SET key = NULL WHERE row = ? AND EXISTS"  # noqa: S608
                " (SELECT 1 FROM submission AS other WHERE other.account = submission.account"
                " AND other.key = submission.key AND other.row <> submission.row"
                f" AND other.{KEEPS_KEY})",
                (row,),
            )
        self._update(row, **values)

    def _update(self, row: int, **values: Any) -> None:
        setting = ", ".join(f"{name} = :{name}" for name in values)
        self._db.execute(f"UPDATE submission SET {setting} WHERE row = :row", {**values, "row": row})  # noqa: S608


def listed(names: Iterable[str]) -> str:
    """Return names in the format for `IN_ACCOUNTS` and `IN_KEYS`."""
    return json.dumps(list(names))
