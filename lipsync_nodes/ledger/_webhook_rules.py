"""The rules of the ledger for webhooks: whom to believe what, and what is written down. They go with those of `claims`.

A webhook whose token is genuine is heeded if it names the job that the token's submission has; or one that nobody has,
where the submission has none: the answer to its POST was lost, or has not come yet. Once the service has confirmed such
a job, it is the submission's, and whatever else becomes of the POST adds nothing. What else a webhook says is not
believed, and not even kept.
"""

from __future__ import annotations

from typing import Any, Final

from lipsync_nodes.flows import CheckWebhook, Event, Seen, WebhookAction, WebhookHandled, WebhookReceived
from lipsync_nodes.ledger._entry import ENDS, Entry
from lipsync_nodes.ledger._rules import IN_ACCOUNTS, Rules
from lipsync_nodes.service import Job

__all__ = [
    "WebhookRules",
]


# So long after all was done the service may still deliver a webhook once more; later, it is somebody else who calls.
REDELIVERY_SECONDS: Final = 3600.0


class WebhookRules(Rules):
    """`Rules` that webhooks are entered in, too."""

    def enter(self, event: Event) -> object:
        """Write an event down and answer it."""
        match event:
            case WebhookReceived(callback, job_id):
                return self._called(callback, job_id)
            case WebhookHandled(callback):
                self._update_called(callback, told_at=self._now)
            case CheckWebhook(row):
                return None if self._is_missing(row) else self._found(row)
            case Seen(job, str() as callback):
                self._settle(callback, job)
                return super().enter(event)
            case _:
                return super().enter(event)
        return None

    def _called(self, callback: str, job_id: str) -> WebhookAction:
        """Judge a webhook by what is known, and keep which job it names until the service has been asked."""
        entry = self._entry(callback)
        if (entry is None or entry.job_id is None) and self._belongs_elsewhere(job_id, callback):
            return WebhookAction.REFUSE
        if entry is None:
            self._adopt(callback)
        elif not self._is_ours(entry) or entry.job_id not in {None, job_id}:
            return WebhookAction.REFUSE
        elif entry.state in ENDS and entry.told_at is not None:
            return WebhookAction.IGNORE if self._now - entry.told_at < REDELIVERY_SECONDS else WebhookAction.REFUSE
        if entry is None or entry.called_id != job_id:  # a flood of the same is not written each time
            self._update_called(callback, called_id=job_id, called_at=self._now)
        return WebhookAction.POLL

    def _adopt(self, callback: str) -> None:
        """Keep a submission of ours that this ledger does not know: only we make tokens that are genuine."""
        self._new(
            {
                "account": self._account,
                "endpoint": "",
                "form": "{}",
                "state": "uncertain",
                "created_at": self._now,
                "callback": callback,
                "reason": "its webhook came, but it was not submitted from here",
            }
        )

    def _settle(self, callback: str, job: Job) -> None:
        """Give a submission without a job the one that its webhook named and the service confirmed."""
        entry = self._entry(callback)
        if entry is None or not self._is_ours(entry) or entry.job_id is not None:
            return
        if not self._belongs_elsewhere(job.id, callback):
            self._call_off(entry)
            self._made(entry.row, job, reason=None)

    def _call_off(self, entry: Entry) -> None:
        """Take the key back from a submit that was to replace this one and has not been sent: now there is no need."""
        self._db.execute(
            "UPDATE submission SET state = 'refused', ended_at = ?, reason = 'the earlier one had made its job'"  # noqa: S608
            f" WHERE {IN_ACCOUNTS} AND key = ? AND row <> ? AND state = 'waiting'",
            (self._now, self._accounts, entry.key, entry.row),
        )

    def _is_ours(self, entry: Entry) -> bool:
        return entry.account in self._profile.accounts

    def _is_missing(self, row: int) -> bool:
        """Tell whether the service last said that it does not know a submission's job."""
        found = self._db.execute("SELECT 1 FROM submission WHERE row = ? AND state = 'missing'", (row,))
        return found.fetchone() is not None

    def _entry(self, callback: str) -> Entry | None:
        """Return the submission that a token belongs to; of one that was claimed anew, the later row."""
        row = self._db.execute("SELECT * FROM submission WHERE callback = ? ORDER BY row DESC", (callback,)).fetchone()
        return Entry(*row) if row else None

    def _belongs_elsewhere(self, job_id: str, callback: str) -> bool:
        """Tell whether a job is known as that of another submission."""
        found = self._db.execute(
            "SELECT 1 FROM submission WHERE job_id = ? AND callback IS NOT ? LIMIT 1", (job_id, callback)
        )
        return found.fetchone() is not None

    def _update_called(self, callback: str, **values: Any) -> None:
        entry = self._entry(callback)
        if entry is not None:
            self._update(entry.row, **values)
