"""Plain GETs of files that anybody may serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

import httpx

from lipsync_nodes.errors import DownloadError
from lipsync_nodes.transport.wire import USER_AGENT, tls_context

__all__ = ["CutShort", "Downloads"]

SILENT_SECONDS: Final = 30.0


class CutShort(Exception):  # not the end: what came so far is good
    """A download's connection broke; it may be taken up again."""


class Downloads:
    """Plain GETs of files: no Authorization header, no redirect followed, no compression.

    Args:
        check_peer: called with the address of each connection before a byte is sent; raises to refuse it.
        use_proxies: honour the proxies of the environment. A proxy resolves names itself; its address is not checked.

    """

    def __init__(self, check_peer: Callable[[str], object], *, use_proxies: bool) -> None:
        self._check_peer = check_peer
        self._client = httpx.Client(verify=tls_context(), trust_env=use_proxies, timeout=SILENT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """Send one GET and give the answer, its body not yet read; `CutShort` if a connection fails or breaks."""
        plain = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        try:
            with self._client.stream("GET", url, headers=plain, extensions={"trace": self._guard(url)}) as response:
                yield response
        except httpx.RequestError as error:
            raise CutShort(f"{type(error).__name__} {error}".strip()) from None
        except httpx.InvalidURL as error:
            raise DownloadError(f"The output's URL is malformed: {error}.") from None

    def _guard(self, url: str) -> Callable[[str, Any], None]:
        host = httpx.URL(url).host
        direct = False

        def trace(event: str, info: Any) -> None:
            nonlocal direct
            if event == "connection.connect_tcp.started":
                direct = info["host"] in {host, host.encode()}
            elif event == "connection.connect_tcp.complete" and direct:
                stream = info["return_value"]
                try:
                    self._check_peer(stream.get_extra_info("server_addr")[0])
                except Exception:
                    stream.close()
                    raise

        return trace
