"""What the job costs: the budget, and whether the same inputs were paid for before."""

from __future__ import annotations

from collections.abc import Iterator

from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._request import CheckRequest
from lipsync_nodes.errors import BudgetExceeded
from lipsync_nodes.media import PreparedForm
from lipsync_nodes.service import Credits


def findings(form: PreparedForm, credits_: Credits | None, request: CheckRequest) -> Iterator[Finding]:
    """Yield what is known of the cost."""
    if request.paid:
        yield _paid(request.paid.job_id, by_key=request.paid.by_key)
    missing = [field.name for field in form.spec.timed if field.name not in form.assets]
    if credits_ is None and missing:
        yield Finding(
            code="cost.unknown",
            severity="info",
            basis="fact",
            remedy=("give_lengths",),
            facts={"fields": missing},
        )
    if request.budget is None or (request.paid and request.paid.by_key):
        return
    try:
        left = request.budget.check(credits_)
    except BudgetExceeded as error:
        yield Finding.of_error(error)
        return
    yield Finding(
        code="cost.within_budget", severity="info", basis="fact", facts={"credits": int(credits_ or 0), "left": left}
    )


def _paid(job_id: str | None, *, by_key: bool) -> Finding:
    if by_key:
        return Finding(code="cost.free", severity="info", basis="fact", facts={"paid_job": job_id})
    return Finding(
        code="cost.paid_before",
        severity="info",
        basis="fact",
        remedy=("use_paid_job",),
        facts={"paid_job": job_id},
    )
