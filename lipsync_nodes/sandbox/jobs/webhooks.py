"""Delivering webhooks: in the background, a few tries, noted on the job's row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes.sandbox.faults.rules import Faults, Rule
from lipsync_nodes.sandbox.jobs.store import JobStore, Row

if TYPE_CHECKING:
    import httpx

__all__ = ["Callbacks"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_AT_DELIVERY: Final = frozenset({"delay", "drop", "duplicate", "body"})


class Callbacks:
    """POSTs job objects to webhooks.

    Args:
        store: the jobs.
        faults: the rules in force.
        http: gives the HTTP client.
        pauses: seconds before each try.

    """

    def __init__(
        self,
        store: JobStore,
        faults: Faults,
        http: Callable[[], httpx.AsyncClient],
        pauses: tuple[float, ...] = (0, 0.5, 2),
    ) -> None:
        self._store = store
        self._faults = faults
        self._http = http
        self._pauses = pauses

    async def deliver(self, row: Row, path: str) -> None:
        """Deliver the webhook of a job that ended; *path* is the one it was submitted to."""
        rules = self._faults.draw("webhook", "POST", path, only=_AT_DELIVERY)
        await asyncio.sleep(sum(rule.seconds for rule in rules if rule.action == "delay"))
        if any(rule.action == "drop" for rule in rules):
            self._note(row, state="dropped", tries=0)
            return
        for _ in range(max([rule.times for rule in rules if rule.action == "duplicate"], default=1)):
            await self._try(row, _body(row, rules))

    async def _try(self, row: Row, body: Any) -> None:
        last = ""
        for tries, pause in enumerate(self._pauses, start=1):
            await asyncio.sleep(pause)
            delivered, last = await self._post(row.webhook or "", body)
            if delivered:
                return self._note(row, state="delivered", tries=tries, last=last)
        return self._note(row, state="failed", tries=len(self._pauses), last=last)

    async def _post(self, url: str, body: Any) -> tuple[bool, str]:
        import httpx  # noqa: PLC0415  # see inputs.new_http

        try:
            answer = await self._http().post(url, json=body, timeout=5, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return False, type(error).__name__
        return answer.is_success, str(answer.status_code)

    def _note(self, row: Row, **delivery: Any) -> None:
        _LOG.info("webhook of job %s: %s", row.id, delivery["state"], extra={"job": row.id, "webhook": delivery})
        before = (self._store.get(row.id) or row).delivery.get("deliveries", 0)
        count = before + (delivery["state"] == "delivered")
        self._store.change(row.id, delivery={**delivery, "deliveries": count})


def _body(row: Row, rules: list[Rule]) -> Any:
    forged = [rule.body for rule in rules if rule.action == "body"]
    return forged[0] if forged else row.wire(row.base)
