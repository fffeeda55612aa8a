"""Files: plain GETs of what anybody may serve, the PUT of an input to a sandbox, the POST of a webhook."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, BinaryIO, Final, Self

import httpx

from lipsync_nodes.answers import Answer, NoAnswer
from lipsync_nodes.errors import DownloadError
from lipsync_nodes.settings import Profile
from lipsync_nodes.transport.wire import (
    USER_AGENT,
    answer_of,
    client_options,
    made,
    outcome,
    tls_context,
    with_body,
)

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
        self._client = made(lambda: httpx.Client(verify=tls_context(), trust_env=use_proxies, timeout=SILENT_SECONDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

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
            request = self._client.build_request("GET", url, headers=headers, extensions={"trace": self._guard(url)})
            return self._client.send(request, stream=True)
        except (httpx.InvalidURL, ValueError) as error:  # a name that cannot be encoded shows when it is looked up
            raise DownloadError(f"The output's URL is malformed: {error}.") from None

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
    headers = {
        "Authorization": f"Bearer {profile.bearer()}",
        "Content-Length": str(size),
        "Content-Type": media_type,
        "User-Agent": USER_AGENT,
    }
    try:
        with httpx.Client(**client_options(profile, fresh=True), timeout=SILENT_SECONDS) as client:
            response = client.put(url, content=iter(partial(file.read, CHUNK), b""), headers=headers)
            return with_body(answer_of(response), bytearray(response.content))
    except httpx.RequestError as error:
        return outcome(error, None)


def deliver(url: str, content: bytes) -> Answer | NoAnswer:
    """POST a webhook's JSON, without credentials. The URL, which has a token in it, is told to nobody."""
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    try:
        response = httpx.post(url, content=content, headers=headers, timeout=SILENT_SECONDS, verify=tls_context())
    except httpx.RequestError as error:
        return outcome(error, None)
    return with_body(answer_of(response), bytearray(response.content))


def fetch(url: str) -> Answer | NoAnswer:
    """GET something small as anybody would, without credentials."""
    try:
        response = httpx.get(url, headers={"User-Agent": USER_AGENT}, timeout=SILENT_SECONDS, verify=tls_context())
    except httpx.RequestError as error:
        return outcome(error, None)
    return with_body(answer_of(response), bytearray(response.content))
