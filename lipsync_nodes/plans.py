"""What the two clients share, none of it I/O: settings, checks, the flows they drive and the bookkeeping of many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from lipsync_nodes import flow
from lipsync_nodes.catalogue import spec_of
from lipsync_nodes.contract import Form, Job, check_media_url
from lipsync_nodes.credits import Budget
from lipsync_nodes.errors import InvalidRequest, LipsyncError
from lipsync_nodes.flow import Flow, Policy
from lipsync_nodes.settings import Profile, is_loopback, load_profile

__all__ = [
    "DEFAULT_CONCURRENCY",
    "DEFAULT_POLL_INTERVAL",
    "DEFAULT_TIMEOUT",
    "Many",
    "OnUpdate",
    "OnUpdateOfMany",
    "Plans",
]

OnUpdate = Callable[[Job], object]
OnUpdateOfMany = Callable[[int, Job], object]

DEFAULT_CONCURRENCY: Final = 4
DEFAULT_TIMEOUT: Final = 1800.0
# Spread by a third to either side it is the 5 to 10 s that the service advises.
DEFAULT_POLL_INTERVAL: Final = 7.5


class Plans:
    """The settings of a client, and the flows of what it can do."""

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        profile: str | Profile | None = None,
        budget: int | None = None,
        policy: Policy | None = None,
    ) -> None:
        if isinstance(profile, Profile):
            self.profile = profile
        else:
            self.profile = load_profile(profile, api_key=api_key, base_url=base_url)
        self.profile.bearer()
        self._policy = policy or Policy()
        limit = self.profile.budget if budget is None else budget
        self._budget = None if limit is None else Budget(limit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.profile.base_url!r}, profile={self.profile.name!r})"

    def _submit(self, form: Form, webhook: str | None, estimate: int | None) -> Flow[Job]:
        if webhook is not None:
            _check_webhook(webhook)
        body = {"formState": form.form_state(), **({"webhook": webhook} if webhook else {})}
        submitting = flow.submit(spec_of(form).path, body, self._policy)
        return submitting if self._budget is None else _within(self._budget, estimate, submitting)

    def _wait(self, job_id: str, timeout: float | None, poll_interval: float | None) -> Flow[Job]:
        return flow.wait(job_id, self._policy, **_times(timeout, poll_interval))

    def _run(
        self,
        form: Form,
        webhook: str | None,
        estimate: int | None,
        timeout: float | None,
        poll_interval: float | None,
    ) -> Flow[Job]:
        submitting = self._submit(form, webhook, estimate)
        return flow.run(submitting, self._policy, **_times(timeout, poll_interval))


class Many:
    """The forms of one `run_many` and what became of each; the same for both clients."""

    def __init__(
        self, forms: Iterable[Form], estimates: Sequence[int | None] | None, concurrency: int, keep_errors: bool
    ) -> None:
        self.forms = list(forms)
        self.estimates = [None] * len(self.forms) if estimates is None else list(estimates)
        self.outcomes: list[Job | Exception | None] = [None] * len(self.forms)
        self._keep_errors = keep_errors
        self._failed = False
        if concurrency < 1:
            raise InvalidRequest(f"concurrency must be at least 1, got {concurrency}.")
        if len(self.estimates) != len(self.forms):
            raise InvalidRequest("There must be one estimate for each form.")

    @contextmanager
    def outcome(self, index: int) -> Iterator[bool]:
        """Run the block for one form and keep its error; gives False where nothing more is to be submitted."""
        try:
            yield self._keep_errors or not self._failed
        except Exception as error:  # noqa: BLE001  # it is raised by settle, after the paid jobs have ended
            self._failed = True
            self.outcomes[index] = error

    def listener(self, index: int, on_update: OnUpdateOfMany | None) -> OnUpdate | None:
        """Return the `on_update` of one form."""
        return None if on_update is None else partial(on_update, index)

    def settle(self) -> list[Any]:
        """Return the outcomes, or raise the first error and say in a note which jobs there are besides."""
        for outcome in self.outcomes:
            if isinstance(outcome, Exception) and not (self._keep_errors and isinstance(outcome, LipsyncError)):
                if done := ", ".join(job.id for job in self.outcomes if isinstance(job, Job)):
                    outcome.add_note(f"Other jobs of this call that have their video: {done}")
                raise outcome
        return self.outcomes


def _within(budget: Budget, estimate: int | None, submitting: Flow[Job]) -> Flow[Job]:
    """Set a submit's cost aside first, and give it back if the submit was surely not charged."""
    budget.commit(estimate)
    try:
        return (yield from submitting)
    except LipsyncError as error:
        if not error.may_have_charged:
            budget.release(estimate or 0)
        raise


def _times(timeout: float | None, poll_interval: float | None) -> dict[str, float]:
    times = {
        "timeout": DEFAULT_TIMEOUT if timeout is None else timeout,
        "poll_interval": DEFAULT_POLL_INTERVAL if poll_interval is None else poll_interval,
    }
    for name, seconds in times.items():
        if not (math.isfinite(seconds) and seconds > 0):
            raise InvalidRequest(f"{name} must be a positive number of seconds, got {seconds!r}.")
    return times


def _check_webhook(url: str) -> None:
    try:
        parts = urlsplit(check_media_url(url))
    except ValueError as error:
        raise InvalidRequest(f"webhook {error}, got {url!r:.80}.") from None
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise InvalidRequest(f"webhook must be an https URL, got {url!r:.80}.")
