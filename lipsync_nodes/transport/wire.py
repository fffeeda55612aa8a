"""What both drivers share: how a client is made, what a request looks like, and what an exception means for it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import httpx

from lipsync_nodes import __version__
from lipsync_nodes.answers import Answer, NoAnswer
from lipsync_nodes.contract import Job
from lipsync_nodes.errors import ConfigurationError, ConnectionFailed, LipsyncError, redact
from lipsync_nodes.events import Accepted, Event, Paused, Refused, Sending, Unsure
from lipsync_nodes.flow import Effect, Flow, Record, Send
from lipsync_nodes.ledger import Journal
from lipsync_nodes.settings import Profile

if TYPE_CHECKING:
    import ssl

__all__ = [
    "INTERRUPTED",
    "LARGEST_ANSWER",
    "USER_AGENT",
    "KeptId",
    "answer_of",
    "client_options",
    "ended",
    "is_for_the_flow",
    "is_on_its_way",
    "last_notes",
    "log",
    "made",
    "outcome",
    "request_options",
    "tls_context",
    "with_body",
]

T = TypeVar("T")

_log = logging.getLogger("lipsync_nodes")

CONNECT_SECONDS: Final = 10.0
LARGEST_ANSWER: Final = 1 << 20
# How often a flow is called off: it may take the first time for a failed look, and go on to what it does next.
TOLERANCE: Final = 2
INTERRUPTED: Final = NoAnswer("it was interrupted", sent=True)
USER_AGENT: Final = f"lipsync-nodes/{__version__}"

# Raised by httpcore before a byte of the request was written. A TLS failure is a ConnectError, too. Other transports
# use the same names for less: httpx-aiohttp calls a connection that the server cut after reading a ConnectTimeout.
_NEVER_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
_TRUSTED: Final = ("httpcore.", "httpcore2.")
_REQUEST_FAILED: Final = "RequestError"


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
            error.add_note(f"The job {self._id} was made and goes on; it may be billed. Keep its id.")


def is_on_its_way(effect: Effect) -> bool:
    """Tell whether a flow that is left at this effect has a submit on its way."""
    return isinstance(effect, Send) and effect.paid


def is_for_the_flow(error: Exception, event: Event) -> bool:
    """Tell whether a flow hears of an error in noting an event, and goes on.

    One that is not of ours (a host's journal, a task's time limit) ends it, unless it is about to raise its own.
    """
    return isinstance(error, LipsyncError) or isinstance(event, Refused | Unsure)


def last_notes(flow: Flow[Any], reply: object = None) -> Generator[Event, object, None]:
    """Give what a flow whose caller has gone has yet to note: what came of its submit, and that no other is sent.

    Args:
        flow: where it was left; it is closed.
        reply: what came, if the flow was left at its submit.

    """
    with suppress(Exception), closing(flow):
        effect = flow.send(reply) if reply else flow.throw(_called_off())
        for _ in range(TOLERANCE):
            # Before a submit things are noted because it is to follow: where none is, they need not be.
            while isinstance(effect, Record) and not isinstance(effect.event, Sending | Paused):
                effect = flow.send((yield effect.event))
            effect = flow.throw(_called_off())


def _called_off() -> ConnectionFailed:
    return ConnectionFailed("The submit was cancelled before it was sent.")


@cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context of this process; making it takes 32 ms."""
    return httpx.create_ssl_context()


def client_options(profile: Profile, *, fresh: bool) -> dict[str, Any]:
    """Return how an httpx client is made; `fresh` ones keep no connection for a second request."""
    return {
        "verify": tls_context(),
        "limits": httpx.Limits(max_connections=100, max_keepalive_connections=0 if fresh else 20),
        # A proxy of the environment is of no use to reach this machine.
        "trust_env": not profile.local,
    }


def request_options(send: Send, profile: Profile) -> dict[str, Any]:
    """Return the arguments of `stream`. The key is a header of this one request, which follows no redirect."""
    headers = {
        "Authorization": f"Bearer {profile.bearer()}",
        "Accept": "application/json",
        "User-Agent": USER_AGENT,
    }
    content = None
    if send.body is not None:
        headers["Content-Type"] = "application/json"
        content = json.dumps(send.body, ensure_ascii=False, allow_nan=False).encode()
    return {
        "method": send.method,
        "url": profile.base_url + send.path,
        "headers": headers,
        "content": content,
        # connect, read, write, pool
        "timeout": (min(CONNECT_SECONDS, send.timeout), send.timeout, send.timeout, send.timeout),
        "auth": None,
        "follow_redirects": False,
    }


def log(send: Send, came: Answer | NoAnswer) -> None:
    """Say at DEBUG what was sent and what came of it; neither headers nor bodies."""
    if isinstance(came, Answer):
        _log.debug("%s %s: %d, %d bytes", send.method, send.path, came.status, len(came.body))
    else:
        _log.debug("%s %s: no answer (%s)", send.method, send.path, redact(came.reason))


def answer_of(response: Any) -> Answer:
    """Return what is known of an answer before its body is read."""
    return Answer(response.status_code, _lowercase(response.headers), received=time.time())


def _lowercase(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def with_body(answer: Answer, body: bytearray) -> Answer:
    """Return the answer with what was read of its body."""
    return Answer(answer.status, answer.headers, bytes(body[:LARGEST_ANSWER]), answer.received)


def outcome(error: Exception, answer: Answer | None) -> Answer | NoAnswer:
    """Say what an exception means for the request: never sent, sent without an answer, or answered in part.

    Anything that is no failure of the request itself, a mistake in a client that was handed in say, is raised.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    if not (_REQUEST_FAILED in names or isinstance(error, TimeoutError | OSError)):
        raise error
    if answer is not None:
        return answer
    reason = f"{type(error).__name__} {error}".strip()
    return NoAnswer(reason, sent=not _never_sent(error))


def _never_sent(error: Exception) -> bool:
    cause = type(error.__cause__ or error.__context__)
    return cause.__name__ in _NEVER_SENT and f"{cause.__module__}.".startswith(_TRUSTED)


def ended(ledger: Journal, job_id: str) -> Job | None:
    """Return a job that the ledger knows to have ended; a ledger that cannot be read knows nothing: there are polls."""
    try:
        return ledger.ended(job_id)
    except LipsyncError:
        return None


def made(make: Callable[[], T]) -> T:
    """Make a client; what the environment makes impossible (proxy, certificates) is told before anything is sent."""
    try:
        return make()
    except (ImportError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"No connection can be made: {error}.",
            hint="Nothing was sent. Check the environment's proxy and certificate settings (ALL_PROXY, SSL_CERT_FILE).",
        ) from None
