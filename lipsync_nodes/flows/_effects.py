"""What to send and when, as pure generators: no socket, no clock, no sleep in here.

A flow yields effects and is sent what came of them; `transport` carries them out, once for sync and once for async:

    yield Send(…)    →  Answer, or NoAnswer where none came
    yield Sleep(s)   →  the time now, in seconds on a clock that never goes back
    yield Await(j,s) →  the job j as it ended, as soon as the ledger hears of it; None if s seconds passed first
    yield Record(e)  →  what the ledger answers; see `events`

How a submit is sent, and when again, is `submitting`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from lipsync_nodes.flows._events import Event

__all__ = [
    "FOREVER",
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
]


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request below the base URL. `paid` marks a submit: it costs money each time that it arrives."""

    method: str
    path: str
    body: str | None = field(default=None, repr=False)  # JSON; the webhook's URL has a token in it
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
