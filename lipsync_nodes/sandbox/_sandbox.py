"""The class `Sandbox`: starts and stops a sandbox, and shows tests what it received."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import quote

from lipsync_nodes.errors import ConfigurationError, JobNotFound
from lipsync_nodes.sandbox._folder import Folder
from lipsync_nodes.sandbox._needs import RENDERER, SERVER, check_word, require
from lipsync_nodes.sandbox._token import announce, token_for

if TYPE_CHECKING:
    from lipsync_nodes.sandbox.server.journal import Received
    from lipsync_nodes.sandbox.server.sandbox_thread import ServerThread

__all__ = ["MEDIA", "Sandbox"]

MEDIA: Final = Path(__file__).parent / "media"
"""The folder of the media for demos and tests: portrait.jpg, duet.jpg, speech_left.mp3, speech_right.mp3, film.mp4."""


class Sandbox:
    """A sandbox on this machine. Use it in a `with` statement, or call `start` and `stop`.

    Args:
        folder: the folder for jobs, files and videos, which the next start finds again. Default: a temporary folder
            that is deleted at the end.
        host: the address to listen on. If other machines can reach it, everything under `/sandbox` needs the token.
        port: the port; 0 for a free one.
        api_key: the only accepted key; None accepts every key of the form sk_….
        concurrency: how many videos are rendered at a time; None for one or two, by the number of processors.
        renderer: `preview` downloads the media and renders a video; `instant` ends every job with a small test card.
        seconds: how long an instant job takes.
        seed: gives the same job ids on every run.
        clock: `real` runs with this machine's clock, `manual` stands still. `advance` moves both.
        advance_per_poll: by how many seconds each poll of a job advances the clock.
        outputs_expire: how many seconds after the end of a job its video can be downloaded; None for no limit.
            Default: the 7 days of the upstream.
        token: the token for everything under `/sandbox`. Default: none if only this machine can reach the sandbox, else
            `LIPSYNC_SANDBOX_TOKEN` or a random one.

    Raises:
        ConfigurationError: the extra `sandbox` is not installed.
        ValueError: `renderer` or `clock` is another word, or `advance_per_poll` is negative or too large.

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
        clock: Literal["real", "manual"] = "real",
        advance_per_poll: float = 0.0,
        outputs_expire: float | None = 7 * 24 * 3600.0,
        token: str | None = None,
    ) -> None:
        check_word("renderer", renderer, ("preview", "instant"))
        check_word("clock", clock, ("real", "manual"))
        require(SERVER if renderer == "instant" else SERVER + RENDERER)
        from lipsync_nodes.sandbox.faults.rules import Faults  # noqa: PLC0415  # importing this module must stay cheap
        from lipsync_nodes.sandbox.jobs.clock import step  # noqa: PLC0415

        self._folder = Folder(folder)
        self._address = (host, port)
        self._key = api_key
        self._token = token
        del api_key, token  # tracebacks can show local variables
        self._concurrency = 0 if renderer == "instant" else max(1, concurrency or min(2, os.cpu_count() or 1))
        self._seconds = seconds
        self._seed = seed
        self._clock = clock
        self._advance_per_poll = step(advance_per_poll)
        self._outputs_expire = outputs_expire
        self._faults = Faults()
        self._running: ServerThread | None = None

    def start(self) -> Self:
        """Start the sandbox. It accepts requests once this returns."""
        from lipsync_nodes.sandbox.server.sandbox_thread import ServerThread  # noqa: PLC0415
        from lipsync_nodes.sandbox.server.service import build  # noqa: PLC0415  # see __init__
        from lipsync_nodes.sandbox.server.thread import listen, url_of  # noqa: PLC0415

        if self._running:
            return self
        folder = self._folder.make()
        try:
            listener = listen(*self._address)
            try:
                token = token_for(listener.getsockname()[0], self._token)
            except BaseException:
                listener.close()
                raise
            url = url_of(self._address[0], listener.getsockname()[1])
            self._running = ServerThread(
                listener,
                lambda: build(
                    folder, url, key=self._key, concurrency=self._concurrency,
                    seconds=self._seconds, seed=self._seed, faults=self._faults, clock=self._clock,
                    advance_per_poll=self._advance_per_poll, outputs_expire=self._outputs_expire, token=token,
                ),
                self._address[0],
            )  # fmt: skip
        except BaseException:
            self._folder.clean_up()
            raise
        return self

    def stop(self) -> None:
        """Stop at once, without waiting for clients. Unfinished jobs continue at the next start in the same folder."""
        running, self._running = self._running, None
        if running:
            running.stop()
        self._folder.clean_up()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Sandbox {self.url if self._running else 'stopped'}>"

    @property
    def url(self) -> str:
        """The URL of the sandbox and of its page: `http://127.0.0.1:PORT`."""
        return self._server.service.url

    @property
    def base_url(self) -> str:
        """The base URL of the API, for a client or for LIPSYNC_BASE_URL."""
        return self._server.service.base_url

    @property
    def api_key(self) -> str:
        """An accepted API key."""
        from lipsync_nodes.settings import LOCAL_KEY  # noqa: PLC0415  # see __init__

        return self._key or LOCAL_KEY

    @property
    def token(self) -> str:
        """The token for everything under `/sandbox`; empty if none is needed."""
        return self._server.service.keys.token

    def fault(self, action: str, **parameters: Any) -> None:
        """Add a fault rule, also before the start; `lipsync_nodes.sandbox.faults.Rule` describes the parameters.

        Instead of the action, a rule on one line can be given: `submit:429,retry_after=2,times=3`.

        Raises ValueError if the rule is invalid.
        """
        from lipsync_nodes.sandbox._remote import parse_rule  # noqa: PLC0415  # see __init__
        from lipsync_nodes.sandbox.faults.rules import Rule  # noqa: PLC0415

        is_line = not parameters
        self._faults.add(parse_rule(action) if is_line else Rule.model_validate({"action": action, **parameters}))

    def clear_faults(self) -> None:
        """Remove all fault rules."""
        self._faults.replace([])

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The current fault rules, with how often each one matched and was applied."""
        return self._faults.shown()

    @property
    def requests(self) -> list[Received]:
        """The received requests, oldest first, without those for the page and for `/sandbox/…`."""
        return self._server.service.journal.all()

    def received(self, where: str) -> list[Received]:
        """Return the received requests of one kind: submit, poll, output or files."""
        return [entry for entry in self.requests if entry.where == where]

    def jobs(self) -> list[dict[str, Any]]:
        """Return the latest jobs, newest first, with everything that the page shows about them."""
        from lipsync_nodes.sandbox.server.describing import describe  # noqa: PLC0415  # see __init__

        service = self._server.service
        return [describe(service, job, service.url) for job in service.store.newest()]

    def report(self, job_id: str) -> dict[str, Any]:
        """Return everything about one job, including the `sync`, `seconds`, `width`, `height` and `fps` of its video.

        Its `warning` says what is wrong with the video, such as a mouth that does not follow the sound, or is None.

        Raises JobNotFound if there is no such job.
        """
        from lipsync_nodes.sandbox.server.describing import describe  # noqa: PLC0415  # see __init__

        service = self._server.service
        job = service.store.get(job_id)
        if job is None:
            raise JobNotFound(code="sandbox.no_such_job", job_id=job_id)
        shown = describe(service, job, service.url)
        return {**shown["picture"], **shown}

    def publish(self, file: Path) -> str:
        """Store a local file in the sandbox and return its URL.

        Raises ConfigurationError if the file cannot be read or is too large.
        """
        from lipsync_nodes.sandbox.server.files import TooLarge, in_chunks  # noqa: PLC0415  # see __init__

        server = self._server
        try:
            path = server.run(server.service.files.put(file.name, in_chunks(file)))
        except (OSError, ValueError, TooLarge) as error:
            reason = getattr(error, "strerror", None) or str(error) or "it is too large"
            raise ConfigurationError(code="sandbox.cannot_publish", file=file, reason=reason) from None
        return f"{self.url}/files/{quote(path)}"

    def advance(self, seconds: float) -> None:
        """Advance the clock. It returns once all that is due by then has happened, webhooks included.

        If the receiver of a webhook runs in the event loop of this thread, use
        `await asyncio.to_thread(sandbox.advance, 60)`.

        Raises ValueError if the number of seconds is negative or too large.
        """
        self._server.run(self._server.service.runner.advance(seconds))

    @property
    def now(self) -> float:
        """The time by the sandbox's clock, in seconds since 1970."""
        return self._server.service.clock.now()

    @property
    def advance_per_poll(self) -> float:
        """By how many seconds each poll of a job advances the clock. It can be set while the sandbox runs."""
        return self._server.service.advance_per_poll

    @advance_per_poll.setter
    def advance_per_poll(self, seconds: float) -> None:
        from lipsync_nodes.sandbox.jobs.clock import step  # noqa: PLC0415  # see __init__

        self._server.service.advance_per_poll = step(seconds)

    def reset(self) -> None:
        """Delete all jobs, stored files, fault rules and recorded requests. The clock does not go back."""
        self._server.run(self._server.service.reset())

    def export(self, path: Path) -> Path:
        """Save the state as one file, a zip: jobs, videos, stored files, fault rules and requests.

        Raises OSError if the file cannot be written.
        """
        from lipsync_nodes.sandbox.server.state import State  # noqa: PLC0415  # see __init__

        self._server.run(State(self._server.service).export(path))
        return path

    def load(self, path: Path) -> dict[str, int]:
        """Replace the state with an exported one. Jobs that had not ended start again.

        Return how many jobs, files, rules and requests it has.

        Raises OSError if the file cannot be read, and ValueError if it is not an exported state. Nothing has changed
        then.
        """
        from lipsync_nodes.sandbox.server.archive import BadArchive  # noqa: PLC0415  # see __init__
        from lipsync_nodes.sandbox.server.state import State  # noqa: PLC0415

        try:
            return self._server.run(State(self._server.service).load(path))
        except BadArchive as error:
            raise ValueError(str(error)) from None

    def serve(self, *, log: Literal["plain", "json"] = "plain") -> None:
        """Run in the foreground until Ctrl-C or SIGTERM, for the command line.

        Raises ConfigurationError if it cannot start: the port, the host or the folder cannot be used.
        """
        from lipsync_nodes.sandbox.server import foreground  # noqa: PLC0415  # see __init__

        with foreground.stop_signals() as signals, foreground.logging_to_stderr(log, self._key) as say, self:
            key = "it accepts only the key that it was started with" if self._key else "no API key is needed"
            say("The sandbox is at %s (set LIPSYNC_BASE_URL to it; %s). Ctrl-C ends it.", self.base_url, key)
            announce(self.token, self._token, self.url)
            while not signals:
                time.sleep(0.2)  # on Windows, Ctrl-C does not interrupt a wait
            say("The sandbox ends.")

    @property
    def _server(self) -> ServerThread:
        if self._running is None:
            raise ConfigurationError(code="sandbox.not_running", remedy="start_sandbox")
        return self._running
