"""The driver for event loops, and the connections that all clients of a loop share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from functools import cached_property
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import httpx
from pydantic import SecretStr

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.flows import Await, Claim, Event, Flow, Send, concerns_ledger
from lipsync_nodes.http._body import Body, araw
from lipsync_nodes.http._connect import can_start_threads, check_address, client_options, made, proxy_for, tls_context
from lipsync_nodes.http._run import Run
from lipsync_nodes.http._wire import (
    CHECK_EVERY,
    INTERRUPTED,
    Bearer,
    EndedJobs,
    Recorder,
    Reply,
    Trace,
    answer_of,
    ended,
    log,
    outcome,
    request_built,
)
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

T = TypeVar("T")
F = TypeVar("F", bound=asyncio.Future[Any])

IN_FLIGHT: Final = 32
# The most events that are recorded in one transaction.
GROUP: Final = 16
KEPT_SECONDS: Final = 10.0
# How often per second all waits for webhooks together read the ledger.
MOST_CHECKS: Final = 1000.0


class AsyncTransport:
    """Runs flows on the running event loop. All transports of a loop share its connections.

    Args:
        profile: the base URL and the API key.
        http_client: the caller's `httpx.AsyncClient` (or that of httpx2). It is not closed here.

    """

    def __init__(self, profile: Profile, http_client: Any = None) -> None:
        self._profile = profile
        self._given = http_client
        self._pool: _Pool | None = None
        self._kept: set[asyncio.Future[Any]] = set()
        self._sending: dict[str, Any] = {"auth": Bearer(profile), "follow_redirects": False}

    async def drive(self, flow: Flow[T], to: Recorder, ledger: EndedJobs, tell: Callable[[Event], object]) -> T:
        """Run *flow* to its end and return its result. The arguments are those of the blocking driver."""
        self._lease()
        async with _at_work():
            # Fail before the flow claims anything.
            check_address(self._profile.base_url)
            await self._client(paid=True)
            return await _Run(self, flow, to, ledger, tell).result()

    def in_ledger(self, work: Callable[..., T], *arguments: Any, grouped: bool = False) -> asyncio.Future[T]:
        """Start work on the ledger in its own thread, one call after the other. Uploads cannot block that thread.

        *grouped* work has several threads, because a ledger writes in one transaction what several threads record.
        Shield what writes. It starts at once, so not even the end of the loop cancels it.
        """
        loop = asyncio.get_running_loop()
        if not (pool := _pool_of(loop)).users:
            self._lease()
        try:
            done = asyncio.wrap_future((pool.grouped if grouped else pool.ledger).submit(work, *arguments))
        except RuntimeError:  # the program is exiting and starts no more threads, but this must still be done
            done = loop.create_future()
            done.set_result(work(*arguments))
        return self._held(done)

    def begun(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Start a task. If it is shielded, it continues even if the caller is cancelled."""
        return self._held(asyncio.create_task(work))

    def _held(self, work: F) -> F:
        """Make `close` wait for this work."""
        self._kept.add(work)
        work.add_done_callback(self._kept.discard)
        return work

    async def _client(self, *, paid: bool) -> Any:
        return self._given or await _pool_of(asyncio.get_running_loop()).client(self._proxy, own_connection=paid)

    @cached_property
    def _proxy(self) -> SecretStr | None:
        return made(lambda: proxy_for(self._profile.base_url))

    async def _exchange(self, client: Any, send: Send) -> Reply:
        trace, body = Trace(), None

        async def heard(event: str, _info: Any) -> None:
            trace(event)

        try:
            request = request_built(client, send, self._profile, heard)
        except ConfigurationError as error:
            return error
        trace.handed_over = True
        try:
            with NoFramesBelow():
                async with (
                    asyncio.timeout(send.timeout),
                    aclosing(await client.send(request, stream=True, **self._sending)) as response,
                    aclosing(araw(response)) as chunks,
                ):
                    body = Body(answer_of(response), decoded=response.is_stream_consumed)
                    async for chunk in chunks:
                        body.add(chunk)
                        if body.full:
                            break
                    return body.answer
        except Exception as error:  # noqa: BLE001  # raised again unless it is a failure of the request
            return outcome(error, body.answer if body else None, trace)

    def _lease(self) -> None:
        """Join the pool of the running loop, which keeps its connections until this is closed."""
        pool = _pool_of(asyncio.get_running_loop())
        if pool is not self._pool:
            pool.users += 1
            self._pool = pool

    async def close(self) -> None:
        """Leave the pool. The last one to leave closes its connections.

        A running submission is waited for, for a limited time: its response may be the id of a paid job.
        """
        loop = asyncio.get_running_loop()
        self._kept -= {
            kept for kept in self._kept if kept.get_loop() is not loop
        }  # those of an ended loop never finish
        try:
            await asyncio.sleep(0)  # lets tasks that were just cancelled add their last records
            with suppress(TimeoutError):
                async with asyncio.timeout(KEPT_SECONDS):
                    while self._kept:  # work that ends may add a last record
                        await asyncio.wait(self._kept)
        finally:
            pool, self._pool = self._pool, None
            if pool is not None:
                await pool.leave()


class _Run(Run[T]):
    """One flow on the running event loop."""

    def __init__(self, transport: AsyncTransport, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._transport = transport

    async def send(self, send: Send) -> Reply:
        reply = await self._submitted(send) if send.paid else await self._polled(send)
        log(send, reply)
        return reply

    async def _polled(self, send: Send) -> Reply:
        client = await self._transport._client(paid=False)  # noqa: SLF001
        # Only polls wait in the queue. The ledger expects a submission to be sent at once.
        async with _pool_of(asyncio.get_running_loop()).in_flight:
            return await self._transport._exchange(client, send)  # noqa: SLF001

    async def _submitted(self, send: Send) -> Reply:
        client = await self._transport._client(paid=True)  # noqa: SLF001
        gone = False

        async def submit() -> Reply:
            reply: Reply = INTERRUPTED
            async with _at_work():
                try:
                    reply = await self._transport._exchange(client, send)  # noqa: SLF001
                    return reply
                finally:
                    if gone:
                        await self.conclude(reply)

        # When a loop ends, tasks that have not started never run. So this task itself records the outcome.
        sending = self._transport.begun(submit())
        try:
            return await asyncio.shield(sending)
        except BaseException:  # the caller was cancelled, or a hook of the caller's client raised
            gone = True
            if sending.done():
                await self.conclude(_came_of(sending))
            raise

    async def sleep(self, seconds: float) -> float:
        await asyncio.sleep(seconds)
        return time.monotonic()

    async def job_ended(self, effect: Await) -> Job | None:
        """Sleep until the ledger knows that the job has ended. If many wait, each reads it less often."""
        pool, ends = _pool_of(asyncio.get_running_loop()), time.monotonic() + effect.seconds
        pool.waits += 1
        try:
            while (job := await self._transport.in_ledger(ended, self._ledger, effect.job_id)) is None:
                if (left := ends - time.monotonic()) <= 0:
                    break
                await asyncio.sleep(min(left, max(CHECK_EVERY, pool.waits / MOST_CHECKS)))
        finally:
            pool.waits -= 1
        return job

    async def record(self, event: Event) -> object:
        noting = self._recording(event)
        try:
            return await asyncio.shield(noting)
        except asyncio.CancelledError:
            if isinstance(event, Claim):  # give back a claim that was granted meanwhile
                with suppress(Exception):
                    await self.conclude(await asyncio.shield(noting))
            raise

    async def record_last(self, event: Event) -> object:
        return await asyncio.shield(self._recording(event))

    def _recording(self, event: Event) -> asyncio.Future[object]:
        """Start to record an event and to report it to observers. This continues even if the caller is cancelled."""
        if concerns_ledger(event):
            noting = self._transport.in_ledger(self._to.record, event, grouped=self._to.grouped)
        else:
            noting = asyncio.get_running_loop().create_future()
            noting.set_result(None)
        return self._transport.begun(_reported(noting, event, self._to)) if self._to.observed(event) else noting


class _Pool:
    """The connections of one event loop, and the limit of its simultaneous requests."""

    def __init__(self) -> None:
        self.users = self.waits = 0
        self.in_flight = asyncio.Semaphore(IN_FLIGHT)
        self.ledger = ThreadPoolExecutor(1, "lipsync-ledger")
        self.grouped = ThreadPoolExecutor(GROUP, "lipsync-ledger")
        self._clients: dict[tuple[SecretStr | None, bool], httpx.AsyncClient] = {}

    async def client(self, proxy: SecretStr | None, *, own_connection: bool) -> httpx.AsyncClient:
        kind = (proxy, own_connection)
        if kind not in self._clients:
            made(can_start_threads)  # needed for name lookups
            if not tls_context.cache_info().currsize:
                await asyncio.to_thread(made, tls_context)  # takes 32 ms, without blocking the loop
        if kind not in self._clients:
            self._clients[kind] = made(
                lambda: httpx.AsyncClient(**client_options(proxy, own_connection=own_connection))
            )
        return self._clients[kind]

    async def leave(self) -> None:
        self.users -= 1
        if self.users == 0:
            # The next user gets a new pool. A semaphore that was awaited has a reference to its loop, and would keep it
            # alive.
            if _pools.get(loop := asyncio.get_running_loop()) is self:
                del _pools[loop]
            self.ledger.shutdown(wait=False)
            self.grouped.shutdown(wait=False)
            clients, self._clients = self._clients, {}
            for client in clients.values():
                await client.aclose()


async def _reported(noting: asyncio.Future[object], event: Event, to: Recorder) -> object:
    answer = await asyncio.shield(noting)
    try:
        await asyncio.to_thread(to.report, event)  # an observer may be slow
    except RuntimeError:  # the program is exiting and starts no more threads
        to.report(event)
    return answer


def _came_of(sending: asyncio.Future[Reply]) -> Reply:
    return INTERRUPTED if sending.cancelled() or sending.exception() else sending.result()


@asynccontextmanager
async def _at_work() -> AsyncIterator[None]:
    """Keep the connections of the running loop open during the block."""
    pool = _pool_of(asyncio.get_running_loop())
    pool.users += 1
    try:
        yield
    finally:
        await pool.leave()


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Pool] = WeakKeyDictionary()


def _pool_of(loop: asyncio.AbstractEventLoop) -> _Pool:
    if (pool := _pools.get(loop)) is None:  # each request asks, and a pool costs an executor
        pool = _pools[loop] = _Pool()
    return pool
