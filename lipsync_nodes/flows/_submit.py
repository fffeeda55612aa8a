"""The flow of a submission. All rules that keep a job from being paid for twice are here.

A submission is sent again only if it was certainly not received (`NoAnswer.sent` is False) or was refused with a pause
(429 with Retry-After). After a read timeout, a cut connection, a 3xx, any 5xx or an unreadable response, the outcome is
unknown. The flow then raises `SubmissionUncertain` and never sends a second POST.

If there is a deadline, the flow ends by then. A POST without a response by the deadline is uncertain. So no POST is
sent when little time is left; nothing is spent then, and the key and the budget are free again.

A webhook with our token can name the job of an uncertain submission, at once or later. The ledger then links it to the
submission, and the next call with the same key gets the job.
"""

from __future__ import annotations

import json
import re
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import (
    ConnectionFailed,
    JobNotFound,
    LipsyncError,
    RateLimited,
    SubmissionUncertain,
    SubmitTimeout,
)
from lipsync_nodes.flows._budget import Budget
from lipsync_nodes.flows._effects import NO_DEADLINE, Deadline, Flow, Policy, Record, Send, Sleep
from lipsync_nodes.flows._events import (
    Accepted,
    CheckWebhook,
    Claim,
    Claimed,
    Event,
    Found,
    Gone,
    Hold,
    Paused,
    Refused,
    Sending,
    Submission,
    Superseded,
    Uncertain,
)
from lipsync_nodes.flows._wait import poll
from lipsync_nodes.service import Answer, Job, NoAnswer, parse_job, retry_after, shorten, submit_error

# Shorter than a claim lasts, so that a flow that polls the job of another keeps its own claim.
SHORT_LOOK: Final = 3.0
# The shortest pause between two POSTs, even if the service asks for none.
LEAST_PAUSE: Final = 0.2
# The seconds between two checks whether a webhook has resolved an uncertain submission.
ASK_EVERY: Final = 0.5


def submit(
    submission: Submission,
    policy: Policy,
    budget: Budget | None = None,
    *,
    queue_seconds: float = 0.0,
    deadline: Deadline = NO_DEADLINE,
) -> Flow[Job]:
    """Submit once and return the job, or return the job of an earlier submission with the same key.

    If the outcome is unknown and a webhook may resolve it, wait *queue_seconds* for the webhook, but not beyond the
    deadline.
    """
    while True:
        claim = yield from _claim(submission, policy, queue_seconds, deadline)
        if isinstance(claim, Found):
            return claim.job
        with suppress(_Superseded):
            return (
                yield from _submit_as(
                    claim.row, submission, policy, budget, queue_seconds=queue_seconds, deadline=deadline
                )
            )
        # The caller's consent does not cover what another caller has submitted meanwhile.
        submission = replace(submission, resubmit_uncertain=False)


def _submit_as(
    row: int, submission: Submission, policy: Policy, budget: Budget | None, *, queue_seconds: float, deadline: Deadline
) -> Flow[Job]:
    """Send the submission as the owner of a row of the ledger, and record the outcome there."""
    try:
        with budget.holding(submission.credits) if budget else nullcontext():
            job = yield from _post(row, submission, policy, deadline)
    except SubmissionUncertain as error:
        found = yield from _note(Uncertain(row, error.message), error)
        if submission.callback is not None:
            error.remedy = ("webhook_tells" if submission.key is None else "webhook_tells_key",)
            found = found or (yield from _settled(row, queue_seconds, deadline))
        if isinstance(found, Found):
            return found.job
        raise
    except LipsyncError as error:
        yield from _note(Refused(row, error.message), error)
        raise
    try:
        yield Record(Accepted(row, job))
    except LipsyncError as error:
        error.job_id, error.may_have_charged = job.id, True
        error.retryable = False  # the next call would not know the job
        error.remedy = ("keep_job_id",)
        raise
    return job


def _note(event: Event, error: LipsyncError) -> Flow[object]:
    """Record how a submission failed. If that fails too, the first error is still the one to raise."""
    try:
        return (yield Record(event))
    except Exception as trouble:  # noqa: BLE001
        error.add_note(redact(f"The ledger could not note it: {trouble}"))
        return None


def _settled(row: int, queue_seconds: float, deadline: Deadline) -> Flow[Found | None]:
    """Wait until a webhook has named the job of an uncertain submission."""
    now: float = yield Sleep(0)
    ends = min(now + queue_seconds, deadline.ends)
    while now < ends:
        now = yield Sleep(min(ASK_EVERY, ends - now))
        with suppress(LipsyncError):  # the ledger may be readable again later
            if isinstance(found := (yield Record(CheckWebhook(row))), Found):
                return found
    return None


class _Superseded(Exception):  # never leaves this module
    """Another caller took the key while this flow waited."""

    may_have_charged = False


def _claim(submission: Submission, policy: Policy, queue_seconds: float, deadline: Deadline) -> Flow[Claimed | Found]:
    """Make sure that no one else is submitting with the same key."""
    while True:
        claim = yield Record(Claim(submission))
        if isinstance(claim, Claimed | Found):
            return claim
        if isinstance(claim, Uncertain):
            if claim.job_id is not None:
                with suppress(LipsyncError):  # the service did not know the job, but may know it again
                    return Found((yield from _glance(claim.job_id, policy, deadline, noted=True)))
            if claim.webhook_expected and (found := (yield from _settled(claim.row, queue_seconds, deadline))):
                return found
            raise _uncertain_before(claim)
        # Another caller is submitting the same right now. The caller's consent does not cover that.
        submission = replace(submission, resubmit_uncertain=False)
        now: float = yield Sleep(0)
        if not (room := deadline.room(now)):
            raise SubmitTimeout(code="submit.elsewhere", seconds=deadline.seconds, remedy="same_key_later")
        yield Sleep(min(claim.seconds, room))


def _post(row: int, submission: Submission, policy: Policy, deadline: Deadline) -> Flow[Job]:
    """Send the POST. Send it again only if the module's rules allow it and there is enough time."""
    unreached = refused = 0
    while True:
        seconds = yield from _admission(row, policy, deadline)
        if isinstance(seconds, Found):
            return seconds.job
        reply = yield Send("POST", submission.path, submission.body, seconds, paid=True)
        error: LipsyncError
        if isinstance(reply, NoAnswer):
            unreached += 1
            if reply.sent:
                raise SubmissionUncertain(code="submit.no_answer", reason=reply.reason)
            error = ConnectionFailed(code="submit.unreached", tries=unreached, reason=reply.reason)
            pause = policy.backoff(unreached) if unreached < policy.connect_tries else None
        elif reply.ok:
            return _submitted(reply)
        else:
            refused += 1
            error = submit_error(reply)
            pause = _pace(reply, policy) if refused < policy.paced_tries else None
        if pause is None or pause > deadline.room((yield Sleep(0))):
            raise error
        yield Record(Paused(row, pause))
        yield Sleep(pause)


def _pace(answer: Answer, policy: Policy) -> float | None:
    """Return the pause after which a refused submission may be sent again; None if it may not."""
    pace = retry_after(answer) if answer.refused else None
    if pace is None or pace > policy.longest_pace:
        return None
    return max(pace, LEAST_PAUSE) * (1 + policy.chance() / 10)


def _admission(row: int, policy: Policy, deadline: Deadline) -> Flow[Found | float]:
    """Wait until the profile's limits allow another submission. Return how many seconds its POST may take.

    Return the job instead if a webhook has shown meanwhile that an earlier POST was received.
    """
    waited = 0.0
    while True:
        now: float = yield Sleep(0)
        if not deadline.room(now):
            raise _too_late(deadline, queued=waited > 0)
        seconds = min(policy.request_timeout, deadline.left(now))
        hold = yield Record(Sending(row, seconds))
        if isinstance(hold, Superseded):
            raise _Superseded
        if not isinstance(hold, Hold):
            return hold or seconds
        waited += hold.seconds
        if waited > policy.longest_queue:
            raise RateLimited(code="submit.no_room", seconds=policy.longest_queue, remedy="limits")
        yield from _queue(hold, policy, deadline)


def _queue(hold: Hold, policy: Policy, deadline: Deadline) -> Flow[None]:
    """Wait for a place. Poll the job that has it, because the process that submitted that job may have ended."""
    if hold.look_at is not None:
        try:
            yield from _glance(hold.look_at, policy, deadline, own=False)
        except JobNotFound:
            yield Record(Gone(hold.look_at))
        except LipsyncError:
            pass
    now: float = yield Sleep(0)
    yield Sleep(min(hold.seconds, deadline.room(now)))


def _glance(job_id: str, policy: Policy, deadline: Deadline, *, own: bool = True, noted: bool = False) -> Flow[Job]:
    """Poll a job with a short timeout."""
    now: float = yield Sleep(0)
    return (yield from poll(job_id, policy, timeout=min(SHORT_LOOK, deadline.left(now)), own=own, noted=noted))


def _too_late(deadline: Deadline, *, queued: bool) -> SubmitTimeout:
    if queued:
        return SubmitTimeout(code="submit.no_room", seconds=deadline.seconds, remedy="limits")
    return SubmitTimeout(code="submit.no_time", seconds=deadline.seconds)


def _uncertain_before(found: Uncertain) -> SubmissionUncertain:
    when = datetime.fromtimestamp(found.since, UTC).isoformat(sep=" ", timespec="seconds")
    ways = (("ask_by_id", found.job_id), ("webhook_settles", found.webhook_expected))
    return SubmissionUncertain(
        code="submit.in_doubt_before",
        when=when,
        reason=found.reason,
        job_id=found.job_id,
        remedy=("nothing_sent_now", *(way for way, is_open in ways if is_open), "look_then_resubmit"),
    )


# The documented response begins with the id, so it can be read even if the rest was cut off.
_ID_FIRST = re.compile(rb'\s*\{\s*(?:"(?:data|job|result|response)"\s*:\s*\{\s*)*"(?:id|requestId)"\s*:\s*"([\w.:-]+)"')


def _submitted(answer: Answer) -> Job:
    try:
        return parse_job(json.loads(answer.body))
    except (ValueError, RecursionError) as error:
        if found := _ID_FIRST.match(answer.body):
            return Job(id=found[1].decode())
        raise SubmissionUncertain(
            code="submit.no_job_named", reason=shorten(error), status_code=answer.status
        ) from None
