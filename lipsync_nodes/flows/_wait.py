"""The flows that poll a job: once, until it has ended, or after a submission."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple, NoReturn
from urllib.parse import quote

from lipsync_nodes import service
from lipsync_nodes.errors import ConnectionFailed, JobNotFound, LipsyncError, RateLimited, ServiceError
from lipsync_nodes.flows._effects import FOREVER, Await, Deadline, Flow, Policy, Record, Send, Sleep
from lipsync_nodes.flows._events import Gone, Seen

# How many 404s in a row are tolerated for a job that exists: some servers of the service may not know it yet.
NOT_YET_KNOWN: Final = 3
# The intervals while an end is unlikely, and from then on. 7.5 s become 10 and 6.25 s: as many polls in all, but most
# ends are seen earlier; see `tests/bench/simulation.py`.
FEWER: Final = 4 / 3
MORE: Final = 5 / 6
# An end is unlikely before the time in which one of so many jobs has ended.
ONE_OF: Final = 14
ENOUGH: Final = 20


class Took(NamedTuple):
    """How long the service worked on a job, in seconds, and on what."""

    seconds: float
    length: float | None  # of the video, in seconds, if that is known
    resolution: str | None


def quiet_seconds(history: Iterable[Took], length: float | None, resolution: str | None) -> float | None:
    """Return for how many seconds after a submission its end is unlikely; None if the history is too short."""
    alike = [took for took in history if took.resolution == resolution]
    times = [took.seconds / took.length * length for took in alike if took.length] if length else []
    times = times or [took.seconds for took in alike]
    return sorted(times)[len(times) // ONE_OF] if len(times) >= ENOUGH else None


def poll(
    job_id: str,
    policy: Policy,
    *,
    timeout: float | None = None,
    callback: str | None = None,
    own: bool = True,
    noted: bool = False,
) -> Flow[service.Job]:
    """Fetch a job once. Every failure is raised. The last three options are those of `Seen`."""
    seconds = policy.request_timeout if timeout is None else timeout
    if seconds <= 0:
        raise ConnectionFailed(code="poll.no_time", job_id=job_id, remedy="ask_again")
    reply = yield Send("GET", f"/jobs/{quote(service.check_job_id(job_id), safe='')}", timeout=seconds)
    if isinstance(reply, service.NoAnswer):
        raise ConnectionFailed(code="poll.no_answer", reason=reply.reason, job_id=job_id, remedy="ask_again")
    if not reply.ok:
        raise service.error_of(reply, job_id)
    try:
        job = service.parse_job(json.loads(reply.body), asked_for=job_id)
    except (ValueError, RecursionError) as error:
        raise ServiceError(code="poll.unreadable", reason=service.shorten(error), job_id=job_id) from None
    if callback is None and job.id != job_id:
        # Keep the id that the ledger has, even if the response spells it differently. An id from a webhook is not
        # trusted: there, the response decides.
        job = job.model_copy(update={"id": job_id})
    yield Record(Seen(job, callback, own, noted))
    return job


def wait(
    job_id: str,
    policy: Policy,
    *,
    timeout: float,
    poll_interval: float,
    ends: float = FOREVER,
    pause: float = 0.0,
    just_submitted: bool = False,
    known: bool = False,
    webhook_expected: bool = False,
    quiet: float | None = None,
) -> Flow[service.Job]:
    """Poll a job until it has ended, for at most *timeout* seconds. Temporary errors are retried until then.

    The last poll comes shortly before the deadline, so that there is time for its response.

    Args:
        job_id: the id of the job.
        policy: the timeouts and retries of each poll.
        timeout: the seconds until `JobTimeout`.
        poll_interval: the average number of seconds between two polls.
        ends: the latest end, on the clock of `Sleep`.
        pause: the seconds before the first poll.
        just_submitted: the job is new, so some servers of the service may not know it yet.
        known: the job was submitted from here, so it exists, even if a response says otherwise.
        webhook_expected: a webhook may report the end of the job before a poll does.
        quiet: the seconds during which an end is unlikely. There are fewer polls then, and more later. None: not known.

    """
    now: float = yield Sleep(0)
    deadline = Deadline(timeout, min(now + timeout, ends))
    seen: service.State | None = None
    trouble: LipsyncError | None = None
    unknown = 0
    likely = None if quiet is None else now + quiet
    # This spreads the polls of many. If later intervals varied too, the longest would be longer.
    first = 1.0 if just_submitted else policy.spread(1.0)
    while True:
        pause = min(pause, deadline.room(now))
        if webhook_expected and pause and (ended := (yield from _awaited(job_id, pause))):
            return service.video_of(ended)
        now = yield Sleep(0 if webhook_expected else pause)
        pause, first = first * _interval(poll_interval, now, likely), 1.0
        try:
            noted, left = known and seen is None, deadline.left(now)
            job = yield from poll(job_id, policy, timeout=min(policy.request_timeout, left), noted=noted)
        except JobNotFound as error:
            unknown += 1
            was_there = just_submitted or known or seen is not None
            if not was_there or unknown > NOT_YET_KNOWN:
                yield from _not_found(error, job_id, was_there)
            trouble = error
        except LipsyncError as error:
            if not error.retryable:
                raise
            trouble = error
            asked_for = error.retry_after if isinstance(error, RateLimited) else None
            pause = max(pause, min(asked_for or 0.0, policy.longest_pace))
        else:
            if job.finished:
                return service.video_of(job)
            seen, trouble, unknown = service.State(job.status, job.output, job.error), None, 0
            del job  # it takes much memory while thousands wait
        now = yield Sleep(0)
        if not deadline.room(now):
            raise service.timeout_of(job_id, timeout, seen, trouble)


def _interval(usual: float, now: float, likely: float | None) -> float:
    """Return the seconds until the next poll. Before *likely*, an end is unlikely."""
    if likely is None:
        return usual
    return usual * FEWER if now + usual * FEWER <= likely else usual * MORE


def _awaited(job_id: str, seconds: float) -> Flow[service.Job | None]:
    """Sleep, or return the job earlier if a webhook reports its end."""
    ended: service.Job | None = yield Await(job_id, seconds)
    if ended:
        yield Record(Seen(ended))
    return ended


def run(
    submitting: Flow[service.Job],
    policy: Policy,
    *,
    timeout: float,
    poll_interval: float,
    ends: float = FOREVER,
    webhook_expected: bool = False,
    quiet: float | None = None,
) -> Flow[service.Job]:
    """Submit, then wait. The arguments are those of `wait`."""
    job = yield from submitting
    if job.finished:
        # The job is from an earlier run, so its URL may have changed.
        now: float = yield Sleep(0)
        with suppress(LipsyncError):
            left = min(policy.request_timeout, ends - now)
            job = service.later(job, (yield from poll(job.id, policy, timeout=left, noted=job.status.stopped)))
    if job.finished:
        return service.video_of(job)
    pause = policy.spread(poll_interval)
    try:
        return (
            yield from wait(
                job.id,
                policy,
                timeout=timeout,
                poll_interval=poll_interval,
                ends=ends,
                pause=pause,
                just_submitted=True,
                webhook_expected=webhook_expected,
                quiet=quiet,
            )
        )
    except LipsyncError as error:
        # Whatever ended the wait, the job has been submitted.
        error.job_id, error.may_have_charged = job.id, True
        raise


def _not_found(error: JobNotFound, job_id: str, was_there: bool) -> Flow[NoReturn]:
    """Record and raise that the service does not know a job, which may nevertheless exist."""
    yield Record(Gone(job_id))
    if was_there:
        error.may_have_charged = True
        error.advise("ask_by_id")
    raise error
