"""The service in a box: the same contract over real HTTP, real (preview) videos, and faults on demand.

    with Sandbox() as box:
        client = LipsyncClient(api_key=box.api_key, base_url=box.base_url)

Importing this module is nearly free; the server is loaded when a `Sandbox` starts.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import quote

from lipsync_nodes.errors import ConfigurationError, JobNotFound

if TYPE_CHECKING:
    from lipsync_nodes.sandbox.server.journal import Received
    from lipsync_nodes.sandbox.server.thread import Running

__all__ = ["MEDIA", "Sandbox"]

MEDIA: Final = Path(__file__).parent / "media"
"""The folder of the media for demos and tests: `portrait.jpg`, `duet.jpg`, `speech_left.mp3`, `speech_right.mp3`."""

_SERVER = ("starlette", "uvicorn")
_RENDERER = ("av", "cv2", "numpy")
_DEFAULT_KEY = "sk_sandbox_local"
_ENDINGS = (signal.SIGINT, signal.SIGTERM)
_LOG = logging.getLogger("lipsync_nodes.sandbox")
_OPEN = (
    "The sandbox listens on %s:%s: whoever can reach that sees the page with its jobs, and can set faults and reset "
    "it, all without a key."
)


class Sandbox:
    """A sandbox on this machine. A context manager; `start` and `stop` do the same by hand.

    Args:
        folder: where jobs, files and videos are kept, so that they are there the next time; None for a temporary
            folder that is removed at the end.
        host: the address to listen on. Its pages need no key: keep to this machine unless you know who can reach it.
        port: the port, 0 for a free one.
        api_key: the one key to accept; None for every key of the shape sk_….
        concurrency: how many videos are rendered at a time; None for up to two.
        renderer: `preview` fetches the media and renders; `instant` answers every job with a small test card.
        seconds: how long an instant job takes.
        seed: gives the same job ids every time.

    Raises:
        ConfigurationError: the extra `sandbox` is not installed.

    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        concurrency: int | None = None,
        renderer: Literal["preview", "instant"] = "preview",
        seconds: float = 0.0,
        seed: int | None = None,
    ) -> None:
        _require(_SERVER if renderer == "instant" else _SERVER + _RENDERER)
        from lipsync_nodes.sandbox.faults.rules import Faults  # noqa: PLC0415  # the import above is to stay cheap

        self._folder = folder
        self._address = (host, port)
        self._key = api_key
        del api_key  # an argument is a local variable, which tracebacks can show
        self._concurrency = 0 if renderer == "instant" else max(1, concurrency or min(2, os.cpu_count() or 1))
        self._seconds = seconds
        self._seed = seed
        self._faults = Faults()
        self._running: Running | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def start(self) -> Self:
        """Start; it accepts requests when this returns."""
        from lipsync_nodes.sandbox.server.service import build  # noqa: PLC0415
        from lipsync_nodes.sandbox.server.thread import Running, listen  # noqa: PLC0415  # see __init__

        if self._running:
            return self
        folder = self._make_folder()
        try:
            listener = listen(*self._address)
            url = _url(self._address[0], listener.getsockname()[1])
            self._running = Running(
                listener,
                lambda: build(
                    folder, url, key=self._key, concurrency=self._concurrency,
                    seconds=self._seconds, seed=self._seed, faults=self._faults,
                ),
                self._address[0],
            )  # fmt: skip
        except BaseException:
            self._clean_up()
            raise
        if self._running.is_reachable:
            _LOG.warning(_OPEN, *self._address)
        return self

    def stop(self) -> None:
        """Stop at once, whoever is waiting for an answer; jobs that have not ended go on at the next start."""
        running, self._running = self._running, None
        if running:
            running.stop()
        self._clean_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self._running else 'stopped'}>"

    @property
    def url(self) -> str:
        """Where it is: `http://127.0.0.1:PORT`."""
        return self._up.service.url

    @property
    def base_url(self) -> str:
        """The API's base URL, for a client or for LIPSYNC_BASE_URL."""
        return f"{self.url}/api/v1"

    @property
    def api_key(self) -> str:
        """A key that it accepts."""
        return self._key or _DEFAULT_KEY

    def fault(self, action: str, **parameters: Any) -> None:
        """Set one more fault rule; `faults.Rule` says what there is. It may be set before the start.

        Raises ValueError if there is no such rule.
        """
        from lipsync_nodes.sandbox.faults.rules import Rule  # noqa: PLC0415  # see __init__

        self._faults.add(Rule.model_validate({"action": action, **parameters}))

    def clear_faults(self) -> None:
        """Lift all fault rules."""
        self._faults.replace([])

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each matched and struck."""
        return self._faults.shown()

    @property
    def requests(self) -> list[Received]:
        """What it received, the oldest first; its own page and `/sandbox/…` left out."""
        return self._up.service.journal.all()

    def received(self, where: str) -> list[Received]:
        """Return what it received at one place: submit, poll, output or files."""
        return [entry for entry in self.requests if entry.where == where]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the latest jobs, the newest first, with all that the page shows of them."""
        from lipsync_nodes.sandbox.server.control import shown  # noqa: PLC0415  # see __init__

        service = self._up.service
        return [shown(service, row, service.url) for row in service.store.newest()]

    def report(self, job_id: str) -> dict[str, Any]:
        """Return all that is known of one job, with `sync`, `seconds`, `width`, `height`, `fps` of its video.

        Raises JobNotFound if there is no such job.
        """
        from lipsync_nodes.sandbox.server.control import shown  # noqa: PLC0415  # see __init__

        service = self._up.service
        row = service.store.get(job_id)
        if row is None:
            raise JobNotFound("The sandbox knows no such job.", job_id=job_id)
        return {**shown(service, row, service.url), **row.picture}

    def publish(self, file: Path) -> str:
        """Put a local file into the asset store and return its URL.

        Raises ConfigurationError if it cannot be read, or is larger than the store takes.
        """
        from lipsync_nodes.sandbox.server.files import TooLarge, in_chunks  # noqa: PLC0415  # see __init__

        running = self._up
        try:
            path = running.call(running.service.files.put(file.name, in_chunks(file)))
        except (OSError, ValueError, TooLarge) as error:
            reason = getattr(error, "strerror", None) or str(error) or "it is too large"
            raise ConfigurationError(f"The file {file} cannot be published: {reason}.") from None
        return f"{self.url}/files/{quote(path)}"

    def reset(self) -> None:
        """Forget jobs, faults and requests."""
        self._up.call(self._up.service.reset())

    def serve(self, *, log: Literal["plain", "json"] = "plain") -> None:
        """Run in the foreground, for the command line, until Ctrl-C or a polite kill.

        Raises ConfigurationError if it cannot start: a port or a folder that cannot be used, a host that is none.
        """
        from lipsync_nodes.sandbox.server.foreground import logging_to_stderr  # noqa: PLC0415  # see __init__

        with _told_to_end() as told, logging_to_stderr(log, self._key) as say, self:
            accepted = self._up.service.keys.accepted
            say("The sandbox is at %s (API: %s). It accepts %s. Ctrl-C ends it.", self.url, self.base_url, accepted)
            while not told:
                time.sleep(0.2)  # Windows hears Ctrl-C only between waits
            say("The sandbox ends.")

    @property
    def _up(self) -> Running:
        if self._running is None:
            raise ConfigurationError("The sandbox is not running.", hint="Start it, or use it in a `with` statement.")
        return self._running

    def _make_folder(self) -> Path:
        """Return the folder to work in, a temporary one if none was given."""
        if self._folder is not None:
            return Path(self._folder)
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="lipsync-sandbox-", ignore_cleanup_errors=True)
        except OSError as error:
            raise ConfigurationError(f"There is no room for temporary files: {error.strerror or error}.") from None
        return Path(self._temporary.name)

    def _clean_up(self) -> None:
        if self._temporary:
            self._temporary.cleanup()
            self._temporary = None


def _require(packages: tuple[str, ...]) -> None:
    missing = [package for package in packages if not importlib.util.find_spec(package)]
    if missing:
        raise ConfigurationError(
            f"The sandbox needs packages that are not installed: {', '.join(missing)}.",
            hint="Install them with: pip install 'lipsync-nodes[sandbox]'",
        )


@contextmanager
def _told_to_end() -> Iterator[list[int]]:
    """Note Ctrl-C and a polite kill, as long as the context lasts, instead of breaking off; only the main thread can.

    A list, because a handler that sets an Event would wait for ever if it came in the middle of that Event's `wait`.
    """
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    heard = [number for number in _ENDINGS if signal.getsignal(number) != signal.SIG_IGN]  # as `nohup` and `&` want it
    before = {number: signal.signal(number, lambda which, _: told.append(which)) for number in heard}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _url(host: str, port: int) -> str:
    """Return a URL to reach the address by; all addresses are reached by the loopback one."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # translated away
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
