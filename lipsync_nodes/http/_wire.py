"""What both drivers share: what a request looks like, and what an exception means for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from lipsync_nodes import __version__
from lipsync_nodes.errors import ConfigurationError, ConnectionFailed, LipsyncError, redact
from lipsync_nodes.flows import Accepted, Effect, Event, Flow, Paused, Record, Refused, Send, Sending, Uncertain
from lipsync_nodes.http._connect import made
from lipsync_nodes.ledger import Ledger
from lipsync_nodes.service import Answer, Job, NoAnswer
from lipsync_nodes.settings import Profile

__all__ = [
    "INTERRUPTED",
    "USER_AGENT",
    "Bearer",
    "KeptId",
    "Recorder",
    "Reply",
    "Trace",
    "answer_of",
    "ended",
    "is_for_the_flow",
    "is_on_its_way",
    "last_notes",
    "log",
    "outcome",
    "request_built",
]


_log = logging.getLogger("lipsync_nodes")

# What comes of a request; the error is that of one which could not even be built.
Reply = Answer | NoAnswer | ConfigurationError

CONNECT_SECONDS: Final = 10.0
# How often a flow is called off: it may take the first time for a failed look, and go on to what it does next.
TOLERANCE: Final = 2
INTERRUPTED: Final = NoAnswer("it was interrupted", sent=True)
USER_AGENT: Final = f"lipsync-nodes/{__version__}"

# Raised by httpcore before a byte of the request was written. A TLS failure is a ConnectError, too. Other transports
# use the same names for less: httpx-aiohttp calls a connection that the server cut after reading a ConnectTimeout.
_NEVER_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
_TRUSTED: Final = ("httpcore.", "httpcore2.")
_REQUEST_FAILED: Final = "RequestError"
# What connecting raises besides: no thread for the name's look-up, a name that is none, a port that is too large;
# or the time of the whole request is up, by the driver's own clock.
_CANNOT_CONNECT: Final = (RuntimeError, UnicodeError, UnicodeEncodeError, OverflowError, TimeoutError)


class Recorder(NamedTuple):
    """Where a driver writes an event down, and who hears of it after that.

    Attributes:
        record: writes an event down; the flow hears of what it returns or raises.
        report: tells observers of an event; it may be slow.
        observed: tells whether there are any for an event.

    """

    record: Callable[[Event], object]
    report: Callable[[Event], object]
    observed: Callable[[Event], bool]


class KeptId:
    """Puts the id of the job that a flow made on whatever ends the flow from outside, such as Ctrl-C."""

    def __init__(self) -> None:
        self._id: str | None = None

    def see(self, event: Event) -> None:
        """Remember the id, if it is this that the event tells."""
        if isinstance(event, Accepted):
            self._id = event.job.id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.tell(error)

    def tell(self, error: BaseException) -> None:
        """Put the id on an error, unless it names it, as most of ours do."""
        if self._id and getattr(error, "job_id", None) != self._id:
            vars(error)["job_id"] = self._id  # for programs
            error.add_note(f"The job {self._id} was made and goes on; it may be billed. Keep its id.")


def is_on_its_way(effect: Effect) -> bool:
    """Tell whether a flow that is left at this effect has a submit on its way."""
    return isinstance(effect, Send) and effect.paid


def is_for_the_flow(error: Exception, event: Event) -> bool:
    """Tell whether a flow hears of an error in noting an event, and goes on.

    One that is not of ours (a host's journal, a task's time limit) ends it, unless it is about to raise its own.
    """
    return isinstance(error, LipsyncError) or isinstance(event, Refused | Uncertain)


def last_notes(flow: Flow[Any], reply: object = None) -> Generator[Event, object, None]:
    """Give what a flow whose caller has gone has yet to note: what came of its submit, and that no other is sent.

    Args:
        flow: where it was left; it is closed.
        reply: what came, if the flow was left at its submit.

    """
    with suppress(Exception), closing(flow):
        effect = _resumed(flow, reply)
        for _ in range(TOLERANCE):
            # Before a submit things are noted because it is to follow: where none is, they need not be.
            while isinstance(effect, Record) and not isinstance(effect.event, Sending | Paused):
                effect = flow.send((yield effect.event))
            effect = flow.throw(_called_off())


def _resumed(flow: Flow[Any], reply: object) -> Effect:
    if isinstance(reply, LipsyncError):
        return flow.throw(reply)
    return flow.send(reply) if reply else flow.throw(_called_off())


def _called_off() -> ConnectionFailed:
    return ConnectionFailed(code="submit.cancelled")


class Bearer:
    """Puts the key into a request at the last moment: an auth callable of httpx and httpx2."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def __call__(self, request: Any) -> Any:
        """Return the request with its Authorization header. No local variable holds the key here."""
        request.headers["Authorization"] = f"Bearer {self._profile.bearer()}"
        return request


class Trace:
    """Knows how far a request got, by what httpcore tells of it."""

    def __init__(self) -> None:
        self.handed_over = False
        self._is_heard = self._has_left = False

    def __call__(self, event: str) -> None:
        """Take an event of httpcore's `trace` extension."""
        self._is_heard = True
        self._has_left |= event.endswith("send_request_headers.started")

    @property
    def surely_unsent(self) -> bool:
        """Whether not a byte of the request was written; a transport that tells nothing may have written all."""
        return not self.handed_over or (self._is_heard and not self._has_left)


def request_built(client: Any, send: Send, profile: Profile, trace: Any) -> Any:
    """Return a request of the client's library, without the key; `ConfigurationError` where it cannot be built."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
    content = None
    if send.body is not None:
        headers["Content-Type"] = "application/json"
        content = send.body.encode()
    return made(
        lambda: client.build_request(
            send.method,
            profile.base_url + send.path,
            headers=headers,
            content=content,
            # connect, read, write, pool
            timeout=(min(CONNECT_SECONDS, send.timeout), send.timeout, send.timeout, send.timeout),
            extensions={"trace": trace},
        ),
        remedy=("nothing_sent", "check_base_url_and_id"),
    )


def log(send: Send, came: Reply) -> None:
    """Say at DEBUG what was sent and what came of it; neither headers nor bodies."""
    if isinstance(came, Answer):
        _log.debug("%s %s: %d, %d bytes", send.method, send.path, came.status, len(came.body))
    elif isinstance(came, NoAnswer):
        _log.debug("%s %s: no answer (%s)", send.method, send.path, redact(came.reason))


def answer_of(response: Any) -> Answer:
    """Return what is known of an answer before its body is read."""
    return Answer(response.status_code, _lowercase(response.headers), received=time.time())


def _lowercase(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def outcome(error: Exception, answer: Answer | None, trace: Trace | None = None) -> Answer | NoAnswer:
    """Say what an exception means for the request: never sent, sent without an answer, or answered in part.

    Anything that is no failure of the request itself, a mistake in a client that was handed in say, is raised.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    unsent = type(error) in _CANNOT_CONNECT and trace is not None and trace.surely_unsent
    if not (unsent or _REQUEST_FAILED in names or isinstance(error, TimeoutError | OSError)):
        raise error
    if answer is not None:
        return answer
    reason = f"{type(error).__name__} {error}".strip()
    return NoAnswer(reason, sent=not (unsent or _never_sent(error)))


def _never_sent(error: Exception) -> bool:
    cause = type(error.__cause__ or error.__context__)
    return cause.__name__ in _NEVER_SENT and f"{cause.__module__}.".startswith(_TRUSTED)


def ended(ledger: Ledger, job_id: str) -> Job | None:
    """Return a job that the ledger knows to have ended; a ledger that cannot be read knows nothing: there are polls."""
    try:
        return ledger.ended(job_id)
    except LipsyncError:
        return None
