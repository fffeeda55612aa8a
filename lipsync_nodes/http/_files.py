"""Files: GETs from any server, the PUT of an input to a sandbox, and the POST of a webhook."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, BinaryIO, Final, Self

import httpx
from pydantic import SecretStr

from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.errors import DownloadError
from lipsync_nodes.http._body import Body, raw
from lipsync_nodes.http._connect import client_options, made, proxy_for
from lipsync_nodes.http._sync import Watchdog
from lipsync_nodes.http._wire import USER_AGENT, Bearer, answer_of, outcome
from lipsync_nodes.service import Answer, NoAnswer
from lipsync_nodes.settings import Profile

CHUNK: Final = 1 << 16

SILENT_SECONDS: Final = 30.0


class CutShort(Exception):  # not final: what has arrived is valid
    """The connection of a download broke. The download can be resumed, or has to start again."""

    def __init__(self, reason: str, *, start_anew: bool = False) -> None:
        super().__init__(reason)
        self.start_anew = start_anew


class Downloads:
    """Sends GETs for files, without an Authorization header, redirects or compression.

    Args:
        check_peer: called with each resolved address before a connection is opened. It raises an error to refuse one.
        use_proxies: use the proxies of the environment. A proxy resolves names itself, and its address is not checked.

    """

    def __init__(self, check_peer: Callable[[str], object], *, use_proxies: bool) -> None:
        self._check_peer = check_peer
        self._use_proxies = use_proxies
        self._clients: dict[SecretStr | None, httpx.Client] = {}
        self._connections = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str], seconds: float) -> Iterator[httpx.Response]:
        """Send one GET and return the response before its body is read. `CutShort` if the connection fails or breaks.

        Args:
            url: the URL. Credentials in it are not sent.
            headers: additional headers.
            seconds: the longest time without data. The headers may take twice as long in total.

        """
        plain = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        try:
            with closing(self._sent(url, plain, min(max(seconds, 0.0), SILENT_SECONDS))) as response:
                yield response
        except httpx.RequestError as error:
            raise CutShort(f"{type(error).__name__} {error}".strip()) from None

    def _sent(self, url: str, headers: Mapping[str, str], seconds: float) -> httpx.Response:
        with Watchdog(2 * seconds) as watchdog:

            def trace(event: str, info: Any) -> None:
                guard(event, info)
                watchdog.trace(event, info)

            try:
                guard = self._guard(url)
                client = self._client(made(lambda: proxy_for(url)) if self._use_proxies else None)
                extensions = {"trace": trace}
                request = client.build_request("GET", url, headers=headers, extensions=extensions, timeout=seconds)
                return client.send(request, stream=True, auth=lambda request: request)
            except (httpx.InvalidURL, ValueError) as error:  # an invalid name fails when it is looked up
                raise DownloadError(code="download.malformed_url", reason=error) from None

    def _client(self, proxy: SecretStr | None) -> httpx.Client:
        """Return the client for a proxy. Each redirect may need another one."""
        if proxy not in self._clients:
            self._clients[proxy] = made(lambda: httpx.Client(**client_options(proxy), timeout=SILENT_SECONDS))
        return self._clients[proxy]

    def _guard(self, url: str) -> Callable[[str, Any], None]:
        """Return a trace that makes httpx connect only to an address that was checked."""
        host = httpx.URL(url).raw_host.decode("ascii")  # as it is looked up: international names are encoded
        direct = False

        def trace(event: str, info: Any) -> None:
            nonlocal direct
            if event == "connection.connect_tcp.started":
                direct = info["host"] == host
                if direct:  # looked up only once, since a second lookup might return another address
                    info["host"] = self._address_of(host, info["port"])
            elif event == "connection.connect_tcp.complete" and direct:
                stream = info["return_value"]
                try:  # in case httpx ignored the address above
                    self._check_peer(stream.get_extra_info("server_addr")[0])
                except Exception:
                    stream.close()
                    raise

        return trace

    def _address_of(self, host: str, port: int) -> str:
        """Look up a name, check all of its addresses, and return one: a different one in each try."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise CutShort(f"{host} was not found: {error.strerror or error}") from None
        addresses = [str(address[0]) for *_, address in found]
        for address in addresses:
            self._check_peer(address)
        self._connections += 1
        return addresses[self._connections % len(addresses) - 1]


def upload(url: str, file: BinaryIO, media_type: str, profile: Profile) -> Answer | NoAnswer:
    """PUT a file, streamed, to a store below the profile's base URL. The API key is sent only there."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    headers = {"Content-Length": str(size), "Content-Type": media_type}
    parts = iter(partial(file.read, CHUNK), b"")
    return _exchange("PUT", url, headers=headers, content=parts, auth=Bearer(profile))


def deliver(url: str, content: bytes) -> Answer | NoAnswer:
    """POST the JSON of a webhook, without credentials. The URL contains a token, so it is not logged."""
    return _exchange("POST", url, headers={"Content-Type": "application/json"}, content=content)


def fetch(url: str) -> Answer | NoAnswer:
    """GET something small, without credentials."""
    return _exchange("GET", url)


def _exchange(method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer | NoAnswer:
    """Send one request over its own connection and read the response."""
    named = {"Accept-Encoding": "identity", "User-Agent": USER_AGENT, **(headers or {})}
    client = made(lambda: httpx.Client(**client_options(proxy_for(url)), timeout=SILENT_SECONDS))
    try:
        with NoFramesBelow(), client, client.stream(method, url, headers=named, **options) as response:
            body = Body(answer_of(response))
            for chunk in raw(response):
                body.add(chunk)
                if body.full:
                    break
            return body.answer
    except httpx.RequestError as error:
        return outcome(error, None)
