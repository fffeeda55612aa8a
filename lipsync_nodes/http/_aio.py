"""The driver for event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from contextvars import copy_context
from functools import cached_property, partial
from importlib import import_module
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.flows import FOREVER, LAST_PART, Await, Claim, Event, Flow, Send, concerns_ledger
from lipsync_nodes.http._body import Body, araw
from lipsync_nodes.http._connect import check_address, made, proxy_for
from lipsync_nodes.http._pool import Pool, at_work, pool_of
from lipsync_nodes.http._reads import K, Many, Reads, V
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
    log,
    outcome,
    request_built,
)
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

T = TypeVar("T")
F = TypeVar("F", bound=asyncio.Future[Any])

KEPT_SECONDS: Final = 10.0


class AsyncTransport:
    """Runs flows on the running event loop. All transports of a loop share its connections.

    *http_client* is the caller's `httpx.AsyncClient` (or that of httpx2). It is not closed here.
    """

    def __init__(self, profile: Profile, http_client: Any = None) -> None:
        self._profile = profile
        self._given = http_client
        self._pool: Pool | None = None
        self._kept: set[asyncio.Future[Any]] = set()
        self._sending: dict[str, Any] = {"auth": Bearer(profile), "follow_redirects": False}
        # Otherwise httpcore imports it at the first submission, which blocks the loop. In a process that is forked
        # meanwhile, that submission would hang.
        with suppress(ImportError):
            import_module("anyio._backends._asyncio")

    def drive(
        self, flow: Flow[T], to: Recorder, ledger: EndedJobs, tell: Callable[[Event], object] | None = None
    ) -> Coroutine[Any, Any, T]:
        """Run *flow* to its end and return its result. The arguments are those of the blocking driver."""
        return _Run(self, flow, to, ledger, tell).result()

    async def turn(self, timeout: float | None) -> None:
        """Sleep if many waits start at once, so that they neither block the loop nor poll all together."""
        part = FOREVER if timeout is None else timeout * LAST_PART
        if seconds := min(self._lease().turn(), part):
            await asyncio.sleep(seconds)

    def in_ledger(self, work: Callable[..., T], *arguments: Any, grouped: bool = False) -> asyncio.Future[T]:
        """Start work on the ledger in its own thread, one call after the other. Uploads cannot block that thread.

        *grouped* work has several threads, because a ledger writes in one transaction what several threads record.
        Shield what writes. It starts at once, so not even the end of the loop cancels it.
        """
        loop = asyncio.get_running_loop()
        if not (pool := pool_of(loop)).users:
            self._lease()
        try:
            done = asyncio.wrap_future((pool.grouped if grouped else pool.ledger).submit(work, *arguments))
        except RuntimeError:  # the program is exiting and starts no more threads, but this must still be done
            done = loop.create_future()
            done.set_result(work(*arguments))
        return self._held(done)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run work on files in a thread. It may take minutes, and everything else needs the loop's own threads."""
        loop = asyncio.get_running_loop()
        if not (pool := pool_of(loop)).users:
            self._lease()
        return await loop.run_in_executor(pool.files, partial(copy_context().run, work))

    async def read(self, many: Many[K, V], key: K, *, every: float | None = None) -> V | None:
        """Read from the ledger, together with others; see `Reads`."""
        reads = self._lease().reads
        if (shared := reads.get(many)) is None:
            # It must not keep the ledger of a client that is gone.
            shared = reads[many] = Reads(many, every, partial(reads.pop, many, None))
        value: V | None = await shared.get(key, self.in_ledger)
        return value

    def begun(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        """Start a task. If it is shielded, it continues even if the caller is cancelled."""
        return self._held(asyncio.create_task(work))

    def _held(self, work: F) -> F:
        """Make `close` wait for this work."""
        self._kept.add(work)
        work.add_done_callback(self._kept.discard)
        return work

    async def _client(self) -> Any:
        return self._given or await pool_of(asyncio.get_running_loop()).client(self._proxy)

    async def poll(self, send: Send) -> Reply:
        """Send a request that costs nothing. It waits for its turn.

        Only polls wait. The ledger expects a submission to be sent at once.
        """
        pool = pool_of(asyncio.get_running_loop())
        async with pool.in_flight:
            if self._given is not None:
                return await self._exchange(self._given, send)
            if fast := pool.fast(self._proxy):
                return await fast.exchange(send, self._profile)
            async with pool.one_connection(self._proxy) as client:
                return await self._exchange(client, send)

    @cached_property
    def _proxy(self) -> SecretStr | None:
        return made(lambda: proxy_for(self._profile.base_url))

    async def _exchange(self, client: Any, send: Send) -> Reply:
        trace, body = Trace(), None

        async def heard(event: str, _info: Any) -> None:
            trace(event)

        # Whether one of our polls was sent does not matter, and each event costs a call.
        traced = send.paid or self._given is not None
        try:
            request = request_built(client, send, self._profile, heard if traced else None)
        except ConfigurationError as error:
            return error
        trace.handed_over = traced
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

    def _lease(self) -> Pool:
        """Join the pool of the running loop, which keeps its connections until this is closed."""
        pool = pool_of(asyncio.get_running_loop())
        if pool is not self._pool:
            pool.users += 1
            self._pool = pool
        return pool

    async def close(self) -> None:
        """Leave the pool. The last one to leave closes its connections.

        A running submission is waited for, for a limited time: its response may be the id of a paid job.
        """
        loop = asyncio.get_running_loop()
        # Those of an ended loop never finish.
        self._kept &= {kept for kept in self._kept if kept.get_loop() is loop}
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

    __slots__ = ("_pool", "_transport")

    def __init__(self, transport: AsyncTransport, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._transport = transport
        self._pool: Pool | None = None

    async def begin(self) -> None:
        self._pool = self._transport._lease()  # noqa: SLF001
        self._pool.enter()
        check_address(self._transport._profile.base_url)  # noqa: SLF001
        await self._transport._client()  # noqa: SLF001

    async def end(self) -> None:
        if self._pool:
            await self._pool.exit()

    async def send(self, send: Send) -> Reply:
        reply = await self._submitted(send) if send.paid else await self._transport.poll(send)
        log(send, reply)
        return reply

    async def _submitted(self, send: Send) -> Reply:
        client = await self._transport._client()  # noqa: SLF001
        gone = False

        async def submit() -> Reply:
            reply: Reply = INTERRUPTED
            async with at_work():
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
                failed = sending.cancelled() or sending.exception()
                await self.conclude(INTERRUPTED if failed else sending.result())
            raise

    def sleep(self, seconds: float) -> Awaitable[object]:
        return asyncio.sleep(seconds) if seconds > 0 else nothing()

    async def job_ended(self, effect: Await) -> Job | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(effect.seconds):
                return await self._transport.read(self._ledger.ended_of, effect.job_id, every=CHECK_EVERY)
        return None

    async def record(self, event: Event) -> object:
        if not concerns_ledger(event) and not self._to.observed(event):
            return None
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


async def nothing() -> None:
    """Return without giving up the turn on the event loop."""


async def _reported(noting: asyncio.Future[object], event: Event, to: Recorder) -> object:
    answer = await asyncio.shield(noting)
    try:
        await asyncio.to_thread(to.report, event)  # an observer may be slow
    except RuntimeError:  # the program is exiting and starts no more threads
        to.report(event)
    return answer
