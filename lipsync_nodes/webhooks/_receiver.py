"""The receiver of webhooks: an ASGI application that you can mount, and functions for other frameworks.

    receiver = WebhookReceiver()
    app = Starlette(routes=[Mount("/lipsync", receiver)], lifespan=receiver.lifespan)
    job = client.run(form, webhook="auto")

The service does not sign its webhooks, so a webhook only leads to a poll of the job. The token in its path shows which
submission it belongs to, and the body names the job. Nothing else in it is used. It is recorded in the ledger before
the response is sent. All refused requests get the same empty 404 response.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, Self

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import ConfigurationError, LipsyncError
from lipsync_nodes.flows import WebhookAction, WebhookReceived
from lipsync_nodes.ledger import Ledger, callback_of, callback_secret
from lipsync_nodes.service import id_in, opened, writable
from lipsync_nodes.settings import Profile, load_profile
from lipsync_nodes.webhooks._logs import keep_tokens_out_of_logs
from lipsync_nodes.webhooks._worker import OnJob, Worker

LARGEST_BODY: Final = 1 << 16
# A body up to this size is read to its end, so that the sender gets the response, even if it is refused.
LARGEST_READ: Final = 16 * LARGEST_BODY
BODY_SECONDS: Final = 10.0
LONGEST_ID: Final = 200

Messages = Callable[..., Awaitable[Any]]


class WebhookReceiver:
    """Receives the webhooks of jobs that were submitted with `webhook="auto"`. It is an ASGI application.

    Args:
        profile: the name of a profile, or a `Profile`. It must have the API key that the jobs were submitted with.
        ledger: the ledger with the submissions. Default: the user's.
        on_job: a function to call with each job that has ended, as the service describes it. It may block, or be a
            coroutine function, which runs in a new event loop each time. If it raises an error, it is called again
            later, even after a restart. So it may get the same job twice.

    Raises:
        ConfigurationError: there is no such profile or no API key, or the extra for signatures is not installed.

    """

    def __init__(
        self, profile: str | Profile | None = None, ledger: Ledger | None = None, *, on_job: OnJob | None = None
    ) -> None:
        self.profile = profile if isinstance(profile, Profile) else load_profile(profile)
        self.profile.bearer()
        self.ledger = ledger or Ledger()
        self._secret = callback_secret(self.profile, self.ledger)
        self._signature = _signature(self.profile)
        self._worker = Worker(self.profile, self.ledger, on_job)
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
        """Resume at the start and close at the end. Use it as the lifespan of the application around the receiver."""
        await asyncio.to_thread(self.resume)
        try:
            yield
        finally:
            await asyncio.to_thread(self.close)

    def resume(self) -> None:
        """Handle the webhooks that were pending when this program last ended."""
        self._worker.start()
        self._worker.add_pending()

    def close(self) -> None:
        """Stop. Pending webhooks stay in the ledger. on_job may call this. You can still use the receiver."""
        self._worker.close()

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Handle a request and return the HTTP status to respond with; the body is empty. This writes to disk.

        The last part of the *path* is enough. Read at most `LARGEST_BODY` + 1 bytes of the *body*; longer ones are
        refused.
        """
        with NoFramesBelow():
            callback = callback_of(path.rpartition("/")[2], self._secret)
        named = {name.lower(): value for name, value in headers.items()}
        kind = named.get("content-type", "").partition(";")[0].strip().lower()
        if callback is None or method != "POST" or kind != "application/json" or len(body) > LARGEST_BODY:
            return HTTPStatus.NOT_FOUND
        job_id = _job_id(body)
        if job_id is None or not self._is_signed(body, named):
            return HTTPStatus.NOT_FOUND
        webhook = WebhookReceived(callback, job_id)
        try:
            action = self.ledger.record(webhook, self.profile)
        except LipsyncError as error:
            logging.getLogger("lipsync_nodes").warning("A webhook could not be recorded: %s", error)
            return HTTPStatus.SERVICE_UNAVAILABLE  # the service may send it again
        if action is WebhookAction.POLL:
            self._worker.add(webhook)
            self._worker.start()
        return HTTPStatus.NOT_FOUND if action is WebhookAction.REFUSE else HTTPStatus.OK

    async def handle(self, method: str, path: str, headers: Mapping[str, str], body: AsyncIterable[bytes]) -> int:
        """Handle a request on an event loop, without blocking it. Arguments and result are those of `receive`.

        The body is an iterator over parts, of which no more are read than needed.
        """
        whole = await _whole(body)
        return await asyncio.to_thread(self.receive, method, path, headers, whole)

    async def __call__(self, scope: Mapping[str, Any], receive: Messages, send: Messages) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "lifespan":
            await receive()
            async with self.lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            status = await self.handle(scope["method"], scope["path"], headers, _parts(receive))
            await send({"type": "http.response.start", "status": int(status), "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
        else:
            await send({"type": "websocket.close"})

    def _is_signed(self, body: bytes, headers: dict[str, str]) -> bool:
        """Return whether the Standard Webhooks signature is valid; True if none is required."""
        if self._signature is not None:
            try:
                with NoFramesBelow():
                    self._signature.verify(body, headers, json_parse=False)
            except Exception:  # noqa: BLE001  # WebhookVerificationError, or ValueError for a malformed one
                return False
        return True


def _signature(profile: Profile) -> Any:
    """Return the verifier of signatures; None if the profile has no `signing_secret`."""
    secret = profile.webhook.signing_secret if profile.webhook else None
    if secret is None:
        return None
    try:
        from standardwebhooks import Webhook  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError(
            code="webhook.no_signature_library", package="lipsync-nodes[signed-webhooks]", remedy="install_extra"
        ) from None
    with NoFramesBelow():
        return Webhook(secret.get_secret_value())


def _job_id(body: bytes) -> str | None:
    """Return the job id in the body of a webhook; None if there is no valid one."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    job_id = id_in(opened(writable(data))) if isinstance(data, dict) else None
    fits = job_id is not None and len(job_id) <= LONGEST_ID and job_id.isprintable() and job_id.strip(". ")
    return job_id if fits else None


async def _whole(body: AsyncIterable[bytes]) -> bytes:
    """Return a body. If it is too large, return just enough to show that. If it is too slow, return nothing."""
    kept, size = b"", 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in body:
                size += len(part)
                kept += part[: LARGEST_BODY + 1 - len(kept)]
                if size > LARGEST_READ:
                    break
    except TimeoutError:
        return b""
    return kept


async def _parts(receive: Messages) -> AsyncIterator[bytes]:
    """Yield the parts of an ASGI request's body until its end, or until the client disconnects."""
    more = True
    while more and (message := await receive())["type"] == "http.request":
        yield message.get("body", b"")
        more = message.get("more_body", False)
