"""The rules of the ledger: who may submit what and when, and what is recorded. Each event is one transaction.

    waiting ──→ submitting ──→ live ──→ completed      a row before the POST, the job id right after the response
       ↑            │  │         ├────→ failed
       │            │  │         └────→ stopped ──→ …  cancelled, timed out …: keeps its key, and may still change
       └────────────┘  ├──→ refused                    certainly no job: may be submitted again
                       └──→ uncertain                  perhaps a job: never sent again unless the user asks for it

    any without a job ──→ live ──→ …                   a webhook named the job; see `_webhook_rules`
    live ──→ missing ──→ live, or any end              the service did not know the job, and later knew it again

A job that is known once stays in its row, whatever the service says about it later.

If a process dies between the POST and the response, it leaves a `submitting` row. When its lease has expired, the row
counts as uncertain. If a process dies while `waiting`, nothing was sent, and the next caller gets its key. If it was
only suspended, it learns that before it sends.
"""

from __future__ import annotations

import json
from typing import Any, Final

from lipsync_nodes import flows
from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.ledger._entry import KEEPS_KEY, Entry
from lipsync_nodes.ledger._inputs import differences, sent_inputs
from lipsync_nodes.ledger._keys import spellings
from lipsync_nodes.ledger._rows import IN_ACCOUNTS, IN_KEYS, Rows, listed
from lipsync_nodes.service import Job

# How long a claim lasts while nothing is sent. It is renewed with every pause.
WAITING_LEASE: Final = 5.0
LEASE_MARGIN: Final = 2.0
# The longest lease of a waiting row: longer pauses are not obeyed.
LONGEST_WAIT: Final = 150.0
PAUSE: Final = 0.2
LOOK_EVERY: Final = 5.0
# For this long after the submission, some servers of the service may not know the job yet.
NEW_SECONDS: Final = 120.0
MINUTE: Final = 60.0
NO_ANSWER: Final = "the process that submitted it ended before an answer came"
# A live job that is older than this does not count for `max_concurrency`.
FORGOTTEN_SECONDS: Final = 6 * 3600.0


class Rules(Rows):
    """What is recorded of each event, and what is answered. `WebhookRules` adds those of webhooks."""

    def enter(self, event: flows.Event) -> object:
        """Record an event and return the answer."""
        match event:
            case flows.Claim(submission):
                return self._claim(submission)
            case flows.Sending(row, lease):
                return self._sending(row, lease)
            case flows.Paused(row, seconds):
                self._owned(row, "waiting", seconds + WAITING_LEASE)
            case flows.Accepted(row, job):
                self._accepted(row, job)
            case flows.Refused(row, reason):
                self._refused(row, reason)
            case flows.Uncertain(row, reason):
                return self._unsure(row, reason)
            case flows.Seen(job, None):
                self._seen(job)
            case flows.Gone(job_id):
                self._gone(job_id)
            case _:
                return self._enter_webhook(event)
        return None

    def _enter_webhook(self, event: flows.Event) -> object:
        """Do the same for what concerns a webhook; those rules are not here."""
        raise NotImplementedError(event)

    def _claim(self, wanted: flows.Submission) -> flows.Claimed | flows.Found | flows.Hold | flows.Uncertain:
        found = self._holder(wanted)
        if found is None:
            return flows.Claimed(self._insert(wanted, wanted.key))
        stands = found.state in {"waiting", "submitting"} and self._stands(found)
        if found.state == "waiting" and not stands:
            return self._take_over(found, wanted, "it was given up before it was sent")
        changed = _changed(found, wanted)
        if stands:
            return flows.Hold(PAUSE)
        lost = found.state == "missing" or (found.state == "stopped" and wanted.resubmit_uncertain)
        if (job := found.as_job) is not None and (changed or not lost):
            return self._instead(found, wanted) if changed else flows.Found(job)
        reason = found.reason or (f"its job ended as {job.status.value}" if job else NO_ANSWER)
        if not wanted.resubmit_uncertain:
            self._update(found.row, state="missing" if found.job_id else "uncertain", reason=reason)
            since = found.sent_at or found.created_at
            # A webhook may still name its job, but not the job for changed inputs.
            return flows.Uncertain(found.row, reason, since, found.callback is not None and not changed, found.job_id)
        return self._take_over(found, wanted, f"{reason}; submitted anew on request")

    def _holder(self, wanted: flows.Submission) -> Entry | None:
        """Return the submission with the key."""
        if wanted.key is None:
            return None
        row = self._db.execute(
            f"SELECT * FROM submission WHERE {IN_ACCOUNTS} AND {IN_KEYS} AND {KEEPS_KEY} ORDER BY row DESC",  # noqa: S608
            (self._accounts, listed(spellings(wanted.key))),
        ).fetchone()
        return Entry(*row) if row else None

    def _instead(self, found: Entry, wanted: flows.Submission) -> flows.Claimed:
        """Give the key of a job to a submission with other inputs."""
        self._update(found.row, key=None)
        return flows.Claimed(self._insert(wanted, found.key))

    def _stands(self, found: Entry) -> bool:
        """Return whether the owner of a claim may still be running.

        If the lease is longer than when it was granted, the clock was set back, and the lease does not count. Ending it
        too early does no harm: a submission that was being sent is uncertain then, and a waiting caller learns of it
        before it sends.
        """
        until = found.lease_until or 0.0
        given = until - (found.sent_at or until) if found.state == "submitting" else LONGEST_WAIT
        return self._now < until <= self._now + given + LEASE_MARGIN

    def _take_over(self, found: Entry, wanted: flows.Submission, reason: str) -> flows.Claimed:
        """Give the key to a new row. The old row stays: its owner may still be running and report its outcome."""
        kept = {"key": None} if found.job_id else {"state": "refused"}
        self._update(found.row, ended_at=self._now, reason=reason, **kept)
        return flows.Claimed(self._insert(wanted, found.key))

    def _insert(self, wanted: flows.Submission, key: str | None) -> int:
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
            "tags": redact(json.dumps(dict(wanted.tags))) if wanted.tags else None,
            "profile": self._profile.name,
        }
        return self._new(values)

    def _sending(self, row: int, lease: float) -> flows.Hold | flows.Superseded | flows.Found | None:
        if found := self._found(row):
            return found
        hold = self._pace(row)
        if hold is not None:
            owned = self._owned(row, "waiting", hold.seconds + WAITING_LEASE)
        else:
            owned = self._owned(row, "submitting", lease + LEASE_MARGIN)
            if owned:
                self._update(row, sent_at=self._now)
        return hold if owned else flows.Superseded()

    def _owned(self, row: int, state: str, lease: float) -> bool:
        """Renew the claim on a row. False if it expired and another caller has the key."""
        renewed = self._db.execute(
            "UPDATE submission SET state = ?, lease_until = ? WHERE row = ? AND state IN ('waiting', 'submitting')",
            (state, self._now + lease, row),
        )
        return renewed.rowcount == 1

    def _pace(self, row: int) -> flows.Hold | None:
        """Return a Hold if this submission would exceed the profile's limits."""
        profile = self._profile
        if profile.submits_per_minute is not None:
            last = self._db.execute(
                f"SELECT sent_at FROM submission WHERE {IN_ACCOUNTS} AND sent_at > ? AND sent_at <= ? AND row <> ?"  # noqa: S608
                " ORDER BY sent_at DESC LIMIT 1 OFFSET ?",
                (self._accounts, self._now - MINUTE, self._now, row, profile.submits_per_minute - 1),
            ).fetchone()
            if last is not None:
                return flows.Hold(max(PAUSE, last[0] + MINUTE - self._now))
        if profile.max_concurrency is not None:
            live = self._live(row)
            if len(live) >= profile.max_concurrency:
                return flows.Hold(PAUSE * 5, look_at=self._due_for_a_look(live))
        return None

    def _live(self, row: int) -> list[Any]:
        """Return the other submissions that count for `max_concurrency`; those polled the longest ago come first."""
        others = (
            f"SELECT row, job_id, looked_at FROM submission INDEXED BY by_state WHERE {IN_ACCOUNTS} AND row <> ?"  # noqa: S608
            " AND ended_at IS NULL AND state ="
        )
        mine, now = (self._accounts, row), self._now
        live = f"{others} 'live' AND coalesce(sent_at, created_at) > ?"
        sending = f"{others} 'submitting' AND lease_until > ? AND sent_at <= ? ORDER BY looked_at, row"
        values = (*mine, now - FORGOTTEN_SECONDS, *mine, now, now + LEASE_MARGIN)
        return self._db.execute(f"{live} UNION ALL {sending}", values).fetchall()

    def _due_for_a_look(self, live: list[Any]) -> str | None:
        """Return the live job whose last poll is the longest ago. Only one waiting caller polls it at a time."""
        for row, job_id, looked_at in live:
            if job_id is not None and not self._now - LOOK_EVERY < (looked_at or 0) <= self._now:
                self._update(row, looked_at=self._now)
                return str(job_id)
        return None

    def _seen(self, job: Job) -> None:
        """Record the state of a job. The end of a job does not change any more, but the URL of its video may."""
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
        """Mark a job as missing unless it is new. It no longer counts as running. It keeps its key: it was paid for."""
        self._db.execute(
            "UPDATE submission SET state = 'missing', reason = ?"  # noqa: S608
            f" WHERE job_id = ? AND {IN_ACCOUNTS} AND state = 'live'"
            " AND coalesce(sent_at, created_at) NOT BETWEEN ? AND ?",
            (f"the service knows no job {job_id}", job_id, self._accounts, self._now - NEW_SECONDS, self._now),
        )

    def _accepted(self, row: int, job: Job) -> None:
        """Record the job of a submission, unless a webhook has already named it."""
        quicker = self._found(row)
        if quicker is None or quicker.job.id != job.id:
            values = {"reason": f"a webhook spoke of the job {quicker.job.id}"} if quicker else {}
            self._made(row, job, **values)
        self._seen(job)

    def _made(self, row: int, job: Job, **values: Any) -> None:
        # The response to the submission counts as the first poll.
        self._revive(row, state="live", job_id=job.id, job=_text(job), looked_at=self._now, **values)

    def _refused(self, row: int, reason: str) -> None:
        if self._found(row) is None:
            self._update(row, state="refused", ended_at=self._now, reason=redact(reason))

    def _unsure(self, row: int, reason: str) -> flows.Found | None:
        found = self._found(row)
        if found is None:
            self._revive(row, state="uncertain", reason=redact(reason))
        return found


def _changed(found: Entry, wanted: flows.Submission) -> bool:
    if found.inputs is not None:
        return changed(wanted, found.endpoint, json.loads(found.inputs), found.job_id)
    return changed(wanted, found.endpoint, sent_inputs(found.endpoint, found.form), found.job_id, exact=False)


def changed(
    wanted: flows.Submission, endpoint: str, before: dict[str, Any] | None, job_id: str | None, *, exact: bool = True
) -> bool:
    """Return whether a submission differs from the one with its key. Raise `InvalidRequest` if that is not allowed."""
    if endpoint != wanted.endpoint:
        raise InvalidRequest(
            code="key.of_another_endpoint", key=wanted.key, endpoint=endpoint, remedy="use_another_key"
        )
    if wanted.inputs is None or not before:
        return False
    found = list(differences(before, dict(wanted.inputs), exact=exact))
    if found and not wanted.resubmit_changed:
        raise InvalidRequest(
            code="key.of_other_inputs",
            key=wanted.key,
            changes="; ".join(found),
            job_id=job_id,
            remedy="other_key_or_resubmit",
        )
    return bool(found)


def _state_of(job: Job) -> str:
    if job.status.stopped:
        return "stopped"
    return job.status.value if job.finished else "live"


def _text(job: Job) -> str:
    return redact(job.model_dump_json(by_alias=True))
