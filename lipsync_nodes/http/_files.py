"""Files: plain GETs of what anybody may serve, the PUT of an input to a sandbox, the POST of a webhook."""

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

__all__ = [
    "CutShort",
    "Downloads",
    "deliver",
    "fetch",
    "upload",
]


CHUNK: Final = 1 << 16

SILENT_SECONDS: Final = 30.0


class CutShort(Exception):  # not the end: what came so far is good
    """A download's connection broke; it may be taken up again, or has to start anew."""

    def __init__(self, reason: str, *, start_anew: bool = False) -> None:
        super().__init__(reason)
        self.start_anew = start_anew


class Downloads:
    """Plain GETs of files: no Authorization header, no redirect followed, no compression.

    Args:
        check_peer: called with each address that a name leads to before a connection is opened; raises to refuse it.
        use_proxies: honour the proxies of the environment. A proxy resolves names itself; its address is not checked.

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
        """Send one GET and give the answer, its body not yet read; `CutShort` if a connection fails or breaks.

        Args:
            url: where to; credentials in it are not sent.
            headers: what to add to ours.
            seconds: the longest silence; an answer's headers may take twice as long, however they drip.

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
            except (httpx.InvalidURL, ValueError) as error:  # a name that cannot be encoded shows when it is looked up
                raise DownloadError(code="download.malformed_url", reason=error) from None

    def _client(self, proxy: SecretStr | None) -> httpx.Client:
        """Return the client for one way to the server: each redirect may need another."""
        if proxy not in self._clients:
            self._clients[proxy] = made(lambda: httpx.Client(**client_options(proxy), timeout=SILENT_SECONDS))
        return self._clients[proxy]

    def _guard(self, url: str) -> Callable[[str, Any], None]:
        """Return a trace that has httpx connect to an address that was checked, and to no other."""
        host = httpx.URL(url).raw_host.decode("ascii")  # as it is looked up: a name of another alphabet is encoded
        direct = False

        def trace(event: str, info: Any) -> None:
            nonlocal direct
            if event == "connection.connect_tcp.started":
                direct = info["host"] == host
                if direct:  # looked up once: a second answer might be another
                    info["host"] = self._address_of(host, info["port"])
            elif event == "connection.connect_tcp.complete" and direct:
                stream = info["return_value"]
                try:  # where httpx took no notice of the above
                    self._check_peer(stream.get_extra_info("server_addr")[0])
                except Exception:
                    stream.close()
                    raise

        return trace

    def _address_of(self, host: str, port: int) -> str:
        """Look a name up, check all that it leads to, and return one address: another at each try."""
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
    """PUT a file, streamed, to a store below the profile's own base; the key is only ever sent there."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    headers = {"Content-Length": str(size), "Content-Type": media_type}
    parts = iter(partial(file.read, CHUNK), b"")
    return _exchange("PUT", url, headers=headers, content=parts, auth=Bearer(profile))


def deliver(url: str, content: bytes) -> Answer | NoAnswer:
    """POST a webhook's JSON, without credentials. The URL, which has a token in it, is told to nobody."""
    return _exchange("POST", url, headers={"Content-Type": "application/json"}, content=content)


def fetch(url: str) -> Answer | NoAnswer:
    """GET something small as anybody would, without credentials."""
    return _exchange("GET", url)


def _exchange(method: str, url: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Answer | NoAnswer:
    """Send one request over a connection of its own and read its answer."""
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
