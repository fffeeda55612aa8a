"""The rules of the ledger for webhooks: which ones to accept, and what is recorded. They extend those of `_rules`.

A webhook with a valid token is accepted in two cases. Either it names the job of the token's submission. Or that
submission has no job, because the response to its POST was lost or has not come yet, and the webhook names a job that
belongs to no other submission. When the service has confirmed such a job, it belongs to the submission, and the outcome
of the POST no longer matters. Nothing else in a webhook is trusted or recorded.
"""

from __future__ import annotations

from typing import Final

from lipsync_nodes.flows import CheckWebhook, Event, Seen, WebhookAction, WebhookHandled, WebhookReceived
from lipsync_nodes.ledger._entry import ENDS, Entry
from lipsync_nodes.ledger._rows import IN_ACCOUNTS
from lipsync_nodes.ledger._rules import Rules
from lipsync_nodes.service import Job

# For this long after it was handled, the service may deliver a webhook again. Later ones are refused.
REDELIVERY_SECONDS: Final = 3600.0


class WebhookRules(Rules):
    """`Rules`, extended by the events of webhooks."""

    def _enter_webhook(self, event: Event) -> object:
        """Record an event of a webhook and return the answer."""
        match event:
            case WebhookReceived(callback, job_id):
                return self._received(callback, job_id)
            case WebhookHandled(callback):
                self._db.execute("UPDATE submission SET handled_at = ? WHERE callback = ?", (self._now, callback))
            case CheckWebhook(row) if not self._entry("row = ? AND state = 'missing'", row):
                return self._found(row)
            case Seen(job, str() as callback):
                self._settle(callback, job)
                self._seen(job)
        return None

    def _received(self, callback: str, job_id: str) -> WebhookAction:
        """Accept or refuse a webhook, and record which job it names until the service has confirmed it."""
        entry = self._entry("callback = ?", callback)
        if (entry is None or entry.job_id is None) and self._belongs_elsewhere(job_id, callback):
            return WebhookAction.REFUSE
        if entry is None:
            row = self._adopt(callback)
        elif entry.account not in self._profile.accounts or entry.job_id not in {None, job_id}:
            return WebhookAction.REFUSE
        elif entry.state in ENDS and entry.handled_at is not None:
            return WebhookAction.IGNORE if self._now - entry.handled_at < REDELIVERY_SECONDS else WebhookAction.REFUSE
        elif self._is_repetition(entry, job_id):
            return WebhookAction.POLL
        else:
            row = entry.row
        self._update(row, webhook_job_id=job_id, webhook_at=self._now, handled_at=None)
        return WebhookAction.POLL

    def _is_repetition(self, entry: Entry, job_id: str) -> bool:
        """Return whether a webhook is pending already, so that it need not be written again."""
        recent = entry.webhook_at is not None and self._now - entry.webhook_at < REDELIVERY_SECONDS
        return entry.webhook_job_id == job_id and entry.handled_at is None and recent

    def _adopt(self, callback: str) -> int:
        """Record a submission that this ledger does not know. It is ours, because its token is valid."""
        return self._new(
            {
                "account": self._account,
                "profile": self._profile.name,
                "endpoint": "",
                "form": "{}",
                "state": "uncertain",
                "created_at": self._now,
                "callback": callback,
                "reason": "its webhook came, but it was not submitted from here",
            }
        )

    def _settle(self, callback: str, job: Job) -> None:
        """Give a submission without a job the job that its webhook named and the service confirmed."""
        entry = self._entry("callback = ?", callback)
        if entry is None or entry.job_id is not None or entry.account not in self._profile.accounts:
            return
        if not self._belongs_elsewhere(job.id, callback):
            # A submission that was to replace this one and has not been sent is no longer needed.
            self._db.execute(
                "UPDATE submission SET state = 'refused', ended_at = ?, reason = 'the earlier one had made its job'"  # noqa: S608
                f" WHERE {IN_ACCOUNTS} AND key = ? AND row <> ? AND state = 'waiting'",
                (self._now, self._accounts, entry.key, entry.row),
            )
            self._made(entry.row, job, reason=None)

    def _belongs_elsewhere(self, job_id: str, callback: str) -> bool:
        """Return whether a job belongs to another submission."""
        return self._entry("job_id = ? AND callback IS NOT ?", job_id, callback) is not None

    def _entry(self, where: str, *values: object) -> Entry | None:
        """Return the submission that meets a condition, the latest if there are several."""
        row = self._db.execute(f"SELECT * FROM submission WHERE {where} ORDER BY row DESC", values).fetchone()  # noqa: S608
        return Entry(*row) if row else None
