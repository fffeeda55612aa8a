"""The rules of the ledger: who may submit what and when, and what is written down. Each is part of one transaction.

    waiting ──→ submitting ──→ live ──→ completed      a row before the POST, the job id right after its answer
       ↑            │  │         ├────→ failed
       │            │  │         └────→ stopped ──→ …  cancelled, timed out …: keeps its key, and may yet end otherwise
       └────────────┘  ├──→ refused                    surely no job: may be submitted anew
                       └──→ uncertain                  perhaps a job: never sent again unless a person says so

    any without a job ──→ live ──→ …                   its webhook told of the job; see `calls`
    live ──→ missing ──→ live, or any end              the service did not know the job, and then it did

A job that was known once stays in its row, whatever the service says of it later.

A process that dies between POST and answer leaves a `submitting` row whose lease runs out: from then on it counts as
uncertain. One that dies while `waiting` has sent nothing, and loses its key to whoever asks next; should it only have
been asleep, it is told so before it sends.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from lipsync_nodes.errors import InvalidRequest, redact
from lipsync_nodes.flows import (
    Accepted,
    Claim,
    Claimed,
    Event,
    Found,
    Gone,
    Hold,
    Paused,
    Refused,
    Seen,
    Sending,
    Submission,
    Superseded,
    Uncertain,
)
from lipsync_nodes.ledger._entry import KEEPS_KEY, Entry, job_kept
from lipsync_nodes.ledger._inputs import differences, sent_inputs
from lipsync_nodes.ledger._keys import spellings
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

__all__ = [
    "NO_ANSWER",
    "Rules",
    "changed",
    "listed",
]


# How long a claim stands while nothing is sent: it is renewed with every pause.
WAITING_LEASE: Final = 5.0
LEASE_MARGIN: Final = 2.0
# A lease of somebody who waits is never longer; a pace of minutes is beyond what is obeyed.
LONGEST_WAIT: Final = 150.0
PAUSE: Final = 0.2
LOOK_EVERY: Final = 5.0
# A job that was submitted less than so long ago may not be known to every server of the service yet.
NEW_SECONDS: Final = 120.0
MINUTE: Final = 60.0
NO_ANSWER: Final = "the process that submitted it ended before an answer came"
# A live job that nobody has heard of for so long holds no place among the concurrent ones.
FORGOTTEN_SECONDS: Final = 6 * 3600.0
# One account, or one key, may have several names; all are given as one list.
IN_ACCOUNTS: Final = "account IN (SELECT value FROM json_each(?))"
IN_KEYS: Final = "key IN (SELECT value FROM json_each(?))"


class Rules:
    """The ledger's table, open for one transaction of one account at one moment.

    Args:
        db: a connection within a transaction.
        profile: whose submissions these are, and their pace.
        now: the wall clock, in seconds since 1970.

    """

    def __init__(self, db: sqlite3.Connection, profile: Profile, now: float) -> None:
        self._db = db
        self._profile = profile
        self._account = profile.account
        self._accounts = listed(profile.accounts)
        self._now = now

    def enter(self, event: Event) -> object:
        """Write an event down and answer it."""
        match event:
            case Claim(submission):
                return self._claim(submission)
            case Sending(row, lease):
                return self._sending(row, lease)
            case Paused(row, seconds):
                self._owned(row, "waiting", seconds + WAITING_LEASE)
            case Accepted(row, job):
                self._accepted(row, job)
            case Refused(row, reason):
                self._refused(row, reason)
            case Uncertain(row, reason):
                return self._unsure(row, reason)
            case Seen(job):
                self._seen(job)
            case Gone(job_id):
                self._gone(job_id)
        return None

    def _claim(self, wanted: Submission) -> Claimed | Found | Hold | Uncertain:
        found = self._holder(wanted)
        if found is None:
            return Claimed(self._insert(wanted, wanted.key))
        stands = found.state in {"waiting", "submitting"} and self._stands(found)
        if found.state == "waiting" and not stands:
            return self._take_over(found, wanted, "it was given up before it was sent")
        changed = _changed(found, wanted)
        if stands:
            return Hold(PAUSE)
        lost = found.state == "missing" or (found.state == "stopped" and wanted.resubmit_uncertain)
        if (job := found.as_job) is not None and (changed or not lost):
            return self._instead(found, wanted) if changed else Found(job)
        reason = found.reason or (f"its job ended as {job.status.value}" if job else NO_ANSWER)
        if not wanted.resubmit_uncertain:
            self._update(found.row, state="missing" if found.job_id else "uncertain", reason=reason)
            since = found.sent_at or found.created_at
            # A webhook may yet tell of its job, but that is not the job of other inputs.
            return Uncertain(found.row, reason, since, found.callback is not None and not changed, found.job_id)
        return self._take_over(found, wanted, f"{reason}; submitted anew on request")

    def _holder(self, wanted: Submission) -> Entry | None:
        """Return the submission that has the key."""
        row = self._db.execute(
            f"SELECT * FROM submission WHERE {IN_ACCOUNTS} AND {IN_KEYS} AND {KEEPS_KEY} ORDER BY row DESC",  # noqa: S608
            (self._accounts, listed(() if wanted.key is None else spellings(wanted.key))),
        ).fetchone()
        return Entry(*row) if row else None

    def _instead(self, found: Entry, wanted: Submission) -> Claimed:
        """Give the key of a job to a submission of other inputs."""
        self._update(found.row, key=None)
        return Claimed(self._insert(wanted, found.key))

    def _stands(self, found: Entry) -> bool:
        """Tell whether a claim's owner may still be at work.

        A lease that is longer than it was when it was given is none: the clock was set back. Too early an end does no
        harm: what was being submitted is uncertain then, and who merely waited is told before it sends.
        """
        until = found.lease_until or 0.0
        given = until - (found.sent_at or until) if found.state == "submitting" else LONGEST_WAIT
        return self._now < until <= self._now + given + LEASE_MARGIN

    def _take_over(self, found: Entry, wanted: Submission, reason: str) -> Claimed:
        """Give the key to a new row. The old one keeps its own story: its owner may yet be alive and tell its end."""
        kept = {"key": None} if found.job_id else {"state": "refused"}
        self._update(found.row, ended_at=self._now, reason=reason, **kept)
        return Claimed(self._insert(wanted, found.key))

    def _insert(self, wanted: Submission, key: str | None) -> int:
        values = {
            "account": self._account,
            "key": None if key is None else str(key),
            "endpoint": wanted.endpoint,
            "form": redact(wanted.form_json),
            "state": "waiting",
            "lease_until": self._now + WAITING_LEASE,
            "created_at": self._now,
            "credits": wanted.credits,
            "seconds": wanted.seconds,
            "target": wanted.target,
            "callback": wanted.callback,
            "inputs": None if wanted.inputs is None else json.dumps(wanted.inputs, ensure_ascii=False),
        }
        return self._new(values)

    def _new(self, values: dict[str, Any]) -> int:
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        cursor = self._db.execute(f"INSERT INTO submission ({names}) VALUES ({marks})", values)  # noqa: S608
        return int(cursor.lastrowid or 0)

    def _sending(self, row: int, lease: float) -> Hold | Superseded | Found | None:
        if found := self._found(row):
            return found
        hold = self._pace(row)
        if hold is not None:
            owned = self._owned(row, "waiting", hold.seconds + WAITING_LEASE)
        else:
            owned = self._owned(row, "submitting", lease + LEASE_MARGIN)
            if owned:
                self._update(row, sent_at=self._now)
        return hold if owned else Superseded()

    def _owned(self, row: int, state: str, lease: float) -> bool:
        """Renew the claim on a row; False if it ran out and the key went to somebody else."""
        renewed = self._db.execute(
            "UPDATE submission SET state = ?, lease_until = ? WHERE row = ? AND state IN ('waiting', 'submitting')",
            (state, self._now + lease, row),
        )
        return renewed.rowcount == 1

    def _pace(self, row: int) -> Hold | None:
        """Say whether this submit would be faster, or one more at a time, than the profile allows."""
        profile = self._profile
        if profile.submits_per_minute is not None:
            sent = self._db.execute(
                f"SELECT sent_at FROM submission WHERE {IN_ACCOUNTS} AND sent_at > ? AND sent_at <= ? AND row <> ?"  # noqa: S608
                " ORDER BY sent_at DESC",
                (self._accounts, self._now - MINUTE, self._now, row),
            ).fetchall()
            if len(sent) >= profile.submits_per_minute:
                return Hold(max(PAUSE, sent[profile.submits_per_minute - 1][0] + MINUTE - self._now))
        if profile.max_concurrency is not None:
            live = self._db.execute(
                f"SELECT row, job_id, looked_at FROM submission WHERE {IN_ACCOUNTS} AND row <> ?"  # noqa: S608
                " AND (state = 'live' AND coalesce(sent_at, created_at) > ?"
                " OR state = 'submitting' AND lease_until > ? AND sent_at <= ?)"
                " ORDER BY looked_at, row",
                (self._accounts, row, self._now - FORGOTTEN_SECONDS, self._now, self._now + LEASE_MARGIN),
            ).fetchall()
            if len(live) >= profile.max_concurrency:
                return Hold(PAUSE * 5, look_at=self._due_for_a_look(live))
        return None

    def _due_for_a_look(self, live: list[Any]) -> str | None:
        """Choose the live job that was not looked at for longest: one waiter looks, however many there are."""
        for row, job_id, looked_at in live:
            if job_id is not None and not self._now - LOOK_EVERY < (looked_at or 0) <= self._now:
                self._update(row, looked_at=self._now)
                return str(job_id)
        return None

    def _seen(self, job: Job) -> None:
        """Keep how a job is, also one that was missing. How it ended never changes; the URL of its video may."""
        state = _state_of(job)
        rows = self._db.execute(
            f"SELECT row, state FROM submission WHERE job_id = ? AND {IN_ACCOUNTS}"  # noqa: S608
            " AND state IN ('live', 'uncertain', 'refused', 'missing', 'stopped', ?)",
            (job.id, self._accounts, state),
        )
        for row, before in rows.fetchall():
            values = {"reason": None} if before == "missing" else {}
            ended_at = self._now if job.finished else None
            self._revive(row, state=state, job=_text(job), ended_at=ended_at, **values)

    def _gone(self, job_id: str) -> None:
        """Free the place of a job that is not merely new, but not its key: it was paid for."""
        self._db.execute(
            "UPDATE submission SET state = 'missing', reason = ?"  # noqa: S608
            f" WHERE job_id = ? AND {IN_ACCOUNTS} AND state = 'live'"
            " AND coalesce(sent_at, created_at) NOT BETWEEN ? AND ?",
            (f"the service knows no job {job_id}", job_id, self._accounts, self._now - NEW_SECONDS, self._now),
        )

    def _accepted(self, row: int, job: Job) -> None:
        """Keep the job of a submit, unless a webhook was quicker to tell of it, and perhaps of its end."""
        quicker = self._found(row)
        if quicker is None or quicker.job.id != job.id:
            values = {"reason": f"a webhook spoke of the job {quicker.job.id}"} if quicker else {}
            self._made(row, job, **values)
        self._seen(job)

    def _made(self, row: int, job: Job, **values: Any) -> None:
        # To be told of it is the first look at it.
        self._revive(row, state="live", job_id=job.id, job=_text(job), looked_at=self._now, **values)

    def _refused(self, row: int, reason: str) -> None:
        if self._found(row) is None:
            self._update(row, state="refused", ended_at=self._now, reason=redact(reason))

    def _unsure(self, row: int, reason: str) -> Found | None:
        found = self._found(row)
        if found is None:
            self._revive(row, state="uncertain", reason=redact(reason))
        return found

    def _found(self, row: int) -> Found | None:
        """Return the job of a row if there is one already."""
        found = self._db.execute("SELECT job, job_id FROM submission WHERE row = ?", (row,)).fetchone()
        job = job_kept(*found) if found else None
        return Found(job) if job else None

    def _revive(self, row: int, **values: Any) -> None:
        """Write down what became of a row; one whose key went to another row meanwhile has to do without."""
        if values["state"] != "failed":  # that one stands in nobody's way
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


def _changed(found: Entry, wanted: Submission) -> bool:
    if found.inputs is not None:
        return changed(wanted, found.endpoint, json.loads(found.inputs), found.job_id)
    return changed(wanted, found.endpoint, sent_inputs(found.endpoint, found.form), found.job_id, exact=False)


def changed(
    wanted: Submission, endpoint: str, before: dict[str, Any] | None, job_id: str | None, *, exact: bool = True
) -> bool:
    """Tell whether a submission differs from the one that has its key; raise `InvalidRequest` unless that is meant."""
    if endpoint != wanted.endpoint:
        raise InvalidRequest(
            f"The key {wanted.key!r} stands for a {endpoint} job already.", hint="Nothing was sent. Use another."
        )
    if wanted.inputs is None or not before:
        return False
    found = list(differences(before, dict(wanted.inputs), exact=exact))
    if found and not wanted.resubmit_changed:
        raise InvalidRequest(
            f"The key {wanted.key!r} stands for other inputs already: {'; '.join(found)}.",
            job_id=job_id,
            hint="Nothing was sent. Use another key, or make a new video under this one, which is paid for, with "
            "resubmit_changed=True (`--resubmit-changed`).",
        )
    return bool(found)


def listed(names: Iterable[str]) -> str:
    """Return names as `IN_ACCOUNTS` and `IN_KEYS` want them."""
    return json.dumps(list(names))


def _state_of(job: Job) -> str:
    if job.status.stopped:
        return "stopped"
    return job.status.value if job.finished else "live"


def _text(job: Job) -> str:
    return redact(job.model_dump_json(by_alias=True))
