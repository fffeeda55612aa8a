"""`run_many`: what both clients share, without I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypedDict, Unpack

from lipsync_nodes.checks import Verdict
from lipsync_nodes.client._options import OnUpdate, SubmitOptions
from lipsync_nodes.errors import InvalidRequest, LipsyncError
from lipsync_nodes.service import Form, Job, check_tags, whole_credits
from lipsync_nodes.settings import CheckMode

OnUpdateOfMany = Callable[[int, Job], object]
OnCheckOfMany = Callable[[int, Verdict], object]

DEFAULT_CONCURRENCY: Final = 4


class ManyOptions(TypedDict, total=False):
    """The options of `run_many`.

    Attributes:
        concurrency: the most jobs that run at the same time. Default: 4.
        estimates: the cost of each form; needed if there is a budget.
        tags: the tags of all forms, as in `submit`; or a list with those of each form.
        timeout: the maximum number of seconds for each form, as in `run`.
        poll_interval: the average number of seconds between two polls of a job.
        on_update: a function to call with the position of the form and the job after each poll.
        check, fetch: as in `submit`.
        on_check: a function to call with the position of the form and the verdict of its check.

    """

    concurrency: int
    estimates: Sequence[int | None] | None
    tags: Mapping[str, str] | Sequence[Mapping[str, str] | None] | None
    timeout: float | None
    poll_interval: float | None
    on_update: OnUpdateOfMany | None
    check: CheckMode | None
    on_check: OnCheckOfMany | None
    fetch: bool


class Many:
    """The forms of one `run_many`, and the result of each.

    With *keep_errors*, an error is returned in the place of its job, instead of ending the call.
    """

    def __init__(self, forms: Iterable[Form], keep_errors: bool, /, **options: Unpack[ManyOptions]) -> None:
        if strange := options.keys() - ManyOptions.__annotations__.keys():
            raise TypeError(f"run_many() got unexpected keyword arguments: {', '.join(sorted(strange))}")
        self.forms = list(forms)
        estimates, tags = options.get("estimates"), options.get("tags")
        self.estimates = [None] * len(self.forms) if estimates is None else list(estimates)
        each = [tags] * len(self.forms) if tags is None or isinstance(tags, Mapping) else tags
        self.tags = [check_tags(one or {}) for one in each]
        self.outcomes: list[Job | BaseException | None] = [None] * len(self.forms)
        self.concurrency = options.get("concurrency", DEFAULT_CONCURRENCY)
        self.timeout, self.poll_interval = options.get("timeout"), options.get("poll_interval")
        self._keep_errors = keep_errors
        self._on_update, self._on_check = options.get("on_update"), options.get("on_check")
        self._checking: SubmitOptions = {"check": options.get("check"), "fetch": options.get("fetch", False)}
        self._failed = False
        if self.concurrency < 1:
            raise InvalidRequest(code="many.wrong_concurrency", value=self.concurrency)
        for estimate in self.estimates:  # before the first is paid for
            if estimate is not None:
                whole_credits("estimate", estimate)
        if len(self.estimates) != len(self.forms):
            raise InvalidRequest(code="many.estimates")
        if len(self.tags) != len(self.forms):
            raise InvalidRequest(code="many.tags", remedy="nothing_sent")

    def options(self, index: int) -> SubmitOptions:
        on_check = None if self._on_check is None else partial(self._on_check, index)
        return {"estimate": self.estimates[index], "tags": self.tags[index], "on_check": on_check, **self._checking}

    @contextmanager
    def outcome(self, index: int) -> Iterator[bool]:
        """Run the block for one form and keep its error. Yields False if nothing more should be submitted."""
        try:
            yield self._keep_errors or not self._failed
        except BaseException as error:
            self._failed = True
            self.outcomes[index] = error
            if not isinstance(error, Exception):  # `settle` raises errors, after the paid jobs have ended
                raise

    def listener(self, index: int) -> OnUpdate | None:
        return None if self._on_update is None else partial(self._on_update, index)

    def settle(self) -> list[Any]:
        """Return the results, or raise the first error with notes about the other jobs."""
        for outcome in self.outcomes:
            if isinstance(outcome, BaseException) and not (self._keep_errors and isinstance(outcome, LipsyncError)):
                with self.explained():
                    raise outcome
        return self.outcomes

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Run the block. Add notes about the other jobs of the call to any error that ends it."""
        try:
            yield
        except BaseException as first:
            for note in self._besides(first):
                first.add_note(note)
            raise

    def _besides(self, first: BaseException) -> Iterator[str]:
        if done := [job.id for job in self.outcomes if isinstance(job, Job)]:
            yield f"Other jobs of this call that have their video: {', '.join(done)}"
        for other in self.outcomes:
            if other is first:
                continue
            if isinstance(other, LipsyncError) and other.may_have_charged:
                yield f"Another job of this call: {other}"
            yield from getattr(other, "__notes__", ())
