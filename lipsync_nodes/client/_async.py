"""The asynchronous client."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, Unpack, overload

from lipsync_nodes.checks import Verdict, Verification
from lipsync_nodes.client._base import job_in
from lipsync_nodes.client._face import BaseClient
from lipsync_nodes.client._many import Many, ManyOptions
from lipsync_nodes.client._options import OnUpdate, SubmitOptions
from lipsync_nodes.client._sync import T
from lipsync_nodes.client._verify import VerifyOptions
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.flows import Event, Flow, Submission
from lipsync_nodes.http import AsyncTransport
from lipsync_nodes.media import GivenLengths, OnProgress, PreparedForm
from lipsync_nodes.service import Form, Job


class AsyncLipsyncClient(BaseClient):
    """A client for an event loop. It has the arguments, results and errors of `LipsyncClient`.

    All clients of a loop share their connections and the limit of simultaneous requests. Close the client, or leave its
    `async with`, in the same loop.
    """

    _loads_at_once = True  # later, this would block the event loop

    @staticmethod
    def _driver() -> type[Any]:
        return AsyncTransport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Release the connections of the loop. You can still use the client afterwards."""
        await self._backend.transport.close()
        self._backend.close_journal()

    async def submit(self, form: Form | PreparedForm, **options: Unpack[SubmitOptions]) -> Job:
        """Submit a form; see `LipsyncClient.submit`.

        If you cancel it while the request is being sent, the job is not lost: its id is still recorded in the ledger.
        """
        submission = await self._prepared(form, None, **options)
        return await self._drive(self._backend.submit(submission))

    async def check(
        self,
        form: Form | PreparedForm,
        *,
        lengths: GivenLengths | None = None,
        allow_long: bool = False,
        fetch: bool = False,
        key: str | None = None,
    ) -> Verdict:
        """Check a form without submitting it, in a thread; see `LipsyncClient.check`."""
        work = partial(self._backend.verdict, form, lengths, key, allow_long=allow_long, fetch=fetch)
        return await self._in_thread(work)

    async def job(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Fetch a job once; see `LipsyncClient.job`."""
        return await self._drive(self._backend.poll(job_id, timeout))

    async def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,  # the flow has the deadline, as in the blocking client
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        just_submitted: bool = False,
    ) -> Job:
        """Wait until a job has its video; see `LipsyncClient.wait`. `on_update` may be a coroutine function."""
        waiting = await self._backend.wait_on_loop(job_id, timeout, poll_interval, just_submitted=just_submitted)
        return await self._drive(waiting, on_update)

    async def run(
        self,
        form: Form | PreparedForm,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        **options: Unpack[SubmitOptions],
    ) -> Job:
        """Submit a form and wait for its video; see `LipsyncClient.run`."""
        began = time.monotonic()
        submission = await self._prepared(form, timeout, **options)
        took = await self._backend.took(submission)
        return await self._drive(self._backend.run(submission, timeout, poll_interval, began, took), on_update)

    @overload
    async def run_many(
        self, forms: Iterable[Form], *, return_exceptions: Literal[True], **options: Unpack[ManyOptions]
    ) -> list[Job | LipsyncError]: ...

    @overload
    async def run_many(
        self, forms: Iterable[Form], *, return_exceptions: Literal[False] = ..., **options: Unpack[ManyOptions]
    ) -> list[Job]: ...

    async def run_many(
        self, forms: Iterable[Form], *, return_exceptions: bool = False, **options: Unpack[ManyOptions]
    ) -> list[Job] | list[Job | LipsyncError]:
        """Run many forms, several at a time; see `LipsyncClient.run_many`."""
        many = Many(forms, return_exceptions, **options)
        gate = asyncio.Semaphore(many.concurrency)

        async def one(index: int) -> None:
            async with gate:
                began = time.monotonic()
                with many.outcome(index) as due:
                    if due:
                        submission = await self._prepared(many.forms[index], many.timeout, **many.options(index))
                        took = await self._backend.took(submission)
                        running = self._backend.run(submission, many.timeout, many.poll_interval, began, took)
                        many.outcomes[index] = await self._drive(running, many.listener(index))

        with many.explained():
            # Wait for all of them, even if this is cancelled: each error reports its job id.
            await asyncio.gather(*(one(index) for index in range(len(many.forms))), return_exceptions=True)
        return many.settle()

    async def download(
        self,
        job_or_url: Job | str,
        path: str | Path,
        *,
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> Path:
        """Save a job's video in a thread; see `LipsyncClient.download`. `on_progress` is called in that thread."""
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._backend.download, job_or_url, path, on_progress, stop, timeout)
        finally:
            stop.set()  # if this was cancelled, the thread is still running

    async def verify(self, job: Job | str | Path, **options: Unpack[VerifyOptions]) -> Verification:
        """Compare the movement of the mouth with the speech, in a thread; see `LipsyncClient.verify`."""
        subject = await asyncio.to_thread(self._backend.subject, job)
        if subject.unknown:
            subject = subject.known(await self.job(subject.unknown))
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._backend.verified, subject, stop, options)
        finally:
            stop.set()  # if this was cancelled, the thread is still running

    async def _in_thread(self, work: Callable[..., T]) -> T:
        """Run work in a thread, which ends soon if this is cancelled."""
        stop = threading.Event()
        try:
            result: T = await self._backend.transport.in_thread(partial(work, stop=stop))
        finally:
            stop.set()
        return result

    def _drive(self, doing: Flow[T], on_update: OnUpdate | None = None) -> Coroutine[Any, Any, T]:
        tell = None if on_update is None else partial(_tell, on_update)
        running: Coroutine[Any, Any, T] = self._backend.drive(doing, tell)
        return running

    async def _prepared(
        self, form: Form | PreparedForm, timeout: float | None, /, **options: Unpack[SubmitOptions]
    ) -> Submission:
        """Build a submission, in a thread if it needs files or the ledger, which block."""
        blocks = options.get("webhook") == "auto" or options.get("target") is not None or options.get("fetch")
        asks = options.get("on_check") and options.get("key")  # which reads the ledger
        if blocks or asks or getattr(form, "assets", None):
            return await self._in_thread(partial(self._backend.submission, form, timeout, **options))
        return self._backend.submission(form, timeout, **options)


def _tell(on_update: OnUpdate, event: Event) -> object:  # the driver awaits the result if it has to
    job = job_in(event)
    return on_update(job) if job else None
