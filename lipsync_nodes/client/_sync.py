"""The blocking client. The flows decide what is sent and when, so both clients behave the same.

All times are in seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from lipsync_nodes.client._face import BaseClient
from lipsync_nodes.errors import LipsyncError

if TYPE_CHECKING:  # loaded when the client is first used
    from lipsync_nodes.checks import Verdict, Verification
    from lipsync_nodes.client._many import ManyOptions
    from lipsync_nodes.client._options import OnUpdate, SubmitOptions
    from lipsync_nodes.client._verify import VerifyOptions
    from lipsync_nodes.flows import Event, Flow
    from lipsync_nodes.media import GivenLengths, OnProgress, PreparedForm
    from lipsync_nodes.service import Form, Job

T = TypeVar("T")


class LipsyncClient(BaseClient):
    """A client for code without an event loop. You can use it as a context manager and share it between threads.

    Args:
        api_key: the API key. Default: LIPSYNC_API_KEY, or that of the profile.
        base_url: the URL of the service. Default: LIPSYNC_BASE_URL, that of the profile, or lipsync.studio.
        profile: the name of a profile, or a `Profile`.
        http_client: your own `httpx.Client`. Not closed here. Requests of other threads on it may cut a submission.
        ledger: where submissions are recorded: a `Ledger`, or a `RecordJournal` over a host's own store. Needed for
            submission keys.
        budget: the most credits that all submissions of this client together may cost. Several clients can share a
            `Budget`.
        policy: the timeouts and retries of requests.
        key_of: a function that makes the submission key of a form without one, from the form and the profile. With
            `content_key`, the same inputs are never paid for twice.

    Raises:
        ConfigurationError: there is no API key or no such profile, or the base URL is unsafe.

    """

    @staticmethod
    def _driver() -> type[Any]:
        from lipsync_nodes.http import Transport  # noqa: PLC0415  # slow to load

        return Transport

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. You can still use the client afterwards."""
        if self._loaded is not None:
            self._loaded.transport.close()
            self._loaded.close_journal()

    def submit(self, form: Form | PreparedForm, **options: Unpack[SubmitOptions]) -> Job:
        """Submit a form and return the job, with its id, without waiting for the video.

        A submission costs money. It is sent again only if the service certainly did not receive it, or refused it with
        a 429 and a Retry-After. Local files are published first.

        Args:
            form: the inputs. The class of the form selects the endpoint.
            **options: `webhook`, `key`, `estimate`, `target`, `resubmit_uncertain`, `resubmit_changed`, `tags`,
                `allow_long`, `check`, `on_check`, `fetch`; see `SubmitOptions`.

        Raises:
            CheckRefused: the check found that it cannot work. Nothing was sent.
            SubmissionUncertain: the outcome of this or an earlier submission with this key is unknown. The job may
                exist.
            BudgetExceeded: the job would cost more than is left of the budget. Nothing was sent.
            LipsyncError: any other error. Nothing was charged, unless the error has a job id: then the job exists, but
                could not be recorded in the ledger.

        """
        return self._drive(self._backend.submit(self._backend.submission(form, **options)))

    def check(
        self,
        form: Form | PreparedForm,
        *,
        lengths: GivenLengths | None = None,
        allow_long: bool = False,
        fetch: bool = False,
        key: str | None = None,
    ) -> Verdict:
        """Check a form without submitting it, and return what was found. It is free: the service gets nothing.

        Pictures and sound are looked at with the extra `check`. Without it, the rest is checked, and a finding names
        what was not looked at.

        Args:
            form: the inputs.
            lengths: the lengths of media in seconds, by field name: `{"audio": 12.5}`. Local files are measured.
            allow_long: accept media that are longer than 600 s, the limit of the upstream.
            fetch: fetch URLs, without credentials, and look at what they lead to.
            key: the submission key that you will use. If it has a job already, submitting is free.

        """
        return self._backend.verdict(form, lengths, key, allow_long=allow_long, fetch=fetch)

    def job(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Fetch a job once.

        Args:
            job_id: the id of the job.
            timeout: the maximum number of seconds. Default: that of the policy, 60.

        Raises:
            JobNotFound: the service does not know the job.
            LipsyncError: there was no readable response.

        """
        return self._drive(self._backend.poll(job_id, timeout))

    def wait(
        self,
        job_id: str,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        just_submitted: bool = False,
    ) -> Job:
        """Wait until a job has its video, and return the job. Temporary errors are retried until the deadline.

        Args:
            job_id: the id of the job.
            timeout: the maximum number of seconds. Default: 1800, or more if the ledger has a long estimate for it.
            poll_interval: the average number of seconds between two polls. Default: 7.5, or 30 if a webhook is
                expected.
            on_update: a function to call with the job after each poll.
            just_submitted: pass True if the job was submitted just now. The first poll then comes after a random part
                of the interval, so that many clients do not poll at once, and a 404 is retried a few times.

        Raises:
            JobFailed: the job ended without a video.
            JobTimeout: the job is still running. You can wait again.
            AuthenticationError, JobNotFound: polling again will not help.

        """
        waiting = self._backend.wait(job_id, timeout, poll_interval, just_submitted=just_submitted)
        return self._drive(waiting, on_update)

    def run(
        self,
        form: Form | PreparedForm,
        *,
        timeout: float | None = None,
        poll_interval: float | None = None,
        on_update: OnUpdate | None = None,
        **options: Unpack[SubmitOptions],
    ) -> Job:
        """Submit a form and wait for its video. Takes the arguments and raises the errors of `submit` and `wait`.

        A *timeout* limits the whole call: the check (to a half of it), publishing local files, the queue for the
        profile's limits, the wait for another submission with the same key, the submission and the job. Nothing is sent
        if too little time is left for a response. If there is no response to the submission by the deadline, it is
        uncertain. Without a *timeout*, the policy limits the time in the queue, and the default of `wait` counts from
        the submission.

        Raises:
            SubmitTimeout: the time ran out before anything was sent.

        """
        began = time.monotonic()
        submission = self._backend.submission(form, timeout, **options)
        running = self._backend.run(submission, timeout, poll_interval, began)
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
        """Run many forms, several at a time, and return the jobs in the order of the forms.

        Args:
            forms: the forms.
            return_exceptions: if True, the result has the error of a failed job in its place. If False, nothing more is
                submitted after the first error, the running jobs are waited for, and the first error is raised with the
                other job ids in a note.
            **options: `concurrency`, `estimates`, `tags`, `timeout`, `poll_interval`, `on_update`, `check`, `on_check`,
                `fetch`; see `ManyOptions`.

        """
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # slow to load

        from lipsync_nodes.client._many import Many  # noqa: PLC0415

        many, backend = Many(forms, return_exceptions, **options), self._backend
        stop = threading.Event()

        def one(index: int) -> None:
            began = time.monotonic()
            with many.outcome(index) as due:
                if due:
                    submission = backend.submission(many.forms[index], many.timeout, stop=stop, **many.options(index))
                    running = backend.run(submission, many.timeout, many.poll_interval, began)
                    many.outcomes[index] = self._drive(running, many.listener(index), stop)

        with many.explained(), ThreadPoolExecutor(many.concurrency) as pool:
            try:
                list(pool.map(one, range(len(many.forms))))
            except BaseException:  # Ctrl-C: wake the sleeping threads, so that the process can end
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
        """Save a job's video, whole or not at all, and return its path.

        Args:
            job_or_url: a finished job, or the URL of its output.
            path: the file, or a folder (an existing one, or a string that ends in a slash), in which the file is named
                after the job.
            on_progress: a function to call with the number of bytes so far and in total (None if not known).
            timeout: the maximum number of seconds. Default: ten minutes, and more while data keeps arriving.

        Raises:
            DownloadError: the video could not be saved. There is no incomplete file at *path*.
            LipsyncError: the video was saved, but its path could not be recorded in the ledger.

        """
        return self._backend.download(job_or_url, path, on_progress, threading.Event(), timeout)

    def verify(self, job: Job | str | Path, **options: Unpack[VerifyOptions]) -> Verification:
        """Compare the movement of the mouth in a video with the speech. It is free, and no score of quality.

        It looks at the saved video if the ledger knows it, else it downloads a temporary copy. The result is recorded
        in the ledger. This needs the extra `check`.

        Args:
            job: a job, a job id, or the path of a video.
            **options: `audio`, `right_audio`, `order`, `source`, `progress`; see `VerifyOptions`.

        Raises:
            LipsyncError: the job has no video, or a file cannot be read.

        """
        subject = self._backend.subject(job)
        if subject.unknown:
            subject = subject.known(self.job(subject.unknown))
        return self._backend.verified(subject, threading.Event(), options)

    def _drive(self, doing: Flow[T], on_update: OnUpdate | None = None, stop: threading.Event | None = None) -> T:
        from lipsync_nodes.client._base import job_in  # noqa: PLC0415  # slow to load

        def tell(event: Event) -> None:
            if on_update is not None and (job := job_in(event)):
                on_update(job)

        result: T = self._backend.drive(doing, tell, stop=stop)
        return result
