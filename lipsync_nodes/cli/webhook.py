"""`webhook serve` and `webhook send`: run the receiver, and send it a webhook as the service would."""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from lipsync_nodes import ConfigurationError, ConnectionFailed, InvalidRequest, WebhookReceiver
from lipsync_nodes.cli.added import Group
from lipsync_nodes.cli.listening import listening_options
from lipsync_nodes.cli.session import Connection, Session, common_options
from lipsync_nodes.cli.speak import say, show, tell
from lipsync_nodes.host import Answer, OnJob, callback_secret, deliver, keep_tokens_out_of_logs, token_of

__all__ = ["listen", "webhook"]

PROXY = "Jobs are submitted with webhooks to {}: have your proxy pass that on to here."
SETUP = (
    "Set LIPSYNC_WEBHOOK (or `webhook` in the profile) to the https URL by which the service reaches this, and submit "
    "with --webhook auto. To try it here, with the sandbox:\n  export LIPSYNC_WEBHOOK={}"
)
file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=Group)
def webhook() -> None:
    """Receive webhooks, so that you know at once when a job ends. Submit jobs with `--webhook auto`."""


@webhook.command()
@listening_options(8788)
@click.option("--cert", type=file, help="TLS certificate (PEM), if no proxy in front of the receiver has one.")
@click.option("--cert-key", type=file, help="The certificate's private key (PEM).")
@click.option("--on-job", metavar="MODULE:FUNCTION", help="Function to call with each job that has ended.")
@common_options
def serve(
    session: Session, *, host: str, port: int, cert: Path | None, cert_key: Path | None, on_job: str | None
) -> None:
    """Receive webhooks until Ctrl-C, for all programs on this host that use the same ledger."""
    with session.opened() as to, listen(host, port) as listener:
        receiver = WebhookReceiver(to.profile, to.ledger, on_job=_function(on_job))
        address = f"[{host}]" if ":" in host else host
        url = f"http{'s' if cert else ''}://{address}:{listener.getsockname()[1]}"
        base = to.profile.webhook.base if to.profile.webhook else None
        if session.as_json:
            show({"url": url, "base": base}, as_json=True)
        else:
            say(f"Receiving webhooks at {url}, ledger {to.ledger.path}. Ctrl-C ends it.")
            for line in (PROXY if base else SETUP).format(base or url).splitlines():
                say(line)
        _run(receiver, listener, cert, cert_key)


@webhook.command()
@click.argument("job_id")
@click.option("--to", "base", metavar="URL", help="URL of the receiver. Default: the profile's `webhook`.")
@click.option("--body", type=file, help="Send the content of this file instead of the job.")
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="How often to send it.")
@common_options
def send(session: Session, job_id: str, base: str | None, body: Path | None, times: int) -> None:
    """Send a job's webhook as the service would, to test a receiver. The exit code is 1 if it is refused."""
    keep_tokens_out_of_logs()
    with session.client() as (client, to):
        url = _url(job_id, base, to)
        content = body.read_bytes() if body else json.dumps(client.job(job_id).wire()).encode()
        statuses = [_sent(url, content) for _ in range(times)]
    show({"id": job_id, "statuses": statuses}, as_json=session.as_json)
    sys.exit(int(any(status >= HTTPStatus.BAD_REQUEST for status in statuses)))


def _run(receiver: WebhookReceiver, listener: socket.socket, cert: Path | None, cert_key: Path | None) -> None:
    try:
        import uvicorn  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError(
            code="receiver.no_library", package="lipsync-nodes[webhook]", remedy="install_extra"
        ) from None
    tls: dict[str, Any] = {"ssl_certfile": cert, "ssl_keyfile": cert_key}
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False, "ws": "none"}
    config = uvicorn.Config(receiver, lifespan="on", timeout_graceful_shutdown=3, **quiet, **tls)
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after it has stopped
        uvicorn.Server(config).run(sockets=[listener])
    tell("The receiver has ended. What came is kept; its next start handles what is left of it.")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise `ConfigurationError` if the address cannot be used."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(
            code="receiver.cannot_listen", host=host, port=port, reason=reason, remedy="another_port"
        ) from None


def _function(name: str | None) -> OnJob | None:
    """Import the function that `--on-job` names. Modules in the current folder are found too."""
    if name is None:
        return None
    module, _, attribute = name.partition(":")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  # as text, as the others there are
    try:
        function: Any = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # noqa: BLE001  # third-party code
        raise ConfigurationError(
            code="receiver.unloadable_function", name=name, reason=error, remedy="give_function"
        ) from None
    if not callable(function):
        raise ConfigurationError(code="receiver.no_function", name=name, remedy="give_function")
    return function  # type: ignore[no-any-return]


def _url(job_id: str, base: str | None, to: Connection) -> str:
    """Return the URL that the service calls for a job."""
    entry = to.ledger.entry_of(job_id)
    if entry is None or entry.callback is None:
        raise InvalidRequest(code="receiver.no_such_job", job_id=job_id, remedy="submit_with_webhook")
    base = base or (to.profile.webhook.base if to.profile.webhook else None)
    if base is None:
        raise ConfigurationError(code="receiver.not_named", remedy="name_receiver")
    return f"{base.rstrip('/')}/{token_of(entry.callback, callback_secret(to.profile, to.ledger))}"


def _sent(url: str, content: bytes) -> int:
    came = deliver(url, content)
    if isinstance(came, Answer):
        return came.status
    raise ConnectionFailed(code="receiver.unreached", reason=came.reason, remedy="start_receiver")
