"""Runs the jobs: renders a few at a time, ends them, and delivers their webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes import words
from lipsync_nodes.errors import InvalidRequest, LipsyncError
from lipsync_nodes.media import estimate_credits
from lipsync_nodes.sandbox.faults.rules import Faults
from lipsync_nodes.sandbox.jobs.clock import Clock, step
from lipsync_nodes.sandbox.jobs.forms import media_of, parse_form
from lipsync_nodes.sandbox.jobs.media import MediaFetcher, NotFetched, new_http
from lipsync_nodes.sandbox.jobs.outcome import Outcome
from lipsync_nodes.sandbox.jobs.renderer import Renderer, RenderFailed, WorkerDied, order_for
from lipsync_nodes.sandbox.jobs.store import JobStore, StoredJob
from lipsync_nodes.sandbox.jobs.webhooks import WebhookSender
from lipsync_nodes.service import Form, spec_named

if TYPE_CHECKING:
    import httpx

__all__ = ["JobRunner"]

_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
_TEST_CARD: Final = Path(__file__).parent / "card.mp4"
# A signal that kills a worker may be meant for the sandbox too. The sandbox then stops within this many seconds.
_STOP_DELAY: Final = 1.0


class _Interrupted(Exception):
    """The sandbox stops. The job stays as it is and continues at the next start."""


class JobRunner:
    """Runs jobs in the server's event loop.

    Args:
        outputs: the folder of the videos.
        store: the jobs.
        stored_file: returns the path of a URL's file if it is in the sandbox's own file store.
        faults: the fault rules.
        clock: the sandbox's clock.
        concurrency: how many videos are rendered at a time; with 0 every job gets a test card instead of a video.
        seconds: how long such a job takes.

    Attributes:
        progress: of each job that is being rendered, from 0 to 1.
        stopping: whether the sandbox is about to stop. A worker that dies then does not fail its job.

    """

    def __init__(
        self,
        outputs: Path,
        store: JobStore,
        stored_file: Callable[[str], Path | None],
        faults: Faults,
        clock: Clock,
        *,
        concurrency: int,
        seconds: float,
    ) -> None:
        self.outputs = outputs
        self.progress: dict[str, float] = {}
        self.stopping = False
        self._store = store
        self._stored_file = stored_file
        self._clock = clock
        self._seconds = seconds
        self._http: httpx.AsyncClient | None = None
        self._webhooks = WebhookSender(store, faults, self._client, clock)
        self._renderers = [Renderer() for _ in range(concurrency)]
        self._idle: asyncio.Queue[Renderer] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Start, and resume the jobs that an earlier run left unfinished."""
        words.load()  # a job's error must find its sentence, also when no more files can be opened
        self.outputs.mkdir(parents=True, exist_ok=True)
        for renderer in self._renderers:
            self._idle.put_nowait(renderer)
        self.resume()

    def resume(self) -> None:
        """Start the jobs that are in the store and have not ended."""
        for job in self._store.unfinished():
            self.start_job(job)

    async def stop(self) -> None:
        """Stop all work. Unfinished jobs stay in the store as they are."""
        await self._cancel_tasks()
        for renderer in self._renderers:
            await renderer.close()
        if self._http:
            await self._http.aclose()

    async def reset(self) -> None:
        """Delete all jobs and their videos."""
        await self._cancel_tasks()
        self._store.clear()
        for output in self.outputs.iterdir():
            output.unlink(missing_ok=True)

    def accept(self, job: StoredJob) -> StoredJob:
        """Store a new job and start it; return it with its id. An instant job that takes no time has ended then."""
        if not self._renderers:
            ends_now = self._end_of_instant(job) <= self._clock.now()
            ending = Outcome(output=_TEST_CARD.name).ending(job, self._clock.now()) if ends_now else {}
            job = replace(job, started=job.created, **ending)
        self._store.add(job)
        if job.ended:
            _log_end(job)
        if job.open:
            self.start_job(job)
        return job

    def start_job(self, job: StoredJob) -> None:
        """Start a job, or resume it."""
        task = asyncio.create_task(self._run_guarded(job))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._forget(job.id))

    def _forget(self, job_id: str) -> None:
        self._tasks.pop(job_id, None)
        self._clock.stir()

    async def advance(self, seconds: float, *, outside: bool = True) -> None:
        """Advance the clock. Return once all that is due by then has happened.

        Args:
            seconds: by how much.
            outside: whether to wait for videos that are being rendered and for receivers of webhooks, too.

        Raises ValueError if the number of seconds is negative or too large.

        """
        await self._clock.advance(step(seconds), self._tasks, outside=outside)

    async def wait_for(self, job_id: str) -> None:
        """Wait until a job has ended and its webhook has been delivered."""
        if task := self._tasks.get(job_id):
            await asyncio.wait({task})

    def output_of(self, job: StoredJob) -> Path | None:
        """Return the file of a job's video, or None."""
        file = _TEST_CARD if job.output == _TEST_CARD.name else self.outputs / job.output
        return file if job.output and file.is_file() else None

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        return [renderer.pid for renderer in self._renderers if renderer.pid]

    async def _run_guarded(self, job: StoredJob) -> None:
        """Run a job to its end, whatever happens."""
        try:
            await self._run(job)
        except _Interrupted:
            _LOG.info("job %s is interrupted and goes on at the next start", job.id, extra={"job": job.id})
        except Exception as error:  # noqa: BLE001  # a bug here must not leave the job processing forever
            _LOG.exception("job %s: the sandbox itself failed", job.id)
            failure = LipsyncError(code="sandbox.failed", kind=type(error).__name__)
            self._end(job.id, Outcome().fail(failure))
        finally:
            self.progress.pop(job.id, None)

    async def _run(self, job: StoredJob) -> None:
        ended: StoredJob | None = job
        if job.status == "processing":  # otherwise only its webhook remains
            outcome = await (self._rendered(job) if self._renderers else self._instant(job))
            await self._clock.sleep_until(job.created + _least_seconds(job))
            ended = self._end(job.id, outcome)
        if ended and ended.webhook:
            await self._webhooks.deliver(ended)

    def _end(self, job_id: str, outcome: Outcome) -> StoredJob | None:
        job = self._store.get(job_id)
        ended = self._store.change(job_id, **outcome.ending(job, self._clock.now())) if job else None
        if ended:
            _log_end(ended)
        return ended

    async def _instant(self, job: StoredJob) -> Outcome:
        """End a job with the test card."""
        await self._clock.sleep_until(self._end_of_instant(job))
        return Outcome(output=_TEST_CARD.name)

    def _end_of_instant(self, job: StoredJob) -> float:
        return job.created + max(self._seconds, _least_seconds(job))

    async def _rendered(self, job: StoredJob) -> Outcome:
        with self._clock.outside():
            return await self._preview(job)

    async def _preview(self, job: StoredJob) -> Outcome:
        """Render a job's video once a worker is idle."""
        outcome = Outcome()
        renderer = await self._idle.get()
        try:
            self._store.change(job.id, started=self._clock.now())
            _LOG.info("job %s started: %s", job.id, job.endpoint, extra={"job": job.id, "endpoint": job.endpoint})
            await self._render(job, renderer, outcome)
        except (NotFetched, RenderFailed, InvalidRequest) as error:
            outcome.fail(error)
        finally:
            self._idle.put_nowait(renderer)
        return outcome

    async def _render(self, job: StoredJob, renderer: Renderer, outcome: Outcome) -> None:
        spec = spec_named(job.endpoint)
        form = parse_form(spec, job.form)
        part = self.outputs / f"{job.id}.part.mp4"
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as clean:
            clean.callback(part.unlink, missing_ok=True)
            fetcher = MediaFetcher(self._client(), self._stored_file)
            media = await fetcher.fetch_all(media_of(spec, form), Path(folder))
            order = order_for(spec, form, media, part)
            rendering = renderer.run(order, lambda news: self._note(job.id, form, outcome, news))
            outcome.picture = await self._unless_stopping(rendering)
            if warning := outcome.picture.get("warning"):
                _LOG.warning("job %s: the video may be wrong", job.id, extra={"job": job.id, **warning})
            part.replace(self.outputs / f"{job.id}.mp4")
        outcome.output = f"{job.id}.mp4"

    async def _unless_stopping(self, rendering: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Return what the renderer returns; raise _Interrupted if its worker died because the sandbox stops."""
        try:
            return await rendering
        except WorkerDied:
            if not self.stopping:
                await asyncio.sleep(_STOP_DELAY)
            if self.stopping:
                raise _Interrupted from None
            raise

    def _note(self, job_id: str, form: Form, outcome: Outcome, news: Mapping[str, Any]) -> None:
        """Record what a worker reports: first the lengths of the media, then its progress."""
        if lengths := news.get("lengths"):
            outcome.lengths = lengths
            cost = estimate_credits(form, lengths=lengths, allow_long=True)
            outcome.credits, outcome.doubt = int(cost), cost.caveat
        if fraction := news.get("progress"):
            if int(fraction * 10) > int(self.progress.get(job_id, 0) * 10):
                _LOG.info("job %s: %d %%", job_id, fraction * 100, extra={"job": job_id, "progress": fraction})
            self.progress[job_id] = fraction

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = new_http()
        return self._http

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _least_seconds(job: StoredJob) -> float:
    """Return how long a job takes at least, by its fault rules."""
    return float(job.quirks.get("seconds", 0))


def _log_end(job: StoredJob) -> None:
    facts = {"job": job.id, "status": job.status, "ended": job.ended, "error": job.error}
    _LOG.info("job %s %s %s", job.id, job.status, job.error, extra=facts)
