"""Files: plain GETs of what anybody may serve, the PUT of an input to a sandbox, the POST of a webhook."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, BinaryIO, Final, Self

import httpx
from pydantic import SecretStr

from lipsync_nodes.answers import Answer, NoAnswer
from lipsync_nodes.errors import DownloadError
from lipsync_nodes.settings import Profile
from lipsync_nodes.tracebacks import NoFramesBelow
from lipsync_nodes.transport.body import Body, raw
from lipsync_nodes.transport.connect import client_options, made, proxy_for
from lipsync_nodes.transport.wire import USER_AGENT, Bearer, answer_of, outcome

__all__ = ["CutShort", "Downloads", "deliver", "fetch", "upload"]

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
        check_peer: called with the address of each connection before a byte is sent; raises to refuse it.
        use_proxies: honour the proxies of the environment. A proxy resolves names itself; its address is not checked.

    """

    def __init__(self, check_peer: Callable[[str], object], *, use_proxies: bool) -> None:
        self._check_peer = check_peer
        self._use_proxies = use_proxies
        self._clients: dict[SecretStr | None, httpx.Client] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.close()

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Send one GET and give the answer, its body not yet read; `CutShort` if a connection fails or breaks."""
        plain = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        try:
            with closing(self._sent(url, plain)) as response:
                yield response
        except httpx.RequestError as error:
            raise CutShort(f"{type(error).__name__} {error}".strip()) from None

    def _sent(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        try:
            client = self._client(made(lambda: proxy_for(url)) if self._use_proxies else None)
            request = client.build_request("GET", url, headers=headers, extensions={"trace": self._guard(url)})
            return client.send(request, stream=True)
        except (httpx.InvalidURL, ValueError) as error:  # a name that cannot be encoded shows when it is looked up
            raise DownloadError(f"The output's URL is malformed: {error}.") from None

    def _client(self, proxy: SecretStr | None) -> httpx.Client:
        """Return the client for one way to the server: each redirect may need another."""
        if proxy not in self._clients:
            self._clients[proxy] = made(lambda: httpx.Client(**client_options(proxy), timeout=SILENT_SECONDS))
        return self._clients[proxy]

    def _guard(self, url: str) -> Callable[[str, Any], None]:
        host = httpx.URL(url).raw_host.decode("ascii")  # as it is looked up: a name of another alphabet is encoded
        direct = False

        def trace(event: str, info: Any) -> None:
            nonlocal direct
            if event == "connection.connect_tcp.started":
                direct = info["host"] == host
            elif event == "connection.connect_tcp.complete" and direct:
                stream = info["return_value"]
                try:
                    self._check_peer(stream.get_extra_info("server_addr")[0])
                except Exception:
                    stream.close()
                    raise

        return trace


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
