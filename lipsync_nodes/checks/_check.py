"""The check of a form: its files, lengths, URLs and cost, then what is seen and heard. Nothing is sent to the service.

What a submission would refuse by itself is kept as an error too: a client raises the same error with a check as without
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Final

from lipsync_nodes.checks import _files, _lengths, _money, _urls
from lipsync_nodes.checks._finding import Finding, Severity, Verdict
from lipsync_nodes.checks._limit import Limit
from lipsync_nodes.checks._paid import paid_before
from lipsync_nodes.checks._request import CheckRequest
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.flows import Budget
from lipsync_nodes.ledger import Journal
from lipsync_nodes.media import GivenLengths, PreparedForm, Probe, prepared
from lipsync_nodes.service import Credits, Form
from lipsync_nodes.settings import Profile

_ORDER: Final[Mapping[Severity, int]] = {"error": 0, "warning": 1, "info": 2}


def check_form(
    form: Form | PreparedForm,
    profile: Profile,
    *,
    lengths: GivenLengths | None = None,
    allow_long: bool = False,
    fetch: bool = False,
    key: str | None = None,
    ledger: Journal | None = None,
    budget: Budget | None = None,
    limit: Limit | None = None,
) -> Verdict:
    """Check a form without submitting it. The service gets nothing, and no API key is needed.

    Args:
        form: the inputs. A draft may lack fields.
        profile: the settings of the account.
        lengths: the lengths of media in seconds, by field name. Local files are measured.
        allow_long: accept media that are longer than 600 s, the limit of the upstream.
        fetch: fetch URLs, without credentials, and look at what they lead to.
        key: the submission key. If it has a job already, submitting is free.
        ledger: the record of submissions.
        budget: what the job may cost.
        limit: how long the check may go on. Default: to its end.

    """
    form = prepared(form)
    paid = paid_before(form, profile, ledger, key)
    request = CheckRequest(
        profile,
        lengths=lengths,
        allow_long=allow_long,
        fetch=fetch,
        budget=budget,
        paid=paid,
        limit=limit or Limit(),
        complete=True,
    )
    return Check(form, request).verdict


class Check:
    """One check of a form.

    Args:
        form: the form. A draft may lack fields.
        request: what to check it for. Default: everything that needs no connection.

    Attributes:
        errors: what a submission would raise by itself, in order.

    """

    def __init__(self, form: Form | PreparedForm, request: CheckRequest | None = None) -> None:
        self.errors: list[LipsyncError] = []
        self._findings: list[Finding] = []
        self._credits: Credits | None = None
        with ExitStack() as stack:
            self._run(prepared(form), request or CheckRequest(), stack)

    @property
    def verdict(self) -> Verdict:
        """The findings, the worst first, and the cost."""
        found = self._findings
        unique = [one for number, one in enumerate(found) if one not in found[:number]]
        return Verdict(tuple(sorted(unique, key=lambda one: _ORDER[one.severity])), self._credits)

    def add(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        self._findings += findings

    def fail(self, error: LipsyncError, finding: Finding | None = None) -> None:
        """Add what a submission would raise, and what is said of it."""
        self.errors.append(error)
        self._findings.append(finding or Finding.of_error(error))

    def _run(self, given: PreparedForm, request: CheckRequest, stack: ExitStack) -> None:
        form = given
        if request.fetch and form.urls:
            from lipsync_nodes.checks import _fetched  # noqa: PLC0415  # loads the HTTP client

            form, findings = stack.enter_context(_fetched.fetched(form, request))
            self.add(findings)
        found = _files.readable(form, self)
        self.add(_files.findings(form, found))
        self._measure(form, request, found)
        self.add(_urls.url_findings(given, request, self._credits.seconds if self._credits else None))
        if found:
            from lipsync_nodes.checks import _looks  # noqa: PLC0415  # there may be only URLs

            self.add(_looks.findings(form, found, request.limit))
        if request.complete and not request.fetch:
            self.add(_urls.not_fetched(form))

    def _measure(self, form: PreparedForm, request: CheckRequest, found: Mapping[str, Probe]) -> None:
        self._credits = _lengths.cost(form, request, found, self)
        self.add(_lengths.findings(form, request, found, self._credits))
        self.add(_money.findings(form, self._credits, request))
        if request.paid and request.paid.by_key:
            self._credits = Credits(0, "", self._credits and self._credits.seconds)
