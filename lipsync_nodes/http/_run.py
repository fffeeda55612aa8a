"""Runs one flow: the rules that both drivers share.

They are written as coroutines. Those of the blocking driver never suspend, so `finished` runs them in the caller's
thread without an event loop.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import closing, suppress
from inspect import isawaitable
from typing import Any, Final, Generic, TypeVar

from lipsync_nodes import flows
from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import ConfigurationError, ConnectionFailed, LipsyncError
from lipsync_nodes.http._wire import EndedJobs, Recorder, Reply
from lipsync_nodes.service import Job

_log = logging.getLogger("lipsync_nodes")

# How often a flow is cancelled: it may treat the first time as a failed poll, and continue with its next step.
TOLERANCE: Final = 2

T = TypeVar("T")


class Run(Generic[T]):
    """One flow, while it runs. A driver implements the effects. The arguments are those of `Transport.drive`."""

    __slots__ = ("_flow", "_job_id", "_ledger", "_tell", "_to")  # thousands may run at once

    def __init__(
        self, flow: flows.Flow[T], to: Recorder, ledger: EndedJobs, tell: Callable[[flows.Event], object] | None = None
    ) -> None:
        self._flow, self._to, self._ledger, self._tell = flow, to, ledger, tell
        self._job_id: str | None = None

    async def begin(self) -> None:
        """Fail before the flow claims anything, if there can be no connection."""

    async def end(self) -> None:
        """Give back what `begin` has taken, after the flow."""

    async def send(self, send: flows.Send) -> Reply:
        """Send a request. If a submission is interrupted, this also calls `conclude`."""
        raise NotImplementedError

    def sleep(self, seconds: float) -> Awaitable[object]:
        """Sleep. A flow also sleeps for 0 s to learn the time."""
        raise NotImplementedError

    async def job_ended(self, effect: flows.Await) -> Job | None:
        """Sleep until the ledger knows that the job has ended."""
        raise NotImplementedError

    async def record(self, event: flows.Event) -> object:
        """Record an event on the way, and report it."""
        raise NotImplementedError

    async def record_last(self, event: flows.Event) -> object:
        """Record an event of a flow that was interrupted, and report it."""
        raise NotImplementedError

    async def result(self) -> T:
        """Run the flow to its end and return its result.

        This sleeps most of the time. It does so itself, because each coroutine of thousands costs memory.
        """
        reply: object = None
        failure: Exception | None = None
        try:
            await self.begin()
            while True:
                try:
                    effect = self._flow.throw(failure) if failure else self._flow.send(reply)
                except StopIteration as end:
                    result: T = end.value
                    return result
                try:
                    if isinstance(effect, flows.Sleep):
                        await self.sleep(effect.seconds)
                        reply, failure = time.monotonic(), None
                    else:
                        reply, failure = await self._carry_out(effect)
                except BaseException:  # a cancel, Ctrl-C, a task's time limit, sys.exit in a signal handler, a stop
                    if not is_on_its_way(effect):
                        await self.conclude()
                    raise
                if isinstance(effect, flows.Record) and failure is None and self._tell is not None:
                    await self._told(self._tell(effect.event))
        except BaseException as error:
            self._name_job(error)
            raise
        finally:
            await self.end()

    async def _told(self, result: object) -> None:
        if isawaitable(result):
            await result

    async def _carry_out(self, effect: flows.Send | flows.Await | flows.Record) -> tuple[object, Exception | None]:
        """Run an effect. Return its result for the flow, or the error to raise in the flow."""
        if isinstance(effect, flows.Send):
            reply = await self.send(effect)
            return (None, reply) if isinstance(reply, ConfigurationError) else (reply, None)
        if isinstance(effect, flows.Await):
            return await self.job_ended(effect), None
        self._see(effect.event)
        try:
            return await self.record(effect.event), None
        except Exception as error:
            if is_for_the_flow(error, effect.event):
                return None, error
            raise

    async def conclude(self, reply: object = None) -> None:
        """Record the last events of an interrupted flow: the outcome of its submission, and that nothing more is sent.

        *reply* is the result of the submission, or of the event, at which it was interrupted.
        """
        answer: object = None
        with suppress(Exception), closing(last_notes(self._flow, reply)) as notes:
            while True:
                event = notes.send(answer)
                self._see(event)
                try:
                    answer = await self.record_last(event)
                except Exception as error:  # there may be no caller left to report the id to
                    if isinstance(event, flows.Accepted):
                        _log.warning("Job %s was made but could not be noted: %s", event.job.id, redact(f"{error}"))
                    raise

    def _see(self, event: flows.Event) -> None:
        """Keep the job id, if the event has one."""
        if isinstance(event, flows.Accepted):
            self._job_id = event.job.id

    def _name_job(self, error: BaseException) -> None:
        """Add the job id to whatever interrupts the flow, such as Ctrl-C. Most of our errors have it already."""
        if self._job_id and getattr(error, "job_id", None) != self._job_id:
            vars(error)["job_id"] = self._job_id  # for programs
            error.add_note(f"The job {self._job_id} was made and goes on; it may be billed. Keep its id.")


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, and return its result."""
    with closing(work):
        try:
            work.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
    raise RuntimeError("A coroutine of the blocking driver was suspended.")


def is_on_its_way(effect: flows.Effect) -> bool:
    """Return whether this effect is a submission."""
    return isinstance(effect, flows.Send) and effect.paid


def is_for_the_flow(error: Exception, event: flows.Event) -> bool:
    """Return whether an error while recording an event is raised in the flow, which then continues.

    An error that is not one of ours (from a host's store, or a task's time limit) ends the flow, unless the flow is
    about to raise its own error.
    """
    return isinstance(error, LipsyncError) or isinstance(event, flows.Refused | flows.Uncertain)


def last_notes(flow: flows.Flow[Any], reply: object = None) -> Generator[flows.Event, object, None]:
    """Yield the last events of a cancelled flow, and close it. *reply* is the result of its last effect, if any."""
    with suppress(Exception), closing(flow):
        effect = _resumed(flow, reply)
        for _ in range(TOLERANCE):
            # `Sending` and `Paused` only prepare a submission that will not follow, so they are not recorded.
            while isinstance(effect, flows.Record) and not isinstance(effect.event, flows.Sending | flows.Paused):
                effect = flow.send((yield effect.event))
            effect = flow.throw(_called_off())


def _resumed(flow: flows.Flow[Any], reply: object) -> flows.Effect:
    if isinstance(reply, LipsyncError):
        return flow.throw(reply)
    return flow.send(reply) if reply else flow.throw(_called_off())


def _called_off() -> ConnectionFailed:
    return ConnectionFailed(code="submit.cancelled")
