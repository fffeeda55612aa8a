"""The sandbox's clock. Jobs, webhooks and the expiry of outputs read the time here and nowhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from typing import Final, Literal

__all__ = ["LONGEST_ADVANCE", "Clock", "ClockKind", "step"]

ClockKind = Literal["real", "manual"]
LONGEST_ADVANCE: Final = 1e9
"""The most seconds that one step can advance the clock: 31 years."""


def step(seconds: float) -> float:
    """Return the seconds if the clock can be advanced by them; raise ValueError if they are negative or too many."""
    if not 0 <= seconds <= LONGEST_ADVANCE:
        raise ValueError(f"seconds must be between 0 and {LONGEST_ADVANCE:.0f}")
    return seconds


class Clock:
    """Runs with this machine's clock (`real`) or stands still (`manual`). Both can be advanced, but never set back.

    Times are seconds since 1970. For the event loop of one server; only `now` can be called from other threads.

    Args:
        kind: `real` or `manual`.
        start: where it starts if that is later than the time of this machine.

    """

    def __init__(self, kind: ClockKind = "real", start: float = 0.0) -> None:
        self.kind: Final = kind
        began = time.time()
        self._ahead = max(0.0, start - began)
        self._still = began + self._ahead
        self._sleepers: dict[asyncio.Future[None], float] = {}
        self._outside = 0
        self._stirred = asyncio.Event()
        self._lock = asyncio.Lock()
        self.advanced = 0.0
        """By how many seconds it was advanced, in all."""

    def now(self) -> float:
        """Return the time."""
        return self._still if self.kind == "manual" else time.time() + self._ahead

    def catch_up(self, moment: float) -> None:
        """Go to this moment if it is later, while nothing sleeps by this clock."""
        self._move(moment)

    @property
    def moving(self) -> bool:
        """Whether it is being advanced at this moment."""
        return self._lock.locked()

    async def sleep(self, seconds: float) -> None:
        """Wait until this many seconds have passed on this clock."""
        await self.sleep_until(self.now() + seconds)

    async def sleep_until(self, moment: float) -> None:
        """Wait until this moment on this clock."""
        wait = moment - self.now()
        if wait <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        sleeper = loop.create_future()
        timer = loop.call_later(wait, self._wake, sleeper) if self.kind == "real" else None
        self._sleepers[sleeper] = moment
        self.stir()
        try:
            await sleeper
        finally:
            self._sleepers.pop(sleeper, None)
            if timer:
                timer.cancel()

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Count the task in this context as one that waits for something outside: a receiver, or a renderer."""
        self._outside += 1
        self.stir()
        try:
            yield
        finally:
            self._outside -= 1

    def stir(self) -> None:
        """Announce that a task has ended, or waits now."""
        self._stirred.set()

    async def advance(self, seconds: float, tasks: Sized, *, outside: bool = True) -> None:
        """Advance the clock. Return once all that is due by then has happened, in the order of its time.

        Args:
            seconds: by how much.
            tasks: the tasks that work by this clock.
            outside: whether to wait for what tasks do outside, too.

        """
        async with self._lock:
            end = self.now() + seconds
            await self._settle(tasks, outside=outside)
            while due := [until for until in self._sleepers.values() if until <= end]:
                self._move(min(due))
                for sleeper in [one for one, until in self._sleepers.items() if until <= min(due)]:
                    self._wake(sleeper)
                await self._settle(tasks, outside=outside)
            self._move(end)
            self.advanced += seconds

    async def _settle(self, tasks: Sized, *, outside: bool) -> None:
        """Wait until each task has ended, or sleeps by this clock."""
        while len(tasks) > len(self._sleepers) + (0 if outside else self._outside):
            self._stirred.clear()
            await self._stirred.wait()

    def _move(self, moment: float) -> None:
        self._ahead += max(0.0, moment - self.now())
        self._still = max(self._still, moment)

    def _wake(self, sleeper: asyncio.Future[None]) -> None:
        self._sleepers.pop(sleeper, None)
        if not sleeper.done():
            sleeper.set_result(None)
