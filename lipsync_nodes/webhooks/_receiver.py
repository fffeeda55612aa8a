"""The receiver of webhooks: an ASGI application that mounts anywhere, and plain functions for every other framework.

    receiver = WebhookReceiver()
    app = Starlette(routes=[Mount("/lipsync", receiver)], lifespan=receiver.lifespan)
    job = client.run(form, webhook="auto")

The service signs nothing, so nothing that a webhook says is believed. The token in its path tells which submission it
is about (see `callbacks`), the body names the job, and the job is then fetched by its id. A call is written into the
ledger before it is answered, and followed up (see `following`) off the request's path. Whoever waits for the job, in
this process or in another one of this host, is woken through the ledger. All refusals are alike: 404, nothing more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, Self

from pydantic import SecretStr

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError, LipsyncError, redact
from lipsync_nodes.flows import WebhookAction, WebhookReceived
from lipsync_nodes.ledger import Ledger, callback_of, callback_secret
from lipsync_nodes.service import id_in, opened, writable
from lipsync_nodes.settings import Profile, load_profile
from lipsync_nodes.webhooks._follow_up import Follower, OnJob

__all__ = [
    "LARGEST_BODY",
    "WebhookReceiver",
    "keep_tokens_out_of_logs",
]


LARGEST_BODY: Final = 1 << 16
# A body somewhat too large is read to its end, and forgotten, so that whoever sent it hears the answer.
LARGEST_READ: Final = 16 * LARGEST_BODY
BODY_SECONDS: Final = 10.0
LONGEST_ID: Final = 200

_log = logging.getLogger("lipsync_nodes")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class WebhookReceiver:
    """Receives webhooks of jobs that were submitted with `webhook="auto"`. An ASGI application.

    Args:
        profile: whose jobs these are, a name or a `Profile`; it has to have the key that they were submitted with.
        ledger: the journal that the submits are in; by default the user's.
        on_job: called with each job once it has ended, as the service itself described it; a coroutine function or one
            that may block. It is called again later if it raises, also after a restart, so it may get a job twice.

    Raises:
        ConfigurationError: no such profile, no key, or signatures are asked for and their extra is not installed.

    """

    def __init__(
        self,
        profile: str | Profile | None = None,
        ledger: Ledger | None = None,
        *,
        on_job: OnJob | None = None,
    ) -> None:
        self.profile = profile if isinstance(profile, Profile) else load_profile(profile)
        self.profile.bearer()
        self.ledger = ledger or Ledger()
        ours = self.profile.webhook
        self._secret = callback_secret(self.profile, self.ledger)
        self._verify = _verifier(ours.signing_secret if ours else None)
        self._follower = Follower(self.profile, self.ledger, on_job)
        keep_tokens_out_of_logs()

    def __repr__(self) -> str:
        return f"<WebhookReceiver of profile {self.profile.name!r}>" if "profile" in vars(self) else "<WebhookReceiver>"

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @asynccontextmanager
    async def lifespan(self, _app: object = None) -> AsyncIterator[None]:
        """Resume, and close at the end: the lifespan of an application that the receiver is mounted in."""
        await asyncio.to_thread(self.resume)
        try:
            yield
        finally:
            await asyncio.to_thread(self.close)

    def resume(self) -> None:
        """Follow up what came before the last end of this program."""
        self._follower.resume()

    def close(self) -> None:
        """Stop following calls up; what came meanwhile is in the ledger. The receiver may be used again.

        A coroutine of on_job's may call this, but not wait for a thread that does: each would wait for the other.
        """
        self._follower.close()

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Take a request and return the status to answer it with, and an empty body. It may block: it writes to disk.

        Args:
            method: the request's method.
            path: its path, or only the last part of it.
            headers: its headers.
            body: its body. Read no more than `LARGEST_BODY` + 1 bytes; anything longer is refused.

        """
        call = self._read(method, path, headers, body)
        return HTTPStatus.NOT_FOUND if call is None else self._take(call)

    async def handle(self, method: str, path: str, headers: Mapping[str, str], body: AsyncIterable[bytes]) -> int:
        """Take a request on an event loop, which it never blocks; the body is read here, and no more of it than needed.

        Arguments and result as of `receive`; the body comes in parts.
        """
        whole = await _whole(body)
        call = None if whole is None else self._read(method, path, headers, whole)
        return HTTPStatus.NOT_FOUND if call is None else await asyncio.to_thread(self._take, call)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI servers ask for it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            status = await self.handle(scope["method"], scope["path"], headers, _parts(receive))
            await send({"type": "http.response.start", "status": int(status), "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "websocket.close"})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    def _read(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> WebhookReceived | None:
        """Return what a request says, if it is a webhook of ours in shape and token. No I/O."""
        with NoFramesBelow():
            callback = callback_of(path.rpartition("/")[2], self._secret)
        named = {name.lower(): value for name, value in headers.items()}
        kind = named.get("content-type", "").partition(";")[0].strip().lower()
        if callback is None or method != "POST" or kind != "application/json" or len(body) > LARGEST_BODY:
            return None
        if not self._verify(body, named):
            return None
        job_id = _job_id(body)
        return None if job_id is None else WebhookReceived(callback, job_id)

    def _take(self, call: WebhookReceived) -> int:
        """Write a call down, and have it followed up if it says something new."""
        if self._follower.busy_with(call):
            return HTTPStatus.OK
        try:
            heed = self.ledger.record(call, self.profile)
        except LipsyncError as error:
            _log.warning("A webhook could not be written down: %s", error)
            return HTTPStatus.SERVICE_UNAVAILABLE  # it is sent again, perhaps
        if heed is WebhookAction.POLL:
            self._follower.follow(call)
        return HTTPStatus.NOT_FOUND if heed is WebhookAction.REFUSE else HTTPStatus.OK


def _job_id(body: bytes) -> str | None:
    """Return the id in a webhook's body. Nothing else of it is ever used."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    job_id = id_in(opened(writable(data)))
    fits = job_id is not None and len(job_id) <= LONGEST_ID and job_id.isprintable() and job_id.strip(". ")
    return job_id if fits else None


async def _whole(body: AsyncIterable[bytes]) -> bytes | None:
    """Return a body that comes in time and is not too large."""
    kept, size = bytearray(), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in body:
                size += len(part)
                if size > LARGEST_READ:
                    return None
                if size <= LARGEST_BODY:
                    kept += part
    except TimeoutError:
        return None
    return bytes(kept) if size <= LARGEST_BODY else None


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    """Give the parts of a request's body; one that breaks off has said nothing."""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _verifier(secret: SecretStr | None) -> Callable[[bytes, dict[str, str]], bool]:
    """Return what checks a signature by the Standard Webhooks specification; without a secret everything passes."""
    if secret is None:
        return lambda _body, _headers: True
    try:
        from standardwebhooks import Webhook, WebhookVerificationError  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError(
            "Signed webhooks need a package that is not installed.",
            hint="Install it with: pip install 'lipsync-nodes[signed-webhooks]'",
        ) from None
    with NoFramesBelow():
        webhook = Webhook(secret.get_secret_value())

    def verify(body: bytes, headers: dict[str, str]) -> bool:
        try:
            with NoFramesBelow():
                webhook.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):  # a signature that is malformed is a ValueError there
            return False
        return True

    return verify


class _Masked(logging.Filter):
    """Masks tokens in the lines of servers, and of a client, that log each request's path."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(str(record.msg))
        if isinstance(record.args, tuple):
            record.args = tuple(map(_masked, record.args))
        elif record.args:
            record.args = {name: _masked(value) for name, value in record.args.items()}
        return True


def _masked(value: object) -> object:
    """Mask a value that would be shown as a text; numbers are formatted as such."""
    return value if isinstance(value, int | float) else redact(str(value))


_MASKED: Final = _Masked()
_TALKATIVE: Final = (
    "uvicorn.access", "uvicorn.asgi", "hypercorn.access", "gunicorn.access", "aiohttp.access", "tornado.access",
    "werkzeug", "django.request", "django.server", "httpx",
)  # fmt: skip


def keep_tokens_out_of_logs() -> None:
    """Mask callback tokens in the logs of the usual servers, whoever configures them."""
    for name in _TALKATIVE:
        logging.getLogger(name).addFilter(_MASKED)
