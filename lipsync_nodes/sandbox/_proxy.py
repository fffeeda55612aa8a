"""The class `Proxy`: starts and stops a proxy in front of the service."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox._needs import SERVER, require
from lipsync_nodes.settings import is_loopback

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from lipsync_nodes.sandbox.proxy.differences import Difference
    from lipsync_nodes.sandbox.server.thread import AppThread, Served

__all__ = ["Proxy"]

_GRACE: Final = 10
"""Seconds that open requests have after the stop: one of them may be a submission that is being answered."""


class Proxy:
    """A proxy between a client and the service. Use it in a `with` statement, or call `start` and `stop`.

    It forwards each request once, with the client's own API key, and compares each response with what is known of the
    API. With *replay*, it answers from a tape and sends nothing.

    A submission that passes through it is a real one: it is paid for.

    Args:
        upstream: the base URL of the service.
        record: a file to record the exchanges in, without API keys and signatures. It must not exist.
        replay: a recorded file to answer from.
        host, port: the address to listen on; by default a free port of 127.0.0.1.
        speed: how much faster than recorded the jobs of a replay run.

    Raises:
        ConfigurationError: the extra `sandbox` is not installed, or the options exclude each other.

    """

    def __init__(
        self,
        upstream: str | None = None,
        *,
        record: Path | None = None,
        replay: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
    ) -> None:
        require((*SERVER, "jsonschema"))
        from lipsync_nodes.sandbox.proxy.differences import Differences  # noqa: PLC0415  # this module must stay cheap

        if (upstream is None) == (replay is None) or (record and replay):
            raise ConfigurationError(code="proxy.one_of", remedy="record_or_replay")
        self._upstream = (upstream or "").rstrip("/")
        self._record = record
        self._replay = replay
        self._address = (host, port)
        self._speed = speed
        self._differences = Differences()
        self._running: AppThread | None = None
        self._port = 0

    def start(self) -> Self:
        """Start the proxy. It accepts requests once this returns.

        Raises ConfigurationError if the address or the tape cannot be used.
        """
        from lipsync_nodes.sandbox.server.thread import AppThread, listen  # noqa: PLC0415  # see __init__

        if self._running:
            return self
        listener = listen(*self._address)
        self._port = listener.getsockname()[1]
        try:
            self._refuse_itself()
            build = self._builder(local=is_loopback(listener.getsockname()[0]))
        except BaseException:
            listener.close()
            raise
        self._running = AppThread(listener, build, "lipsync-proxy")
        return self

    def stop(self) -> None:
        """Stop. Requests that are being answered have 10 seconds to end."""
        running, self._running = self._running, None
        if running:
            running.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The base URL for clients."""
        from lipsync_nodes.sandbox.jobs.store import API_PATH  # noqa: PLC0415  # see __init__
        from lipsync_nodes.sandbox.server.thread import url_of  # noqa: PLC0415  # see __init__

        return url_of(self._address[0], self._port) + API_PATH

    @property
    def differences(self) -> list[Difference]:
        """What is different from what is known of the API, each once, in the order of its first appearance."""
        return [one for one in self._differences.all() if not one.is_news]

    @property
    def news(self) -> list[Difference]:
        """What came where nothing is documented: the errors of the service."""
        return [one for one in self._differences.all() if one.is_news]

    def serve(
        self, on_found: Callable[[Difference], object], *, log: Literal["plain", "json"] = "plain"
    ) -> list[Difference]:
        """Run in the foreground until Ctrl-C or SIGTERM, for the command line. Return the differences.

        Args:
            on_found: called in this thread with each difference, and with each piece of news.
            log: how to log to stderr.

        """
        from lipsync_nodes.sandbox.server import foreground  # noqa: PLC0415  # see __init__

        shown = 0
        with foreground.stop_signals() as signals, foreground.logging_to_stderr(log, None) as say:
            with self:
                say("The proxy is at %s (set LIPSYNC_BASE_URL to it). %s Ctrl-C ends it.", self.base_url, self._what())
                while not signals:
                    time.sleep(0.2)  # on Windows, Ctrl-C does not interrupt a wait
                    shown = self._show(on_found, shown)
            self._show(on_found, shown)
            say("The proxy ends. Differences: %d.", len(self.differences))
        return self.differences

    def _show(self, on_found: Callable[[Difference], object], shown: int) -> int:
        found = self._differences.all()
        for one in found[shown:]:
            on_found(one)
        return len(found)

    def _what(self) -> str:
        if self._replay:
            return f"It answers from {self._replay}."
        return f"It forwards to {self._upstream}: submissions are paid for."

    def _refuse_itself(self) -> None:
        target = urlsplit(self._upstream)
        if target.port == self._port and is_loopback(target.hostname or ""):
            raise ConfigurationError(code="proxy.of_itself", url=self._upstream, remedy="name_service")

    def _builder(self, *, local: bool) -> Callable[[], Served]:
        """Return what builds the application in the server's thread. The tape is opened here, where errors are seen."""
        from lipsync_nodes.sandbox.proxy.tape import Tape, read_tape  # noqa: PLC0415  # see __init__
        from lipsync_nodes.sandbox.server.host_check import HostCheck  # noqa: PLC0415
        from lipsync_nodes.sandbox.server.thread import Served  # noqa: PLC0415

        exchanges = read_tape(self._replay) if self._replay else []
        tape = Tape(self._record, self._upstream) if self._record else None

        def build() -> Served:
            app, close = self._replaying(exchanges) if self._replay else self._forwarding(tape)
            app = HostCheck(app, self._address[0]) if local else app
            return Served(app, close, grace=_GRACE, date_header=False)

        return build

    def _replaying(self, exchanges: list[Any]) -> tuple[ASGIApp, Callable[[], Awaitable[None]]]:
        from lipsync_nodes.sandbox.proxy.replaying import Replaying  # noqa: PLC0415  # see __init__

        async def close() -> None:
            """Nothing is open."""

        return Replaying(exchanges, self._speed), close

    def _forwarding(self, tape: Any) -> tuple[ASGIApp, Callable[[], Awaitable[None]]]:
        from lipsync_nodes.http import Forwarder  # noqa: PLC0415  # see __init__
        from lipsync_nodes.sandbox.proxy.forwarding import Forwarding  # noqa: PLC0415

        forwarder = Forwarder(self._upstream)

        async def close() -> None:
            await forwarder.close()
            if tape:
                tape.close()

        return Forwarding(forwarder, self._differences, tape), close
