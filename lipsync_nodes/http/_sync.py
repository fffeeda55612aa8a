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
from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError, LipsyncError
from lipsync_nodes.flows import (
    Accepted,
    Await,
    Claim,
    Effect,
    Event,
    Flow,
    Record,
    Refused,
    Send,
    Sending,
    Sleep,
    Uncertain,
    concerns_ledger,
)
from lipsync_nodes.http._body import Body, raw
from lipsync_nodes.http._connect import can_start_threads, check_address, client_options, made, proxy_for
from lipsync_nodes.http._wire import (
    CHECK_EVERY,
    INTERRUPTED,
    Bearer,
    KeptId,
    Recorder,
    Reply,
    Trace,
    answer_of,
    ended,
    is_for_the_flow,
    is_on_its_way,
    last_notes,
    log,
    outcome,
    request_built,
)
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.service import Job
from lipsync_nodes.settings import Profile

__all__ = [
    "Interrupted",
    "Transport",
    "Watchdog",
]


T = TypeVar("T")

UNKNOWN: Final = "A submit was on its way; whether it made a job is unknown. It will not be sent again by itself."


class Interrupted(Exception):  # not an error, but what the caller asked for
    """A wait was stopped from another thread. Its job continues."""


class Transport(Shared):
    """Runs flows in the caller's thread. Thread-safe.

    Args:
        profile: the base URL and the API key.
        http_client: the caller's `httpx.Client` (or that of httpx2). It is not closed here.

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
        ledger: Ledger,
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
        reply: object = None
        failure: Exception | None = None
        with KeptId() as kept:
            while True:
                try:
                    effect = flow.throw(failure) if failure else flow.send(reply)
                except StopIteration as end:
                    result: T = end.value
                    return result
                failure = None
                if isinstance(effect, Record):
                    kept.see(effect.event)
                try:
                    reply, failure = self._carry_out(effect, flow, to, ledger, stop)
                except BaseException:  # Ctrl-C, a task's time limit, sys.exit in a signal handler, a stop
                    if not is_on_its_way(effect):
                        _conclude(flow, to)
                    raise
                if tell is not None and isinstance(effect, Record) and failure is None:
                    tell(effect.event)

    def _carry_out(
        self,
        effect: Effect,
        flow: Flow[Any],
        to: Recorder,
        ledger: Ledger,
        stop: threading.Event | None,
    ) -> tuple[object, Exception | None]:
        """Run an effect. Return its result for the flow, or the error to raise in the flow."""
        if isinstance(effect, Send):
            reply = self._send_noted(effect, flow, to)
            return (None, reply) if isinstance(reply, ConfigurationError) else (reply, None)
        if isinstance(effect, Sleep):
            return _sleep(effect.seconds, stop), None
        if isinstance(effect, Await):
            return _await(effect, ledger, stop), None
        return _record(effect.event, to, stop)

    def _send_noted(self, send: Send, flow: Flow[Any], to: Recorder) -> Reply:
        """Send a request. If something interrupts a submission, record what is known about it."""
        reply: Reply = INTERRUPTED
        try:
            reply = self._send(send)
            log(send, reply)
        except BaseException as stopped:
            if send.paid:
                if reply is INTERRUPTED:
                    stopped.add_note(UNKNOWN)
                _conclude(flow, to, reply).tell(stopped)
            raise
        return reply

    def _send(self, send: Send) -> Reply:
        trace, body = Trace(), None
        ends = time.monotonic() + send.timeout
        try:
            with NoFramesBelow(), self._in_use() as client, Watchdog(send.timeout, trace) as watchdog:
                try:
                    request = request_built(client, send, self._profile, watchdog.trace)
                except ConfigurationError as error:
                    return error
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
                # Polls are seconds apart, and most servers close idle connections by then: each request gets its own.
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


class Watchdog:
    """Ends a request that takes too long. The timeouts of httpx limit each read, but not their sum."""

    def __init__(self, seconds: float, heard: Callable[[str], object] | None = None) -> None:
        self._heard = heard
        self._timer = threading.Timer(seconds, self._bite)
        self._timer.daemon = True
        self._socket: socket.socket | None = None
        self._late = False

    def __enter__(self) -> Self:
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


def _record(event: Event, to: Recorder, stop: threading.Event | None) -> tuple[object, Exception | None]:
    """Record an event."""
    if stop is not None and stop.is_set() and isinstance(event, Claim | Sending):
        raise Interrupted
    try:
        answer = to.record(event) if concerns_ledger(event) else None
        to.report(event)
    except BaseException as error:
        if isinstance(event, Accepted | Refused | Uncertain) and not isinstance(error, LipsyncError):
            with suppress(Exception):  # Ctrl-C or a time limit came while waiting for the ledger: record it again
                to.record(event)
                to.report(event)
        if isinstance(error, Exception) and is_for_the_flow(error, event):
            return None, error
        raise
    return answer, None


def _conclude(flow: Flow[Any], to: Recorder, reply: Reply | None = None) -> KeptId:
    """Record the last events of an interrupted flow: the outcome of its submission, and that nothing more is sent."""
    kept = KeptId()
    answer: object = None
    with suppress(Exception), closing(last_notes(flow, reply)) as notes:
        while True:
            event = notes.send(answer)
            kept.see(event)
            answer = to.record(event) if concerns_ledger(event) else None
            to.report(event)
    return kept


def _await(effect: Await, ledger: Ledger, stop: threading.Event | None) -> Job | None:
    """Sleep until the ledger knows that the job has ended."""
    ends = time.monotonic() + effect.seconds
    while (job := ended(ledger, effect.job_id)) is None and (left := ends - time.monotonic()) > 0:
        _sleep(min(left, CHECK_EVERY), stop)
    return job


def _sleep(seconds: float, stop: threading.Event | None) -> float:
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Interrupted
    return time.monotonic()
