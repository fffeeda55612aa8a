"""The works: takes jobs on, renders some at a time, ends them, has their webhooks delivered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import tempfile
import time
from collections.abc import Coroutine, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipsync_nodes.catalogue import NodeSpec, spec_named
from lipsync_nodes.contract import Form
from lipsync_nodes.credits import estimate_credits
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.sandbox.faults.rules import Faults
from lipsync_nodes.sandbox.jobs.media import Fetcher, NotFetched, new_http
from lipsync_nodes.sandbox.jobs.renderer import Crashed, Refused, Renderer, order_for
from lipsync_nodes.sandbox.jobs.store import JobStore, Row
from lipsync_nodes.sandbox.jobs.webhooks import Callbacks
from lipsync_nodes.sandbox.server.files import FileStore

if TYPE_CHECKING:
    import httpx

__all__ = ["API", "Works", "form_of", "media_of"]

API: Final = "/api/v1"
_LOG: Final = logging.getLogger("lipsync_nodes.sandbox")
# What killed a worker may be about to end the sandbox, too: this long until that is heard, in seconds.
_HEARING: Final = 1.0


class _PutDown(Exception):
    """The job is left as it is, for the next start."""


@dataclass(slots=True)
class _Outcome:
    """What became of a job, as attributes of its row."""

    error: str = ""
    output: str = ""
    lengths: dict[str, float] = field(default_factory=dict)
    credits: int | None = None
    doubt: str = ""
    picture: dict[str, Any] = field(default_factory=dict)


def form_of(spec: NodeSpec, state: Mapping[str, Any]) -> Form:
    """Read a formState; what the real service does with unknown fields is not known, so they are let pass."""
    known = spec.form.model_fields.keys() - {"extra"}
    return spec.form.model_validate({name: value for name, value in state.items() if name in known})


def media_of(spec: NodeSpec, form: Form) -> dict[str, str]:
    """Return the media URLs that a form gives."""
    return {field.name: url for field in spec.media if (url := getattr(form, field.name))}


class Works:
    """Carries jobs out. Lives in the server's event loop.

    Args:
        folder: where media and outputs are kept.
        store, files, faults: the jobs, the assets, the rules.
        concurrency: how many renders run at a time; 0 for none at all: every job is done with a test card instead.
        seconds: how long such a job takes.

    """

    def __init__(
        self, folder: Path, store: JobStore, files: FileStore, faults: Faults, *, concurrency: int, seconds: float
    ) -> None:
        self.outputs = folder / "outputs"
        self.progress: dict[str, float] = {}
        self.leaving = False
        """Whether the sandbox is about to end: a worker that dies now says nothing of its job."""
        self._store = store
        self._files = files
        self._seconds = seconds
        self._http: httpx.AsyncClient | None = None
        self._callbacks = Callbacks(store, faults, self._client)
        self._renderers = [Renderer() for _ in range(concurrency)]
        self._idle: asyncio.Queue[Renderer] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Go on with what an earlier run left undone."""
        self.outputs.mkdir(parents=True, exist_ok=True)
        for renderer in self._renderers:
            self._idle.put_nowait(renderer)
        for row in self._store.unfinished():
            self.take_on(row)

    async def stop(self) -> None:
        """Put everything down; unfinished jobs stay in the store as they are."""
        await self._drop_tasks()
        for renderer in self._renderers:
            await renderer.close()
        if self._http:
            await self._http.aclose()

    async def reset(self) -> None:
        """Forget all jobs and their outputs."""
        await self._drop_tasks()
        self._store.clear()
        for output in self.outputs.iterdir():
            output.unlink(missing_ok=True)

    def take_on(self, row: Row) -> None:
        """Begin a job, or go on with it."""
        task = asyncio.create_task(self._guarded(row.id, self._carry_out(row)))
        self._tasks[row.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(row.id, None))

    async def settled(self, job_id: str) -> None:
        """Wait until a job has ended and its webhook is delivered."""
        if task := self._tasks.get(job_id):
            await asyncio.wait({task})

    def output_of(self, row: Row) -> Path | None:
        """Return the file of a job's video, or None."""
        file = self.outputs / row.output
        return file if row.output and file.is_file() else None

    def pids(self) -> list[int]:
        """Return the process ids of the workers."""
        return [renderer.pid for renderer in self._renderers if renderer.pid]

    async def _guarded(self, job_id: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except _PutDown:
            _LOG.info("job %s is put down, for the next start", job_id, extra={"job": job_id})
        except Exception as error:  # noqa: BLE001  # the job shall not go on for ever, whatever it was
            _LOG.exception("job %s: the sandbox itself failed", job_id)
            self._end(job_id, _Outcome(error=f"The sandbox failed: {type(error).__name__}"))
        finally:
            self.progress.pop(job_id, None)

    async def _carry_out(self, row: Row) -> None:
        if row.status == "processing":
            outcome = await (self._preview(row) if self._renderers else self._instant(row))
            await asyncio.sleep(row.created + float(row.quirks.get("seconds", 0)) - time.time())
            ended = self._end(row.id, outcome)
        else:
            ended = row  # only its webhook was left to do
        if ended and ended.webhook:
            await self._callbacks.deliver(ended, f"{API}/{ended.endpoint}")

    def _end(self, job_id: str, outcome: _Outcome) -> Row | None:
        row = self._store.get(job_id)
        if row is None:
            return None
        error = row.quirks.get("fail") or outcome.error
        known = asdict(outcome) | {"error": error, "output": "" if error else outcome.output}
        ending = {"status": "failed" if error else "completed", "ended": time.time()}
        delivery = {"state": "pending"} if row.webhook else {}
        _LOG.info("job %s %s %s", job_id, ending["status"], error, extra={"job": job_id, **ending, "error": error})
        return self._store.change(job_id, **known, **ending, delivery=delivery)

    async def _instant(self, row: Row) -> _Outcome:
        self._store.change(row.id, started=row.created)
        await asyncio.sleep(row.created + self._seconds - time.time())
        card = self.outputs / "card.mp4"
        if not card.exists():
            shutil.copyfile(Path(__file__).parent / "card.mp4", card)
        return _Outcome(output=card.name)

    async def _preview(self, row: Row) -> _Outcome:
        outcome = _Outcome()
        renderer = await self._idle.get()
        try:
            self._store.change(row.id, started=time.time())
            _LOG.info("job %s started: %s", row.id, row.endpoint, extra={"job": row.id, "endpoint": row.endpoint})
            await self._render(row, renderer, outcome)
        except (NotFetched, Refused, InvalidRequest) as error:
            outcome.error = str(error)
        finally:
            self._idle.put_nowait(renderer)
        return outcome

    async def _render(self, row: Row, renderer: Renderer, outcome: _Outcome) -> None:
        spec = spec_named(row.endpoint)
        form = form_of(spec, row.form)
        part = self.outputs / f"{row.id}.part.mp4"
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, contextlib.ExitStack() as clean:
            clean.callback(part.unlink, missing_ok=True)
            media = await Fetcher(self._client(), self._files).fetch_all(media_of(spec, form), Path(folder))
            order = order_for(spec, form, media, part)
            outcome.picture = await self._survived(
                renderer.run(order, lambda news: self._note(row.id, form, outcome, news))
            )
            part.replace(self.outputs / f"{row.id}.mp4")
        outcome.output = f"{row.id}.mp4"

    async def _survived(self, rendering: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Return what a renderer returns; a worker's death is the job's failure only if the sandbox lives on."""
        try:
            return await rendering
        except Crashed:
            if not self.leaving:
                await asyncio.sleep(_HEARING)
            if self.leaving:
                raise _PutDown from None
            raise

    def _note(self, job_id: str, form: Form, outcome: _Outcome, news: Mapping[str, Any]) -> None:
        if lengths := news.get("lengths"):
            outcome.lengths = lengths
            named = {f"{name}_seconds": seconds for name, seconds in lengths.items()}
            cost = estimate_credits(form, **named, allow_long=True)
            outcome.credits, outcome.doubt = int(cost), cost.doubt
        if fraction := news.get("progress"):
            if int(fraction * 10) > int(self.progress.get(job_id, 0) * 10):
                _LOG.info("job %s: %d %%", job_id, fraction * 100, extra={"job": job_id, "progress": fraction})
            self.progress[job_id] = fraction

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = new_http()
        return self._http

    async def _drop_tasks(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
