"""What to send and when, as pure generators: no socket, no clock, no sleep in here.

A flow yields effects and is sent what came of them; `transport` carries them out, once for sync and once for async:

    yield Send(…)    →  Answer, or NoAnswer where none came
    yield Sleep(s)   →  the time now, in seconds on a clock that never goes back
    yield Await(j,s) →  the job j as it ended, as soon as the ledger hears of it; None if s seconds passed first
    yield Record(e)  →  what the ledger answers; see `events`

How a submit is sent, and when again, is `submitting`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import quote

from lipsync_nodes.answers import NoAnswer, error_of, shorten
from lipsync_nodes.arguments import check_job_id
from lipsync_nodes.contract import Job, parse_job
from lipsync_nodes.endings import later, timeout_of, video_of
from lipsync_nodes.errors import (
    ConnectionFailed,
    JobNotFound,
    LipsyncError,
    RateLimited,
    ServiceError,
)
from lipsync_nodes.events import Event, Gone, Seen

__all__ = [
    "NO_DEADLINE",
    "NO_JOB",
    "Await",
    "Deadline",
    "Effect",
    "Flow",
    "Policy",
    "Record",
    "Send",
    "Sleep",
    "look",
    "run",
    "video_of",
    "wait",
]


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request below the base URL. `paid` marks a submit: it costs money each time that it arrives."""

    method: str
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)  # the webhook's URL has a token in it
    timeout: float = 60.0
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Await:
    """Let so many seconds pass, or as many as it takes until the ledger hears of a job's end, by a webhook say."""

    job_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """Write an event down before anything else happens."""

    event: Event


# No job has this id: asked for it, the service answers 404 to a key that works and 401 to one that does not.
NO_JOB: Final = "00000000-0000-0000-0000-000000000000"
FOREVER: Final = float("inf")
# The last request before a deadline is given so many seconds, or this part of a short time.
LAST_REQUEST: Final = 3.0
LAST_PART: Final = 0.25
SHORTEST: Final = 0.001
# How often in a row a job that surely was made may be unknown: not every server of the service may know it yet.
NOT_YET_KNOWN: Final = 3

T = TypeVar("T")
Effect = Send | Sleep | Await | Record
Flow = Generator[Effect, Any, T]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a flow is; times in seconds.

    Attributes:
        request_timeout: the longest that one request may take from its first to its last byte.
        connect_tries: how often a request that never arrived is sent.
        paced_tries: how often a request that was refused with a pace is sent.
        longest_pace: the longest pause that the service may ask for; beyond it, `RateLimited`.
        longest_queue: how long a submit waits at most for the profile's own limits.
        first_pause: the pause after the first failed connection; it doubles each time.
        chance: gives a number in [0, 1) that spreads requests in time.

    """

    request_timeout: float = 60.0
    connect_tries: int = 4
    paced_tries: int = 8
    longest_pace: float = 120.0
    longest_queue: float = 6 * 3600.0
    first_pause: float = 0.5
    chance: Callable[[], float] = random.random

    def backoff(self, failures: int) -> float:
        """Return the pause after so many failures in a row."""
        return self.first_pause * 2.0 ** (failures - 1) * (1 + self.chance() / 4)

    def spread(self, interval: float) -> float:
        """Return a pause around *interval*: 7.5 s becomes 5 to 10 s, which is what the service advises."""
        return interval * (2 + 2 * self.chance()) / 3


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a call has to be over. Times are in seconds, `now` and `ends` on the clock of `Sleep`.

    Attributes:
        seconds: how much time the call has in all.
        ends: when it is over.

    """

    seconds: float = FOREVER
    ends: float = FOREVER

    def left(self, now: float) -> float:
        """Return how much time is left."""
        return max(0.0, self.ends - now)

    def room(self, now: float) -> float:
        """Return how much time is left until the last request has to be on its way; what rounding leaves is none."""
        room = self.left(now) - min(LAST_REQUEST, LAST_PART * self.seconds)
        return room if room > SHORTEST else 0.0


NO_DEADLINE: Final = Deadline()


def look(
    job_id: str,
    policy: Policy,
    *,
    timeout: float | None = None,
    callback: str | None = None,
    own: bool = True,
    noted: bool = False,
) -> Flow[Job]:
    """Ask for a job once; every failure is raised as what it is. The last three options are those of `Seen`."""
    seconds = policy.request_timeout if timeout is None else timeout
    if seconds <= 0:
        raise ConnectionFailed("No time was left to ask.", job_id=job_id, hint="The job goes on; ask again.")
    reply = yield Send("GET", f"/jobs/{quote(check_job_id(job_id), safe='')}", timeout=seconds)
    if isinstance(reply, NoAnswer):
        raise ConnectionFailed(f"No answer came: {reply.reason}.", job_id=job_id, hint="The job goes on; ask again.")
    if not reply.ok:
        raise error_of(reply, job_id)
    try:
        job = parse_job(json.loads(reply.body), asked_for=job_id)
    except (ValueError, RecursionError) as error:
        raise ServiceError(f"The answer cannot be read: {shorten(error)}.", job_id=job_id) from None
    if callback is None:
        # It stays what the ledger knows, however the answer spells it. Where a webhook names it, the answer decides.
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
    fresh: bool = False,
    known: bool = False,
    called_back: bool = False,
) -> Flow[Job]:
    """Look at a job until it has ended, at most for *timeout* seconds; passing errors are tolerated until then.

    The last look comes shortly before, so that there is time for its answer.

    Args:
        job_id: which job.
        policy: how patient each look is.
        timeout: seconds until `JobTimeout`.
        poll_interval: mean seconds between two looks.
        ends: when it has to be over at the latest, on the clock of `Sleep`.
        pause: seconds before the first look.
        fresh: the job was only just made, and not every server of the service may know it yet.
        known: the job was submitted from here, so it is there, whatever one answer says.
        called_back: a webhook may tell of its end before a look does.

    """
    now: float = yield Sleep(0)
    deadline = Deadline(timeout, min(now + timeout, ends))
    seen: Job | None = None
    trouble: LipsyncError | None = None
    unknown = 0
    while True:
        now, ended = yield from _pass(job_id, min(pause, deadline.room(now)), called_back=called_back)
        if ended:
            return video_of(ended)
        pause = policy.spread(poll_interval)
        try:
            noted, left = known and seen is None, deadline.left(now)
            seen = yield from look(job_id, policy, timeout=min(policy.request_timeout, left), noted=noted)
            trouble, unknown = None, 0
        except JobNotFound as error:
            unknown += 1
            was_there = fresh or known or seen is not None
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
            if seen.finished:
                return video_of(seen)
        now = yield Sleep(0)
        if not deadline.room(now):
            raise timeout_of(job_id, timeout, seen, trouble)


def _pass(job_id: str, seconds: float, *, called_back: bool) -> Flow[tuple[float, Job | None]]:
    """Let time pass, or less of it where a webhook tells of the job's end; returns the time and the ended job."""
    if called_back and seconds and (ended := (yield Await(job_id, seconds))):
        yield Record(Seen(ended))
        return 0.0, ended
    now: float = yield Sleep(0 if called_back else seconds)
    return now, None


def run(
    submitting: Flow[Job],
    policy: Policy,
    *,
    timeout: float,
    poll_interval: float,
    ends: float = FOREVER,
    called_back: bool = False,
) -> Flow[Job]:
    """Submit, then wait; the arguments are those of `wait`."""
    job = yield from submitting
    if job.finished:
        # It was made by an earlier run: its URL may be another by now.
        now: float = yield Sleep(0)
        with suppress(LipsyncError):
            left = min(policy.request_timeout, ends - now)
            job = later(job, (yield from look(job.id, policy, timeout=left, noted=job.status.stopped)))
    if job.finished:
        return video_of(job)
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
                fresh=True,
                called_back=called_back,
            )
        )
    except LipsyncError as error:
        # Whatever ended the wait, this call has submitted a job.
        error.job_id, error.may_have_charged = job.id, True
        raise


def _not_found(error: JobNotFound, job_id: str, was_there: bool) -> Flow[NoReturn]:
    """Note and raise that the service does not know a job, although it was made perhaps."""
    yield Record(Gone(job_id))
    if was_there:
        error.may_have_charged = True
        error.hint = f"`lipsync-nodes wait {job_id}` asks for it again. {error.hint}"
    raise error
