"""The driver for blocking code."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final, Self, TypeVar

import httpx

from lipsync_nodes._shared import Shared
from lipsync_nodes._tracebacks import NoFramesBelow, interrupt_first
from lipsync_nodes.errors import ConfigurationError, LipsyncError
from lipsync_nodes.flows import Accepted, Await, Claim, Event, Flow, Refused, Send, Sending, Uncertain, concerns_ledger
from lipsync_nodes.http._body import Body, raw
from lipsync_nodes.http._connect import can_start_threads, check_address, client_options, made, proxy_for
from lipsync_nodes.http._run import Run, finished
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

UNKNOWN: Final = "A submit was on its way; whether it made a job is unknown. It will not be sent again by itself."


class Interrupted(Exception):  # not an error, but what the caller asked for
    """A wait was stopped from another thread. Its job continues."""


class Transport(Shared):
    """Runs flows in the caller's thread. Thread-safe.

    *http_client* is the caller's `httpx.Client` (or that of httpx2). It is not closed here.
    """

    def __init__(self, profile: Profile, http_client: Any = None) -> None:
        super().__init__(threading.RLock)
        self._profile = profile
        self._given = http_client
        self._own: httpx.Client | None = None
        self._on_their_way = 0
        self._closing = False
        self._sending: dict[str, Any] = {"auth": Bearer(profile), "follow_redirects": False}

    def _renew(self) -> None:
        """Leave the connections and the running requests to the parent process."""
        super()._renew()
        self._own, self._on_their_way, self._closing = None, 0, False

    def drive(
        self,
        flow: Flow[T],
        to: Recorder,
        ledger: EndedJobs,
        *,
        tell: Callable[[Event], object] | None = None,
        stop: threading.Event | None = None,
    ) -> T:
        """Run *flow* to its end and return its result.

        Args:
            flow: the flow.
            to: records events and reports them.
            ledger: the ledger in which the flow awaits the end of jobs.
            tell: passes a recorded event to the caller. What it raises is raised to the caller.
            stop: when it is set, `Interrupted` is raised: nothing more is submitted, and waits end.

        """
        # Fail before the flow claims anything.
        check_address(self._profile.base_url)
        made(can_start_threads)
        self._client()
        return finished(_Run(self, stop, flow, to, ledger, tell).result())

    def _send(self, send: Send) -> Reply:
        trace, body = Trace(), None
        ends = time.monotonic() + send.timeout
        try:
            with NoFramesBelow(), self._in_use() as client, Watchdog(send.timeout, trace) as watchdog:
                try:
                    request = request_built(client, send, self._profile, watchdog.trace)
                except ConfigurationError as error:
                    return error
                # Over HTTP/1.1, such a connection is never idle. An idle one may be closed by httpcore while another
                # thread sends a submission on it; whether that was received is unknown then (encode/httpcore#1110).
                request.headers["Connection"] = "close"
                trace.handed_over = True
                with closing(client.send(request, stream=True, **self._sending)) as response:
                    body = Body(answer_of(response), decoded=response.is_stream_consumed)
                    for chunk in raw(response):
                        body.add(chunk)
                        if body.full or time.monotonic() > ends:
                            break
                    return body.answer
        except Exception as error:  # noqa: BLE001  # raised again unless it is a failure of the request
            return outcome(error, body.answer if body else None, trace)

    def _client(self) -> Any:
        if self._given is not None:
            return self._given
        with self._lock:
            if self._own is None:
                self._own = made(lambda: httpx.Client(**client_options(proxy_for(self._profile.base_url))))
                self._closing = False
            return self._own

    @contextmanager
    def _in_use(self) -> Iterator[Any]:
        """Provide the client for one request, during which it is not closed."""
        with self._lock:
            client = self._client()
            self._on_their_way += 1
        try:
            yield client
        finally:
            with self._lock:
                self._on_their_way -= 1
                self._close_if_idle()

    def close(self) -> None:
        """Close our connections as soon as no other thread has a request running.

        Such a request may be a submission, and its response the id of a paid job.
        """
        with self._lock:
            self._closing = True
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._closing and self._own is not None and not self._on_their_way:
            self._own.close()
            self._own = None


class _Run(Run[T]):
    """One flow in the caller's thread."""

    __slots__ = ("_stop", "_transport")

    def __init__(self, transport: Transport, stop: threading.Event | None, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._transport, self._stop = transport, stop

    async def send(self, send: Send) -> Reply:
        reply: Reply = INTERRUPTED
        try:
            reply = self._transport._send(send)  # noqa: SLF001
            log(send, reply)
        except BaseException as stopped:
            if send.paid:
                if reply is INTERRUPTED:
                    stopped.add_note(UNKNOWN)
                await self.conclude(reply)
            raise
        return reply

    async def sleep(self, seconds: float) -> None:
        _sleep(seconds, self._stop)

    async def job_ended(self, effect: Await) -> Job | None:
        ends = time.monotonic() + effect.seconds
        while (job := self._ended(effect.job_id)) is None and (left := ends - time.monotonic()) > 0:
            _sleep(min(left, CHECK_EVERY), self._stop)
        return job

    def _ended(self, job_id: str) -> Job | None:
        with suppress(LipsyncError):  # the ledger cannot be read now, but polls continue
            return self._ledger.ended_of([job_id]).get(job_id)
        return None

    async def record(self, event: Event) -> object:
        if self._stop is not None and self._stop.is_set() and isinstance(event, Claim | Sending):
            raise Interrupted
        try:
            return await self.record_last(event)
        except BaseException as error:
            if isinstance(event, Accepted | Refused | Uncertain) and not isinstance(error, LipsyncError):
                with suppress(Exception):  # Ctrl-C or a time limit came while waiting for the ledger: record it again
                    await self.record_last(event)
            raise

    async def record_last(self, event: Event) -> object:
        answer = self._to.record(event) if concerns_ledger(event) else None
        self._to.report(event)
        return answer


class Watchdog:
    """Ends a request that takes too long. The timeouts of httpx limit each read, but not their sum."""

    def __init__(self, seconds: float, heard: Callable[[str], object] | None = None) -> None:
        self._heard = heard
        self._timer = threading.Timer(seconds, self._bite)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self._late = False

    def __enter__(self) -> Self:
        with interrupt_first():
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        # Dropping the last reference to a thread runs weak-reference callbacks, in which Ctrl-C would get lost.
        del self._timer

    def trace(self, event: str, info: Any) -> None:
        """Keep the socket when httpx opens it."""
        if self._heard is not None:
            self._heard(event)
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self._socket = info["return_value"].get_extra_info("socket")
            if self._late:  # the name lookup took all the time
                self._bite()

    def _bite(self) -> None:
        self._late = True
        if self._socket is not None:
            with suppress(OSError):
                # Shutting down wakes the reader; closing would not. The plain socket method is used, because that of
                # TLS sockets does more.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _sleep(seconds: float, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Interrupted
