"""What both clients share, without I/O: checks and flows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event as Flag
from typing import Any, Final, Unpack
from urllib.parse import urlsplit

from lipsync_nodes import words
from lipsync_nodes._tracebacks import NoFramesBelow
from lipsync_nodes.client._observers import observed, report, report_saved
from lipsync_nodes.client._options import KeyOf, SubmitOptions
from lipsync_nodes.errors import ConfigurationError, DownloadError, InvalidRequest, LipsyncError
from lipsync_nodes.flows import (
    FOREVER,
    NO_DEADLINE,
    Accepted,
    Budget,
    Deadline,
    Event,
    Flow,
    Policy,
    Seen,
    Submission,
    Took,
    WebhookReceived,
    poll,
    quiet_seconds,
    run,
    submit,
    wait,
)
from lipsync_nodes.http import Recorder
from lipsync_nodes.ledger import (
    ContentKey,
    Entry,
    Journal,
    Ledger,
    callback_secret,
    check_target,
    new_callback,
    token_of,
)
from lipsync_nodes.media import (
    OnProgress,
    PreparedForm,
    download,
    inputs_of,
    known_credits,
    prepared,
    published,
    source_and_target,
)
from lipsync_nodes.plugins import plugins
from lipsync_nodes.service import (
    Form,
    Job,
    check_job_id,
    check_key,
    check_media_url,
    positive_seconds,
    spec_of,
    whole_credits,
)
from lipsync_nodes.settings import Profile, is_loopback

DEFAULT_TIMEOUT: Final = 1800.0
# The service recommends 5 to 10 s. Each wait keeps to this interval after its first poll, which is spread; with a
# history it is 6.25 or 10 s.
DEFAULT_POLL_INTERVAL: Final = 7.5
# A sandbox on this machine renders in seconds, and frequent polls do it no harm.
LOCAL_POLL_INTERVAL: Final = 0.5
# If a webhook is expected, which may never arrive.
WEBHOOK_POLL_INTERVAL: Final = 30.0
# The upstream takes this many seconds for each second of video.
USUAL: Final = (10.0, 30.0)


class Backend:
    """What a client loads when it is first used: it builds flows, and has what records and sends them.

    Args:
        profile: the settings of the account.
        driver: the class of the transport.
        http_client, ledger, budget, policy, key_of: the arguments of the client.

    """

    def __init__(
        self,
        profile: Profile,
        driver: type[Any],
        *,
        http_client: Any,
        ledger: Journal | None,
        budget: Budget | None,
        policy: Policy | None,
        key_of: KeyOf | None,
    ) -> None:
        plugins()  # report a broken plugin now, not between a paid submission and its response
        words.load()  # for the error of a paid submission
        self.profile, self.ledger = profile, ledger
        # Without a ledger, one in memory applies the profile's limits while the client exists.
        self._journal: Journal = ledger or Ledger(":memory:")
        # This one has what only a ledger knows: lengths, files, waiting callers. It does not have the jobs of a host's
        # own record.
        self._ledger = self._journal if isinstance(self._journal, Ledger) else Ledger(":memory:")
        self._policy, self._budget, self._key_of = policy or Policy(), budget, key_of
        self.transport = driver(profile, http_client)
        self._recorder = Recorder(
            partial(self._journal.record, profile=profile),
            partial(report, ledger=self._ledger, account=profile.account),
            observed,
            grouped=isinstance(self._journal, Ledger),
        )

    def drive(self, flow: Flow[Any], tell: Callable[[Event], object] | None, **options: Any) -> Any:
        """Run a flow with the transport, and return what that returns: a result, or a coroutine."""
        return self.transport.drive(flow, self._recorder, self._ledger, tell=tell, **options)

    def submission(
        self, form: Form | PreparedForm, timeout: float | None = None, **options: Unpack[SubmitOptions]
    ) -> Submission:
        """Build a submission. This reads and publishes local files, so on an event loop it runs in a thread."""
        if unknown := options.keys() - SubmitOptions.__annotations__.keys():
            # A misspelt `key` would not protect the caller from paying twice.
            raise InvalidRequest(code="client.no_such_option", options=sorted(unknown), remedy="nothing_sent")
        form = prepared(form)
        spec = spec_of(form.form)  # refuses a draft
        if timeout is not None:
            positive_seconds("timeout", timeout)
        callback, webhook = self._webhook(options.get("webhook"))
        key = options.get("key")
        if key is None and self._key_of is not None:
            key = self._key_of(form, self.profile)
        if key is not None and check_key(key) and self.ledger is None:
            raise ConfigurationError(code="key.needs_a_ledger", remedy="give_ledger")
        target, estimate = options.get("target"), options.get("estimate")
        if estimate is not None:
            whole_credits("estimate", estimate)
        target = None if target is None else check_target(target)
        allow_long = options.get("allow_long", False)
        if estimate is None and form.assets:
            estimate = known_credits(form, allow_long=allow_long)
        seconds = getattr(estimate, "seconds", None)
        urls = published(form, self.profile, seconds=timeout or deadline_for(seconds), allow_long=allow_long, key=key)
        # A key that is made from the inputs needs no comparison of the inputs.
        inputs = None if key is None or isinstance(key, ContentKey) else inputs_of(form)
        form.check_unchanged()
        submission = Submission(
            spec.id,
            spec.path,
            form.form.form_state(urls),
            webhook=webhook,
            callback=callback,
            key=key,
            credits=estimate,
            seconds=seconds,
            target=target,
            resubmit_uncertain=options.get("resubmit_uncertain", False),
            inputs=inputs,
            resubmit_changed=options.get("resubmit_changed", False),
        )
        _ = submission.form_json  # fail before the ledger is used if it cannot be encoded as JSON
        return submission

    def _webhook(self, wanted: str | None) -> tuple[str | None, str | None]:
        """Return the callback id, if the token is ours, and the URL of the webhook."""
        if wanted != "auto":
            if wanted is not None:
                _check_webhook(wanted)
            return None, wanted
        ours = self.profile.webhook
        if ours is None:
            raise ConfigurationError(code="webhook.needs_a_receiver", remedy="set_webhook")
        if ours.secret is None and self._ledger is not self.ledger:
            raise ConfigurationError(code="webhook.needs_a_ledger", remedy="give_ledger_or_secret")
        callback = new_callback()
        with NoFramesBelow():
            return callback, f"{ours.base}/{token_of(callback, callback_secret(self.profile, self._ledger))}"

    def submit(self, submission: Submission) -> Flow[Job]:
        return submit(submission, self._policy, self._budget)

    def poll(self, job_id: str, timeout: float | None) -> Flow[Job]:
        if timeout is not None:
            positive_seconds("timeout", timeout)
        return poll(job_id, self._policy, timeout=timeout)

    def poll_for(self, webhook: WebhookReceived) -> Flow[Job]:
        """Poll the job that a webhook names. If the submission has no known job yet, it gets this one."""
        entry = self._ledger.entry_of(webhook.job_id)
        callback = None if entry and entry.callback == webhook.callback else webhook.callback
        return poll(webhook.job_id, self._policy, callback=callback)

    def wait(
        self, job_id: str, timeout: float | None, poll_interval: float | None, *, just_submitted: bool = False
    ) -> Flow[Job]:
        """Wait for a job that was submitted before. This reads the ledger, and blocks."""
        entry = self._ledger.entry_of(check_job_id(job_id))
        known = entry is not None or self._journal.knows(job_id)
        return self._wait(
            job_id, entry, self._took(entry), timeout, poll_interval, just_submitted=just_submitted, known=known
        )

    async def wait_on_loop(
        self, job_id: str, timeout: float | None, poll_interval: float | None, *, just_submitted: bool
    ) -> Flow[Job]:
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

    def _took(self, job: Entry | Submission | None) -> Sequence[Took]:
        """Return how long jobs like this one took."""
        return self._ledger.history([kind := self._kind(job)])[kind] if job else ()

    async def took(self, job: Entry | Submission) -> Sequence[Took]:
        """Return how long jobs like this one took."""
        return await self.transport.read(self._ledger.history, self._kind(job)) or ()

    def _kind(self, job: Entry | Submission) -> tuple[str, str]:
        return self.profile.account, job.endpoint

    def _wait(
        self,
        job_id: str,
        entry: Entry | None,
        took: Sequence[Took],
        timeout: float | None,
        poll_interval: float | None,
        *,
        just_submitted: bool,
        known: bool,
        began: float = FOREVER,
    ) -> Flow[Job]:
        """Wait for a job. The timeout counts from *began*, or from the first step of the flow if that is earlier."""
        webhook_expected = entry is not None and entry.callback is not None
        default = deadline_for(entry.seconds if entry else None)
        seconds, interval = self._times(default if timeout is None else timeout, poll_interval, webhook_expected)
        pause = interval * self._policy.chance() if just_submitted else 0.0
        return wait(
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
        submission: Submission,
        timeout: float | None,
        poll_interval: float | None,
        began: float,
        took: Sequence[Took] | None = None,
    ) -> Flow[Job]:
        """Submit and wait. A given *timeout* counts from *began*, the default counts from the submission.

        Without *took*, this reads the ledger, and blocks.
        """
        took = self._took(submission) if took is None else took
        default = deadline_for(submission.seconds)
        hears = self._ledger is self.ledger  # webhooks are recorded only in a ledger
        webhook_expected = hears and submission.callback is not None
        seconds, interval = self._times(default if timeout is None else timeout, poll_interval, webhook_expected)
        deadline = NO_DEADLINE if timeout is None else Deadline(seconds, began + seconds)
        return run(
            submit(submission, self._policy, self._budget, queue_seconds=seconds if hears else 0.0, deadline=deadline),
            self._policy,
            timeout=seconds,
            poll_interval=interval,
            ends=deadline.ends,
            webhook_expected=webhook_expected,
            quiet=quiet_seconds(took, submission.seconds, submission.form_state.get("resolution")),
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


def job_in(event: Event) -> Job | None:
    """Return the job of an event for `on_update`; None if it has none, or if it is another caller's job."""
    match event:
        case Accepted(job=job) | Seen(job=job, own=True):
            return job
        case _:
            return None


def _quiet(took: Sequence[Took], entry: Entry) -> float | None:
    """Return for how many seconds from now the end of a job is unlikely."""
    quiet = quiet_seconds(took, entry.seconds, entry.resolution)
    age = time.time() - (entry.sent_at or entry.created_at)
    return None if quiet is None else max(0.0, quiet - max(0.0, age))


def deadline_for(seconds: float | None) -> float:
    """Return how many seconds to wait for a video of this length in seconds.

    Twice the slowest usual time leaves time for a queue.
    """
    return max(DEFAULT_TIMEOUT, 2 * USUAL[1] * (seconds or 0.0))


def usual_wait(seconds: float) -> tuple[float, float]:
    """Return how many seconds a video of this length in seconds usually takes: at least, and at most."""
    return USUAL[0] * seconds, USUAL[1] * seconds


def _check_webhook(url: object) -> None:
    if not isinstance(url, str):
        raise InvalidRequest(code="webhook.not_a_url", value=f"{url!r:.80}")
    try:
        parts = urlsplit(check_media_url(url))
    except ValueError as error:
        raise InvalidRequest(code="webhook.wrong_url", fault=error, value=f"{url!r:.80}") from None
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise InvalidRequest(code="webhook.not_https", value=f"{url!r:.80}")
