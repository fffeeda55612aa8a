"""What all clients of an event loop share: their connections, the limit of requests in flight, and the ledger's thread.

For each request, httpcore looks at all connections of its client. So each poll has a client with one connection to
itself, and a poll costs the same however many are in flight. With many jobs, polls go through aiohttp where it is
installed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import httpx
from pydantic import SecretStr

from lipsync_nodes._shared import Shared
from lipsync_nodes.http._connect import can_start_threads, client_options, made, tls_context
from lipsync_nodes.http._reads import Reads

if TYPE_CHECKING:
    from lipsync_nodes.http._fast import Fast

# At most this many polls are in flight, or one for so many jobs if that is more. The latter is enough for a latency of
# an eighth of the poll interval.
IN_FLIGHT: Final = 32
JOBS_FOR_ONE: Final = 8
MOST_IN_FLIGHT: Final = 256
# The part of the files that this process may open which polls may use: macOS allows 256 of them.
FILES: Final = 4
# From so many jobs on, polls go through aiohttp. Importing it takes 100 ms.
MANY: Final = 16
# If many waits start at once, one starts each so many seconds.
START_EVERY: Final = 0.0006
KEEPALIVE_SECONDS: Final = 5.0
# The most events that are recorded in one transaction.
GROUP: Final = 16
# The most forms whose files are checked and published at a time.
WORKERS: Final = 8


class Pool:
    """The connections of one event loop, and the limit of its simultaneous polls.

    Attributes:
        users: how many clients, flows and submissions need the connections. The last one closes them.
        working: how many of these are flows and submissions.
        in_flight: limits the polls.
        ledger: the thread that works on the ledger.
        grouped: the threads whose records share transactions.
        files: the threads that check and publish files.
        reads: what many waits read together, by the function that reads it.

    """

    def __init__(self) -> None:
        self.users = self.working = 0
        self.in_flight = asyncio.Semaphore(IN_FLIGHT)
        self.ledger = ThreadPoolExecutor(1, "lipsync-ledger")
        self.grouped = ThreadPoolExecutor(GROUP, "lipsync-ledger")
        self.files = ThreadPoolExecutor(WORKERS, "lipsync-files")
        self.reads: dict[Any, Reads[Any, Any]] = {}
        self._limit = IN_FLIGHT
        self._start = 0.0
        self._fast: Fast | None = None
        self._clients: dict[SecretStr | None, httpx.AsyncClient] = {}
        self._idle: dict[SecretStr | None, deque[tuple[float, httpx.AsyncClient]]] = {}

    async def client(self, proxy: SecretStr | None) -> httpx.AsyncClient:
        """Return the client for submissions, which keeps no connection for a second request."""
        if proxy not in self._clients:
            made(can_start_threads)  # needed for name lookups
            if not tls_context.cache_info().currsize:
                await asyncio.to_thread(made, tls_context)  # takes 32 ms, without blocking the loop
        if proxy not in self._clients:
            self._clients[proxy] = made(lambda: httpx.AsyncClient(**client_options(proxy)))
        return self._clients[proxy]

    @asynccontextmanager
    async def one_connection(self, proxy: SecretStr | None) -> AsyncIterator[httpx.AsyncClient]:
        """Lend the client of one poll: the one that was used last, because its connection is likely to be open."""
        idle = self._idle.setdefault(proxy, deque())
        if idle and idle[0][0] < time.monotonic() - KEEPALIVE_SECONDS:
            await idle.popleft()[1].aclose()
        client = idle.pop()[1] if idle else made(lambda: httpx.AsyncClient(**client_options(proxy, kept=1)))
        try:
            yield client
        finally:
            idle.append((time.monotonic(), client))

    def fast(self, proxy: SecretStr | None) -> Fast | None:
        """Return what sends polls through aiohttp, if there are many jobs and no proxy."""
        if self._fast is None and proxy is None and self.working >= MANY and (kind := aiohttp.start()):
            self._fast = made(kind)
        return None if proxy else self._fast

    def turn(self) -> float:
        """Return in how many seconds a wait may start: at once, unless many start at the same time."""
        now = time.monotonic()
        self._start = max(now, self._start + START_EVERY)
        return self._start - now

    def enter(self) -> None:
        """Let a flow or a submission use the connections."""
        self.users += 1
        self.working += 1
        if self.working > self._limit * JOBS_FOR_ONE and self._limit < most_in_flight():
            self._limit += 1
            self.in_flight.release()

    async def exit(self) -> None:
        """Undo `enter`."""
        self.working -= 1
        try:
            if self.working == 0 and self._fast is not None:
                fast, self._fast = self._fast, None
                await fast.close()
        finally:
            await self.leave()  # even if this is cancelled

    async def leave(self) -> None:
        """Take back one of `users`."""
        self.users -= 1
        if self.users == 0:
            # The next user gets a new pool. A semaphore that was awaited has a reference to its loop, and would keep it
            # alive.
            if _pools.get(loop := asyncio.get_running_loop()) is self:
                del _pools[loop]
            self.ledger.shutdown(wait=False)
            self.grouped.shutdown(wait=False)
            self.files.shutdown(wait=False)
            clients = [*self._clients.values(), *(client for idle in self._idle.values() for _, client in idle)]
            self._clients, self._idle = {}, {}
            for client in clients:
                await client.aclose()


def most_in_flight() -> int:
    """Return the largest number of simultaneous polls. On POSIX it depends on how many files may be open."""
    if sys.platform == "win32":
        return MOST_IN_FLIGHT
    import resource  # noqa: PLC0415  # only POSIX has it

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_IN_FLIGHT if files == resource.RLIM_INFINITY else min(MOST_IN_FLIGHT, files // FILES)


class Loader(Shared):
    """Imports what needs aiohttp in a thread. A fork waits for its end; the child could never import it otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._kind: type[Fast] | None = None

    def start(self) -> type[Fast] | None:
        """Return what sends polls, or None if it is not imported yet, or cannot be."""
        if not self._started:
            self._started = True
            if find_spec("aiohttp"):
                with suppress(RuntimeError):  # no thread can be started
                    threading.Thread(target=self._load, daemon=True).start()
        return self._kind

    def _load(self) -> None:
        with self._lock, suppress(ImportError):
            from lipsync_nodes.http._fast import Fast  # noqa: PLC0415

            self._kind = Fast


aiohttp: Final = Loader()
_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, Pool] = WeakKeyDictionary()


def pool_of(loop: asyncio.AbstractEventLoop) -> Pool:
    if (pool := _pools.get(loop)) is None:  # each request asks, and a pool costs an executor
        pool = _pools[loop] = Pool()
    return pool


@asynccontextmanager
async def at_work() -> AsyncIterator[None]:
    """Keep the connections of the running loop open during the block."""
    pool = pool_of(asyncio.get_running_loop())
    pool.enter()
    try:
        yield
    finally:
        await pool.exit()
