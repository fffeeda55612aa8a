"""How long one check may go on: until some time, or until nobody waits for it any more."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Semaphore
from typing import Final

# The seconds between two looks at the clock while another check is waited for.
_EVERY: Final = 0.1


class OutOfTime(Exception):  # becomes a finding
    """The time for the check is over."""


class Abandoned(Exception):
    """Nobody waits for the check any more."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of one check.

    Attributes:
        ends: when it ends, by the monotonic clock.
        stop: set when nobody waits for it any more.

    """

    ends: float = math.inf
    stop: Event | None = None

    @property
    def left(self) -> float:
        """How many seconds are left. Raises `Abandoned` if nobody waits."""
        if self.stop is not None and self.stop.is_set():
            raise Abandoned
        return self.ends - time.monotonic()

    def check(self) -> None:
        """Raise `OutOfTime` or `Abandoned` if the check has to end."""
        if self.left <= 0:
            raise OutOfTime

    @contextmanager
    def holding(self, lock: Lock | Semaphore) -> Iterator[None]:
        """Hold a lock. Wait for it, but not beyond the limit."""
        while not lock.acquire(timeout=_EVERY):
            self.check()
        try:
            self.check()
            yield
        finally:
            lock.release()
