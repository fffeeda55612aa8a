"""What to send and when, as generators without sockets, clocks and sleeps.

A flow yields effects and is sent their results. The room `http` runs the effects, blocking or on an event loop:

    yield Send(…)    →  an Answer, or a NoAnswer if there was no response
    yield Sleep(s)   →  the current time, in seconds on a monotonic clock
    yield Await(j,s) →  the job j, as soon as the ledger knows that it has ended; None after s seconds
    yield Record(e)  →  the ledger's answer; see `_events`

The flow of a submission is in `_submit`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from lipsync_nodes.flows._events import Event


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request below the base URL. `paid` marks a submission, which costs money each time it arrives."""

    method: str
    path: str
    body: str | None = field(default=None, repr=False)  # JSON; the webhook's URL has a token in it
    timeout: float = 60.0
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Sleep:
    """Sleep for *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Await:
    """Sleep for *seconds*, or until the ledger knows that the job has ended, for example from a webhook."""

    job_id: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Record:
    """Record an event in the ledger before anything else happens."""

    event: Event


# No job has this id. A poll of it returns 404 with a valid API key, and 401 with an invalid one.
NO_JOB: Final = "00000000-0000-0000-0000-000000000000"
FOREVER: Final = float("inf")
# The time for the last request before a deadline: this many seconds, or this part of a short timeout.
LAST_REQUEST: Final = 3.0
LAST_PART: Final = 0.25
SHORTEST: Final = 0.001

T = TypeVar("T")
Effect = Send | Sleep | Await | Record
Flow = Generator[Effect, Any, T]


@dataclass(frozen=True, slots=True)
class Policy:
    """The timeouts and retries of a flow. Times are in seconds.

    Attributes:
        request_timeout: the longest time for one request, from its first to its last byte.
        connect_tries: how often a request is sent if the service is not reached.
        paced_tries: how often a request is sent if it is refused with a Retry-After.
        longest_pace: the longest Retry-After that is obeyed. A longer one raises `RateLimited`.
        longest_queue: the longest time that a submission waits for the profile's limits.
        first_pause: the pause after the first failed connection. It doubles each time.
        chance: returns a random number in [0, 1), which spreads requests in time.

    """

    request_timeout: float = 60.0
    connect_tries: int = 4
    paced_tries: int = 8
    longest_pace: float = 120.0
    longest_queue: float = 6 * 3600.0
    first_pause: float = 0.5
    chance: Callable[[], float] = random.random

    def backoff(self, failures: int) -> float:
        """Return the pause after a number of failures in a row."""
        return self.first_pause * 2.0 ** (failures - 1) * (1 + self.chance() / 4)

    def spread(self, interval: float) -> float:
        """Return a random pause around *interval*: 7.5 s becomes 5 to 10 s, as the service recommends."""
        return interval * (2 + 2 * self.chance()) / 3


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a call has to end, and its total time in seconds. `now` and `ends` are times on the clock of `Sleep`."""

    seconds: float = FOREVER
    ends: float = FOREVER

    def left(self, now: float) -> float:
        return max(0.0, self.ends - now)

    def room(self, now: float) -> float:
        """Return how much time is left until the last request has to be sent. Rounding errors count as no time."""
        room = self.left(now) - min(LAST_REQUEST, LAST_PART * self.seconds)
        return room if room > SHORTEST else 0.0


NO_DEADLINE: Final = Deadline()
