"""The two clients: `LipsyncClient` for ordinary code, `AsyncLipsyncClient` for an event loop.

Both are faces of the same flows; what is sent and when is decided in `flow`, so the two cannot drift apart.
All times are in seconds.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar, Unpack, overload

from lipsync_nodes.catalogue import spec_of
from lipsync_nodes.contract import Form, Job
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.events import Event, Submission
from lipsync_nodes.flow import Flow
from lipsync_nodes.many import Many, ManyOptions
from lipsync_nodes.observers import observed
from lipsync_nodes.plans import OnUpdate, Plans, SubmitOptions, concerns_ledger, job_in
from lipsync_nodes.results import OnProgress
from lipsync_nodes.transport import AsyncTransport, Transport

__all__ = ["AsyncLipsyncClient", "LipsyncClient"]

T = TypeVar("T")


class LipsyncClient(Plans):
    """The service, for ordinary code. A context manager, safe to share between threads.

    Args:
        api_key: the key; by default LIPSYNC_API_KEY or the profile's.
        base_url: where the service is; by default LIPSYNC_BASE_URL, the profile's, or the service itself.
        profile: the name of a profile, or a `Profile`.
        http_client: an `httpx.Client` to send through instead of an own one; it is not closed.
        ledger: the journal that keeps this client from paying twice, a `Ledger` or what a host keeps in its place;
            needed for submission keys.
        budget: the most credits that all submits of this client together may cost; a `Budget` is one for several.
        policy: how patient single requests are.

    Raises:
        ConfigurationError: no key, no such profile, an unsafe base URL.

    """

    _driver = Transport
    _transport: Transport

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client may be used again."""
        self._transport.close()
        self._close_journal()

    def submit(self, form: Form, **options: Unpack[SubmitOptions]) -> Job:
        """Submit a form and return the job as the service first described it, with its id.

        It costs money, so it is sent at most once unless it surely was not received. Local files are published first.

        Args:
            form: what to make; its class picks the endpoint.
            **options: `webhook`, `key`, `estimate`, `target`, `resubmit_uncertain`, `resubmit_changed`, `allow_long`;
                see `SubmitOptions`.

        Raises:
            SubmissionUncertain: the outcome is unknown, now or of an earlier submit of this key; the job may exist.
            BudgetExceeded: it would cost more than is left of the budget; nothing was sent.
            LipsyncError: anything else that went wrong; nothing was charged, unless it names a job: that one was made,
                but the ledger could not note it.

        """
        return self._drive(self._submit(self._submission(form, **options)))

    def job(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Ask for a job once.

        Args:
            job_id: which job.
            timeout: seconds that it may take at most; by default the policy's, 60.

        Raises:
            JobNotFound: the service knows no such job.
            LipsyncError: no readable answer came.

        """
        return self._drive(self._look(job_id, timeout))

    def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        fresh: bool = False,
    ) -> Job:
        """Wait until a job has its video and return it. Passing errors are tolerated until the deadline.

        Args:
            job_id: which job.
            timeout: seconds to wait at most; by default 1800, or more where the ledger knows of a long audio.
            poll_interval: mean seconds between two looks; 7.5 by default, 30 where a webhook is expected.
            on_update: called with the job at each look.
            fresh: it was only just made. The first look comes after a part of the interval, by chance, so that a crowd
                of waiters is spread; and not every server of the service may know the job yet.

        Raises:
            JobFailed: it ended without a video.
            JobTimeout: it goes on; wait again.
            AuthenticationError, JobNotFound: asking further is of no use.

        """
        return self._drive(self._wait(job_id, timeout, poll_interval, fresh=fresh), on_update)

    def run(
        self,
        form: Form,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        **options: Unpack[SubmitOptions],
    ) -> Job:
        """Submit a form and wait for its video; arguments and errors as of `submit` and `wait`.

        A *timeout* bounds the whole call, from before local files are published: also the queue for the profile's own
        limits and the wait for another submit of the same key. None is begun when hardly any time is left for its
        answer; one that has no answer by the deadline is uncertain. Without a *timeout* the queue has bounds of its
        own (the policy's), and the default counts from the submit on.

        Raises:
            SubmitTimeout: the time ran out before anything was sent.

        """
        began = time.monotonic()
        running = self._run(self._submission(form, timeout, **options), timeout, poll_interval, began)
        return self._drive(running, on_update)

    @overload
    def run_many(
        self, forms: Iterable[Form], *, return_exceptions: Literal[True], **options: Unpack[ManyOptions]
    ) -> list[Job | LipsyncError]: ...

    @overload
    def run_many(
        self, forms: Iterable[Form], *, return_exceptions: Literal[False] = ..., **options: Unpack[ManyOptions]
    ) -> list[Job]: ...

    def run_many(
        self, forms: Iterable[Form], *, return_exceptions: bool = False, **options: Unpack[ManyOptions]
    ) -> list[Job] | list[Job | LipsyncError]:
        """Run many forms, so many jobs at a time, and return the jobs in the order of the forms.

        Args:
            forms: what to make.
            return_exceptions: put a job's error in its place. Otherwise nothing more is submitted after the first
                failure, what was submitted is waited for, and the first error is raised, the other job ids in a note.
            **options: `concurrency`, `estimates`, `timeout`, `poll_interval`, `on_update`; see `ManyOptions`.

        """
        many = Many(forms, return_exceptions, **options)
        stop = threading.Event()

        def one(index: int) -> None:
            began = time.monotonic()
            with many.outcome(index) as due:
                if due:
                    submission = self._submission(many.forms[index], many.timeout, estimate=many.estimates[index])
                    running = self._run(submission, many.timeout, many.poll_interval, began)
                    many.outcomes[index] = self._drive(running, many.listener(index), stop)

        with many.explained(), ThreadPoolExecutor(many.concurrency) as pool:
            try:
                list(pool.map(one, range(len(many.forms))))
            except BaseException:  # Ctrl-C: wake whoever sleeps, so that the process can end
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return many.settle()

    def download(
        self,
        job_or_url: Job | str,
        path: str | Path,
        *,
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> Path:
        """Save a job's video, whole or not at all, and return where it is.

        Args:
            job_or_url: a finished job, or the URL of its output.
            path: the file to write, or a folder (there already, or ending in a slash), where it is named by the job.
            on_progress: called with the bytes so far and the bytes in all, None if that is not known.
            timeout: the most seconds that it may take; by default ten minutes, and more while bytes come.

        Raises:
            DownloadError: it could not be saved; nothing half-written was left.
            LipsyncError: it was saved, but the ledger could not note where.

        """
        return self._download(job_or_url, path, on_progress, threading.Event(), timeout)

    def _drive(self, doing: Flow[T], on_update: OnUpdate | None = None, stop: threading.Event | None = None) -> T:
        def record(event: Event) -> object:
            answer = self._note(event) if concerns_ledger(event) else None
            self._report(event)
            return answer

        def tell(event: Event) -> None:
            if on_update is not None and (job := job_in(event)):
                on_update(job)

        return self._transport.drive(doing, record, self._journal, tell=tell, stop=stop)


class AsyncLipsyncClient(Plans):
    """The service, for an event loop; arguments, results and errors as of `LipsyncClient`.

    All clients of a loop share its connections and the bound on requests in flight. Close it (or leave its
    `async with`) in the loop that used it.
    """

    _driver = AsyncTransport
    _transport: AsyncTransport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the loop's connections back; the client may be used again."""
        await self._transport.close()
        self._close_journal()

    async def submit(self, form: Form, **options: Unpack[SubmitOptions]) -> Job:
        """Submit a form; see `LipsyncClient.submit`.

        A caller that is cancelled while the request is on its way does not lose the job: its id is still written down.
        """
        submission = await self._prepared(form, None, **options)
        return await self._drive(self._submit(submission))

    async def job(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Ask for a job once; see `LipsyncClient.job`."""
        return await self._drive(self._look(job_id, timeout))

    async def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,  # the deadline is the flow's, the same for both clients
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        fresh: bool = False,
    ) -> Job:
        """Wait until a job has its video; see `LipsyncClient.wait`. `on_update` may be a coroutine function."""
        waiting = await self._transport.in_ledger(partial(self._wait, job_id, timeout, poll_interval, fresh=fresh))
        return await self._drive(waiting, on_update)

    async def run(
        self,
        form: Form,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        **options: Unpack[SubmitOptions],
    ) -> Job:
        """Submit a form and wait for its video; see `LipsyncClient.run`."""
        began = time.monotonic()
        submission = await self._prepared(form, timeout, **options)
        return await self._drive(self._run(submission, timeout, poll_interval, began), on_update)

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
        """Run many forms, so many jobs at a time; see `LipsyncClient.run_many`."""
        many = Many(forms, return_exceptions, **options)
        gate = asyncio.Semaphore(many.concurrency)

        async def one(index: int) -> None:
            async with gate:
                began = time.monotonic()
                with many.outcome(index) as due:
                    if due:
                        submission = await self._prepared(
                            many.forms[index], many.timeout, estimate=many.estimates[index]
                        )
                        running = self._run(submission, many.timeout, many.poll_interval, began)
                        many.outcomes[index] = await self._drive(running, many.listener(index))

        with many.explained():
            # All are waited for, also when this is cancelled: each has its own job's id to tell.
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
        """Save a job's video; see `LipsyncClient.download`. It runs in a thread, and so does `on_progress`."""
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._download, job_or_url, path, on_progress, stop, timeout)
        finally:
            stop.set()  # also where the caller was cancelled and the thread is still at work

    async def _drive(self, doing: Flow[T], on_update: OnUpdate | None = None) -> T:
        def record(event: Event) -> asyncio.Future[object]:
            noting = self._transport.in_ledger(self._note, event) if concerns_ledger(event) else _nothing()
            return self._transport.begun(reported(noting, event)) if observed(event) else noting

        async def reported(noting: asyncio.Future[object], event: Event) -> object:
            answer = await asyncio.shield(noting)
            try:
                await asyncio.to_thread(self._report, event)  # an observer may be slow
            except RuntimeError:  # the program is at its end and starts no more work in threads
                self._report(event)
            return answer

        async def tell(event: Event) -> None:
            if on_update is not None and (job := job_in(event)):
                told = on_update(job)
                if inspect.isawaitable(told):
                    await told

        return await self._transport.drive(doing, record, self._journal, tell)

    async def _prepared(self, form: Form, timeout: float | None, **options: Unpack[SubmitOptions]) -> Submission:
        """Put a submission together; files and the ledger block, so what needs them is done in a thread."""
        spec_of(form)  # the first to look at it
        if form.assets or options.get("webhook") == "auto" or options.get("target") is not None:
            return await asyncio.to_thread(self._submission, form, timeout, **options)
        return self._submission(form, timeout, **options)


def _nothing() -> asyncio.Future[object]:
    """Return what is done already."""
    done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done
