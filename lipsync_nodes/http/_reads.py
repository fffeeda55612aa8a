"""Reads of the ledger that many waits share.

What is asked for while one read runs is read together by the next one. The ledger's thread and a busy event loop
compete for the interpreter, so that one read for each wait would take milliseconds each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

Many = Callable[[list[K]], Mapping[K, V]]


class Reads(Generic[K, V]):
    """One kind of read, on one event loop.

    Args:
        many: reads many values. It is called in the ledger's thread.
        every: the seconds until a value that was not found is looked for again, also after an error. None: it is not.
        at_end: called when nothing more is asked for.

    """

    def __init__(
        self, many: Many[K, V], every: float | None = None, at_end: Callable[[], object] = lambda: None
    ) -> None:
        self._many, self._every, self._at_end = many, every, at_end
        self._asked: dict[K, _Asked[V]] = {}
        self._reading = False

    async def get(self, key: K, start: Callable[[Callable[..., Any], Any], asyncio.Future[Any]]) -> V | None:
        """Return a value; None if there is none. *start* starts work in the ledger's thread.

        Raises:
            Exception: what *many* raises for this value alone.

        """
        if (asked := self._asked.get(key)) is None:
            asked = self._asked[key] = _Asked()
        asked.waiting += 1
        if not self._reading:
            self._reading = True
            asked.reader = asyncio.create_task(self._read(start))
        try:
            found, failed = await asyncio.shield(asked.answer)
        finally:
            asked.waiting -= 1
            if not asked.waiting and self._asked.get(key) is asked:
                del self._asked[key]
        # Each of many callers gets an error of its own.
        value: V | None = (await start(self._many, [key])).get(key) if failed else found
        return value

    async def _read(self, start: Callable[[Callable[..., Any], Any], asyncio.Future[Any]]) -> None:
        try:
            while self._asked:
                asked, failed, found = dict(self._asked), False, {}
                try:
                    found = await start(self._many, list(asked))
                except Exception:  # noqa: BLE001  # raised again for each caller
                    failed = True
                for key, one in asked.items():
                    if (key in found or self._every is None) and not one.answer.done():
                        self._asked.pop(key, None)
                        one.answer.set_result((found.get(key), failed))
                if self._every is not None:
                    await asyncio.sleep(self._every)
        finally:
            self._reading = False
            self._at_end()
            for one in self._asked.values():
                one.answer.cancel()


class _Asked(Generic[V]):
    """A value that is asked for, and how many callers wait for it."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[V | None, bool]] = asyncio.get_running_loop().create_future()
        self.waiting = 0
        self.reader: asyncio.Task[None] | None = None  # the loop itself keeps no reference to a task
