"""What both drivers share: building requests, and interpreting exceptions."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from lipsync_nodes import __version__
from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.flows import Event, Send
from lipsync_nodes.http._connect import made
from lipsync_nodes.service import Answer, Job, NoAnswer
from lipsync_nodes.settings import Profile

_log = logging.getLogger("lipsync_nodes")

# The result of a request. The error is for a request that could not even be built.
Reply = Answer | NoAnswer | ConfigurationError

CONNECT_SECONDS: Final = 10.0
INTERRUPTED: Final = NoAnswer("it was interrupted", sent=True)
USER_AGENT: Final = f"lipsync-nodes/{__version__}"
HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": USER_AGENT}
NOT_BUILT: Final = ("nothing_sent", "check_base_url_and_id")

# httpcore raises these before any byte of the request is written. A TLS failure is a ConnectError too. Other transports
# use the same names in other cases: httpx-aiohttp raises a ConnectTimeout when the server cuts a connection after
# reading.
_NEVER_SENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError"})
_TRUSTED: Final = ("httpcore.", "httpcore2.")
_REQUEST_FAILED: Final = "RequestError"
# Other errors while connecting: no thread for the name lookup, an invalid name, a port that is too large, or the
# driver's own timeout for the whole request.
_CANNOT_CONNECT: Final = (RuntimeError, UnicodeError, UnicodeEncodeError, OverflowError, TimeoutError)


class Recorder(NamedTuple):
    """How a driver records an event, and reports it to observers.

    Attributes:
        record: records an event. What it returns or raises is passed to the flow.
        report: reports an event to the observers. It may be slow.
        observed: returns whether there are observers for an event.
        grouped: whether several threads may record at a time: the rules of a ledger allow any order of the events.

    """

    record: Callable[[Event], object]
    report: Callable[[Event], object]
    observed: Callable[[Event], bool]
    grouped: bool = False


class Bearer:
    """Adds the API key to a request at the last moment. An auth callable for httpx and httpx2."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def __call__(self, request: Any) -> Any:
        """Return the request with its Authorization header. No local variable contains the API key here."""
        request.headers["Authorization"] = f"Bearer {self._profile.bearer()}"
        return request


class Trace:
    """Records how far a request got, from the trace events of httpcore."""

    def __init__(self) -> None:
        self.handed_over = False
        self._is_heard = self._has_left = False

    def __call__(self, event: str) -> None:
        """Handle an event of httpcore's `trace` extension."""
        self._is_heard = True
        self._has_left |= event.endswith("send_request_headers.started")

    @property
    def surely_unsent(self) -> bool:
        """Whether certainly no byte of the request was written. Without trace events, it may have been sent."""
        return not self.handed_over or (self._is_heard and not self._has_left)


def connect_seconds(send: Send) -> float:
    """Return the longest time for opening a connection."""
    return min(CONNECT_SECONDS, send.timeout)


def request_built(client: Any, send: Send, profile: Profile, trace: Any = None) -> Any:
    """Return a request of the client's library, without the API key. `ConfigurationError` if it cannot be built."""
    headers, content = HEADERS, None
    if send.body is not None:
        headers = {**HEADERS, "Content-Type": "application/json"}
        content = send.body.encode()
    return made(
        lambda: client.build_request(
            send.method,
            profile.base_url + send.path,
            headers=headers,
            content=content,
            # connect, read, write, pool
            timeout=(connect_seconds(send), send.timeout, send.timeout, send.timeout),
            extensions={"trace": trace} if trace else {},
        ),
        remedy=NOT_BUILT,
    )


def log(send: Send, came: Reply) -> None:
    """Log at DEBUG what was sent and the result, without headers and bodies."""
    if isinstance(came, Answer):
        _log.debug("%s %s: %d, %d bytes", send.method, send.path, came.status, len(came.body))
    elif isinstance(came, NoAnswer):
        _log.debug("%s %s: no answer (%s)", send.method, send.path, redact(came.reason))


def answer_of(response: Any) -> Answer:
    """Return a response without its body, which is read later."""
    return Answer(response.status_code, lowercase(response.headers), received=time.time())


def lowercase(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with lowercase names."""
    return {name.lower(): value for name, value in headers.items()}


def outcome(error: Exception, answer: Answer | None, trace: Trace | None = None) -> Answer | NoAnswer:
    """Return what an exception means for the request: never sent, sent without a response, or answered in part.

    An exception that is not a failure of the request, such as a bug in the caller's client, is raised.
    """
    names = {kind.__name__ for kind in type(error).__mro__}
    unsent = type(error) in _CANNOT_CONNECT and trace is not None and trace.surely_unsent
    if not (unsent or _REQUEST_FAILED in names or isinstance(error, TimeoutError | OSError)):
        raise error
    if answer is not None:
        return answer
    return NoAnswer(reason_of(error), sent=not (unsent or _never_sent(error)))


def reason_of(error: Exception) -> str:
    """Return why there is no response."""
    return f"{type(error).__name__} {error}".strip()


def _never_sent(error: Exception) -> bool:
    cause = type(error.__cause__ or error.__context__)
    return cause.__name__ in _NEVER_SENT and f"{cause.__module__}.".startswith(_TRUSTED)


# Seconds between two reads of the ledger while a webhook is expected. On Windows, Ctrl-C is noticed only in between.
CHECK_EVERY: Final = 0.1


class EndedJobs(Protocol):
    """What waits for webhooks read: a `Ledger`."""

    def ended_of(self, job_ids: Iterable[str]) -> dict[str, Job]:
        """Return those of the jobs that have ended."""
