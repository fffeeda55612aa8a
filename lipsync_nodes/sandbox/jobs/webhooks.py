"""Sends webhooks: a few tries, with the result stored in the job."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes.sandbox.faults.rules import Faults, Rule
from lipsync_nodes.sandbox.jobs.clock import Clock
from lipsync_nodes.sandbox.jobs.store import JobStore, StoredJob

if TYPE_CHECKING:
    import httpx

__all__ = ["WebhookSender"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_AT_DELIVERY: Final = frozenset({"delay", "drop", "duplicate", "body"})


class WebhookSender:
    """POSTs job objects to callback URLs.

    Args:
        store: the jobs.
        faults: the fault rules.
        http: returns the HTTP client.
        clock: the sandbox's clock.
        pauses: seconds before each try.

    """

    def __init__(
        self,
        store: JobStore,
        faults: Faults,
        http: Callable[[], httpx.AsyncClient],
        clock: Clock,
        pauses: tuple[float, ...] = (0, 0.5, 2),
    ) -> None:
        self._store = store
        self._faults = faults
        self._http = http
        self._clock = clock
        self._pauses = pauses

    async def deliver(self, job: StoredJob) -> None:
        """Deliver the webhook of a job that has ended."""
        rules = self._faults.strike("webhook", "POST", job.path, only=_AT_DELIVERY)
        await self._clock.sleep(sum(rule.seconds for rule in rules if rule.action == "delay"))
        if any(rule.action == "drop" for rule in rules):
            self._note(job, state="dropped", tries=0)
            return
        for _ in range(max([rule.times for rule in rules if rule.action == "duplicate"], default=1)):
            await self._try(job, self._body(job, rules))

    async def _try(self, job: StoredJob, body: Any) -> None:
        result = ""
        for tries, pause in enumerate(self._pauses, start=1):
            await self._clock.sleep(pause)
            with self._clock.outside():
                delivered, result = await self._post(job.webhook or "", body)
            if delivered:
                return self._note(job, state="delivered", tries=tries, last=result)
        return self._note(job, state="failed", tries=len(self._pauses), last=result)

    async def _post(self, url: str, body: Any) -> tuple[bool, str]:
        import httpx  # noqa: PLC0415  # see media.new_http

        try:
            answer = await self._http().post(url, json=body, timeout=5, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return False, type(error).__name__
        return answer.is_success, str(answer.status_code)

    def _note(self, job: StoredJob, **delivery: Any) -> None:
        _LOG.info("webhook of job %s: %s", job.id, delivery["state"], extra={"job": job.id, "webhook": delivery})
        earlier = (self._store.get(job.id) or job).delivery.get("deliveries", 0)
        count = earlier + (delivery["state"] == "delivered")
        self._store.change(job.id, delivery={**delivery, "deliveries": count})

    def _body(self, job: StoredJob, rules: list[Rule]) -> Any:
        bodies = [rule.body for rule in rules if rule.action == "body"]
        return bodies[0] if bodies else job.api_object(job.base, self._clock.now())
