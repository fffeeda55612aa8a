"""The check of a form before it is paid for, and what a client does with the findings."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from threading import Event as Flag
from typing import TYPE_CHECKING, Any, Final, get_args

from lipsync_nodes._redaction import redact
from lipsync_nodes.checks import Check, CheckRequest, Finding, Limit, Verdict, check_form, holds, url_findings
from lipsync_nodes.errors import CheckRefused, InvalidRequest
from lipsync_nodes.ledger import Journal
from lipsync_nodes.media import GivenLengths, PreparedForm, prepared
from lipsync_nodes.service import Credits, Form, brief
from lipsync_nodes.settings import CheckMode, Profile

if TYPE_CHECKING:
    from lipsync_nodes.client._options import KeyOf, SubmitOptions
    from lipsync_nodes.flows import Budget

_log = logging.getLogger("lipsync_nodes")
_MODES: Final = get_args(CheckMode)
# The part of a timeout that the check may take. The rest is for the submission and the job.
_PART: Final = 0.5
# What an error keeps besides its facts.
_OF_ERRORS: Final = frozenset(
    {"code", "findings", "hint", "job_id", "may_have_charged", "message", "place", "remedy", "retryable", "status_code"}
)


class Checking:
    """The part of a client that checks forms."""

    profile: Profile
    _journal: Journal
    _budget: Budget | None
    _key_of: KeyOf | None

    def verdict(
        self,
        form: Form | PreparedForm,
        lengths: GivenLengths | None,
        key: str | None,
        *,
        allow_long: bool,
        fetch: bool,
        stop: Flag | None = None,
    ) -> Verdict:
        """Check a form without submitting it. This reads files and the ledger, and blocks."""
        form = prepared(form)
        if key is None and self._key_of is not None:
            key = self._key_of(form, self.profile)
        return check_form(
            form,
            self.profile,
            ledger=self._journal,
            budget=self._budget,
            key=key,
            lengths=lengths,
            allow_long=allow_long,
            fetch=fetch,
            limit=Limit(stop=stop),
        )

    def check_before(
        self,
        form: PreparedForm,
        options: SubmitOptions,
        key: str | None,
        timeout: float | None,
        stop: Flag | None = None,
    ) -> Credits | None:
        """Check a form before it is submitted, unless its key has a job already. Return the cost if it was measured.

        With a *timeout*, the check ends after a part of it. It also ends when *stop* is set.

        Raises:
            CheckRefused: a finding is refused in this mode.
            InvalidRequest: what the submission would refuse by itself.

        """
        mode = options.get("check") or self.profile.check
        if mode not in _MODES:
            raise InvalidRequest(
                code="check.no_such_mode", value=brief(mode), known=", ".join(_MODES), remedy="nothing_sent"
            )
        looks = bool(form.assets) or options.get("fetch", False)
        if mode == "off" or (looks and self._holds(options, key)):
            return None
        request = CheckRequest(
            self.profile,
            estimate=options.get("estimate"),
            allow_long=options.get("allow_long", False),
            fetch=options.get("fetch", False),
            timeout=timeout,
            limit=Limit(math.inf if timeout is None else time.monotonic() + timeout * _PART, stop),
        )
        if looks or options.get("on_check"):
            check = Check(form, request)
            verdict, errors = check.verdict, check.errors
        else:  # nobody asks for more than what is wrong with the URLs
            seconds = getattr(request.estimate, "seconds", None)
            verdict, errors = Verdict(tuple(url_findings(form, request, seconds))), []
        # URLs alone are checked in no time, so the record of submissions is read only if something was found.
        if not looks and (verdict.problems or options.get("on_check")) and self._holds(options, key):
            return None
        _tell(verdict, options)
        if errors:
            raise errors[0]
        if refused := verdict.refused_by(mode):
            raise refusal(refused)
        return verdict.credits if looks else None

    def _holds(self, options: SubmitOptions, key: str | None) -> bool:
        """Return whether nothing new will be paid for. What is submitted anew on request is checked."""
        if key is None or options.get("resubmit_changed") or options.get("resubmit_uncertain"):
            return False
        return holds(self._journal, key, self.profile)


def _tell(verdict: Verdict, options: Mapping[str, Any]) -> None:
    on_check = options.get("on_check")
    if on_check is not None:
        on_check(verdict)
        return
    for one in verdict.problems:
        _log.warning("%s", redact(one.line()))


def refusal(refused: tuple[Finding, ...]) -> CheckRefused:
    """Return the error for the findings for which a submission is refused."""
    first = refused[0]
    facts = {name: value for name, value in first.facts.items() if name not in _OF_ERRORS}
    findings = [_plain(one) for one in refused]
    remedies = tuple(dict.fromkeys(name for one in refused for name in one.remedy))
    return CheckRefused(code="check.refused", remedy=(*remedies, "refused_check"), findings=findings, **facts)


def _plain(one: Finding) -> dict[str, Any]:
    """Return a finding as a fact of an error, which is shown as its sentence."""
    place = {"place": f"`{one.field}`"} if one.field else {}
    known = {"code": one.code, "severity": one.severity, "basis": one.basis, "field": one.field}
    return {**one.facts, **place, **known}
