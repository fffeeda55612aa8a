"""The two clients: `LipsyncClient` for ordinary code, `AsyncLipsyncClient` for an event loop.

Both are faces of the same flows; what is sent and when is decided in `flow`, so the two cannot drift apart.
All times are in seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar, Unpack, overload

from lipsync_nodes.client._base import BaseClient, concerns_ledger, job_in
from lipsync_nodes.client._many import Many, ManyOptions
from lipsync_nodes.client._options import OnUpdate, SubmitOptions
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.flows import Event, Flow
from lipsync_nodes.http import Transport
from lipsync_nodes.media import OnProgress, PreparedForm
from lipsync_nodes.service import Form, Job

__all__ = [
    "LipsyncClient",
    "T",
]


T = TypeVar("T")


class LipsyncClient(BaseClient):
    """The service, for ordinary code. A context manager, safe to share between threads.

    Args:
        api_key: the key; by default LIPSYNC_API_KEY or the profile's.
        base_url: where the service is; by default LIPSYNC_BASE_URL, the profile's, or the service itself.
        profile: the name of a profile, or a `Profile`.
        http_client: an `httpx.Client` to send through instead of an own one; it is not closed.
        ledger: what keeps this client from paying twice, a `Ledger` or a `RecordJournal` over a host's own store;
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

    def submit(self, form: Form | PreparedForm, **options: Unpack[SubmitOptions]) -> Job:
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
        return self._drive(self._poll(job_id, timeout))

    def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        just_submitted: bool = False,
    ) -> Job:
        """Wait until a job has its video and return it. Passing errors are tolerated until the deadline.

        Args:
            job_id: which job.
            timeout: seconds to wait at most; by default 1800, or more where the ledger knows of a long audio.
            poll_interval: mean seconds between two looks; 7.5 by default, 30 where a webhook is expected.
            on_update: called with the job at each look.
            just_submitted: it was only just made. The first poll comes after a part of the interval, by chance, so that
                a crowd of waiters is spread; and not every server of the service may know the job yet.

        Raises:
            JobFailed: it ended without a video.
            JobTimeout: it goes on; wait again.
            AuthenticationError, JobNotFound: asking further is of no use.

        """
        return self._drive(self._wait(job_id, timeout, poll_interval, just_submitted=just_submitted), on_update)

    def run(
        self,
        form: Form | PreparedForm,
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
        self,
        forms: Iterable[Form],
        *,
        return_exceptions: Literal[False] = ...,
        **options: Unpack[ManyOptions],
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

        return self._transport.drive(doing, record, self._ledger, tell=tell, stop=stop)
