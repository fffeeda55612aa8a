"""What both clients share, without I/O: checks and flows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import Any, Final

from lipsync_nodes import flows, words
from lipsync_nodes.client._observers import observed, report, report_saved
from lipsync_nodes.client._options import KeyOf
from lipsync_nodes.client._submission import Submitting
from lipsync_nodes.client._verify import Verifying
from lipsync_nodes.errors import DownloadError, LipsyncError
from lipsync_nodes.http import Recorder
from lipsync_nodes.ledger import Entry, Journal, Ledger
from lipsync_nodes.media import OnProgress, download, source_and_target
from lipsync_nodes.plugins import plugins
from lipsync_nodes.service import Job, check_job_id, deadline_for, positive_seconds
from lipsync_nodes.settings import Profile

# How often jobs are polled, in seconds. The service recommends 5 to 10 s. Each wait keeps to this interval after its
# first poll, which is spread; with a history it is 6.25 or 10 s.
DEFAULT_POLL_INTERVAL: Final = 7.5
# A sandbox on this machine renders in seconds, and frequent polls do it no harm.
LOCAL_POLL_INTERVAL: Final = 0.5
# If a webhook is expected, which may never arrive.
WEBHOOK_POLL_INTERVAL: Final = 30.0


class Backend(Submitting, Verifying):
    """What a client loads when it is first used: it builds flows, and has what records and sends them."""

    def __init__(
        self,
        profile: Profile,
        driver: type[Any],
        *,
        http_client: Any,
        ledger: Journal | None,
        budget: flows.Budget | None,
        policy: flows.Policy | None,
        key_of: KeyOf | None,
    ) -> None:
        plugins()  # report a broken plugin now, not between a paid submission and its response
        words.load()  # for the error of a paid submission
        super().__init__(profile, ledger, key_of)
        self._policy, self._budget = policy or flows.Policy(), budget
        self.transport = driver(profile, http_client)
        self._recorder = Recorder(
            partial(self._journal.record, profile=profile),
            partial(report, ledger=self._ledger, account=profile.account),
            observed,
            grouped=isinstance(self._journal, Ledger),
        )

    def drive(self, flow: flows.Flow[Any], tell: Callable[[flows.Event], object] | None, **options: Any) -> Any:
        """Run a flow with the transport, and return what that returns: a result, or a coroutine."""
        return self.transport.drive(flow, self._recorder, self._ledger, tell=tell, **options)

    def submit(self, submission: flows.Submission) -> flows.Flow[Job]:
        return flows.submit(submission, self._policy, self._budget)

    def poll(self, job_id: str, timeout: float | None) -> flows.Flow[Job]:
        if timeout is not None:
            positive_seconds("timeout", timeout)
        return flows.poll(job_id, self._policy, timeout=timeout)

    def poll_for(self, webhook: flows.WebhookReceived) -> flows.Flow[Job]:
        """Poll the job that a webhook names. If the submission has no known job yet, it gets this one."""
        entry = self._ledger.entry_of(webhook.job_id)
        callback = None if entry and entry.callback == webhook.callback else webhook.callback
        return flows.poll(webhook.job_id, self._policy, callback=callback)

    def wait(
        self, job_id: str, timeout: float | None, poll_interval: float | None, *, just_submitted: bool = False
    ) -> flows.Flow[Job]:
        """Wait for a job that was submitted before. This reads the ledger, and blocks."""
        entry = self._ledger.entry_of(check_job_id(job_id))
        known = entry is not None or self._journal.knows(job_id)
        return self._wait(
            job_id, entry, self._took(entry), timeout, poll_interval, just_submitted=just_submitted, known=known
        )

    async def wait_on_loop(
        self, job_id: str, timeout: float | None, poll_interval: float | None, *, just_submitted: bool
    ) -> flows.Flow[Job]:
        """Wait for a job that was submitted before. Many that do so at once read the ledger together."""
        if timeout is not None:
            positive_seconds("timeout", timeout)
        began = time.monotonic()
        await self.transport.turn(timeout)
        entry = await self.transport.read(self._ledger.entries_of, check_job_id(job_id))
        known = entry is not None
        if not known and self._journal is not self._ledger:
            known = await self.transport.in_ledger(self._journal.knows, job_id)
        took = await self.took(entry) if entry else ()
        return self._wait(
            job_id, entry, took, timeout, poll_interval, just_submitted=just_submitted, known=known, began=began
        )

    def _took(self, job: Entry | flows.Submission | None) -> Sequence[flows.Took]:
        """Return how long jobs like this one took."""
        return self._ledger.history([kind := self._kind(job)])[kind] if job else ()

    async def took(self, job: Entry | flows.Submission) -> Sequence[flows.Took]:
        return await self.transport.read(self._ledger.history, self._kind(job)) or ()

    def _kind(self, job: Entry | flows.Submission) -> tuple[str, str]:
        return self.profile.account, job.endpoint

    def _wait(
        self,
        job_id: str,
        entry: Entry | None,
        took: Sequence[flows.Took],
        timeout: float | None,
        poll_interval: float | None,
        *,
        just_submitted: bool,
        known: bool,
        began: float = flows.FOREVER,
    ) -> flows.Flow[Job]:
        """Wait for a job. The timeout counts from *began*, or from the first step of the flow if that is earlier."""
        webhook_expected = entry is not None and entry.callback is not None
        default = deadline_for(entry.seconds if entry else None)
        seconds, interval = self._times(default if timeout is None else timeout, poll_interval, webhook_expected)
        pause = interval * self._policy.chance() if just_submitted else 0.0
        return flows.wait(
            job_id,
            self._policy,
            timeout=seconds,
            poll_interval=interval,
            ends=began + seconds,
            pause=pause,
            just_submitted=just_submitted,
            known=known,
            webhook_expected=webhook_expected,
            quiet=None if entry is None else _quiet(took, entry),
        )

    def run(
        self,
        submission: flows.Submission,
        timeout: float | None,
        poll_interval: float | None,
        began: float,
        took: Sequence[flows.Took] | None = None,
    ) -> flows.Flow[Job]:
        """Submit and wait. A given *timeout* counts from *began*, the default counts from the submission.

        Without *took*, this reads the ledger, and blocks.
        """
        took = self._took(submission) if took is None else took
        default = deadline_for(submission.seconds)
        hears = self._ledger is self.ledger  # webhooks are recorded only in a ledger
        webhook_expected = hears and submission.callback is not None
        seconds, interval = self._times(default if timeout is None else timeout, poll_interval, webhook_expected)
        deadline = flows.NO_DEADLINE if timeout is None else flows.Deadline(seconds, began + seconds)
        queue = seconds if hears else 0.0
        return flows.run(
            flows.submit(submission, self._policy, self._budget, queue_seconds=queue, deadline=deadline),
            self._policy,
            timeout=seconds,
            poll_interval=interval,
            ends=deadline.ends,
            webhook_expected=webhook_expected,
            quiet=flows.quiet_seconds(took, submission.seconds, submission.form_state.get("resolution")),
        )

    def _times(self, timeout: float, poll_interval: float | None, webhook_expected: bool) -> tuple[float, float]:
        if poll_interval is None:
            slow = WEBHOOK_POLL_INTERVAL if webhook_expected else DEFAULT_POLL_INTERVAL
            poll_interval = LOCAL_POLL_INTERVAL if self.profile.local else slow
        for name, seconds in {"timeout": timeout, "poll_interval": poll_interval}.items():
            positive_seconds(name, seconds)
        return timeout, poll_interval

    def download(
        self,
        job_or_url: Job | str,
        path: str | Path,
        on_progress: OnProgress | None,
        stop: Flag,
        timeout: float | None = None,
    ) -> Path:
        """Save a video and record its path. This writes files, so on an event loop it runs in a thread."""
        if timeout is not None:
            positive_seconds("timeout", timeout)
        job = job_or_url if isinstance(job_or_url, Job) else None
        url, target = source_and_target(job_or_url, path)
        try:
            saved = download(
                url,
                target,
                local=self.profile.local,
                identity=job.id if job else None,  # the URL of a job may have a new signature each time
                timeout=timeout,
                on_progress=on_progress,
                stop=stop,
            )
        except DownloadError as error:
            if job is not None:
                error.job_id, error.may_have_charged = job.id, True
                before = () if error.remedy == error.default_remedy else error.remedy
                error.remedy = (*before, "download_by_id")
            raise
        if job is not None:
            self._note_saved(job, saved)
        report_saved(job, url, saved, self._ledger, self.profile.account)
        return saved

    def _note_saved(self, job: Job, saved: Path) -> None:
        try:
            self._ledger.saved(job.id, saved)
        except LipsyncError as error:
            error.job_id = job.id
            error.advise("saved_all_the_same", saved=saved)
            raise

    def close_journal(self) -> None:
        """Close the ledger in memory, which belongs to this client."""
        if self._ledger is not self.ledger:
            self._ledger.close()


def job_in(event: flows.Event) -> Job | None:
    """Return the job of an event for `on_update`; None if it has none, or if it is another caller's job."""
    match event:
        case flows.Accepted(job=job) | flows.Seen(job=job, own=True):
            return job
        case _:
            return None


def _quiet(took: Sequence[flows.Took], entry: Entry) -> float | None:
    """Return for how many seconds from now the end of a job is unlikely."""
    quiet = flows.quiet_seconds(took, entry.seconds, entry.resolution)
    age = time.time() - (entry.sent_at or entry.created_at)
    return None if quiet is None else max(0.0, quiet - max(0.0, age))
