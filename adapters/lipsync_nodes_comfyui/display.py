"""What a node shows while it runs: a progress bar, and a text with time, credits and job id in the user's language."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import comfy.utils
from comfy.model_management import InterruptProcessingException, interrupt_current_processing
from comfy_execution.utils import get_executing_context
from server import PromptServer

from .clients import ledger
from .language import language

if TYPE_CHECKING:
    from lipsync_nodes import Job

__all__ = ["Display"]

# The bar stays below its end until the video is there.
NEARLY: Final = 0.95
log = logging.getLogger("lipsync_nodes")


class Words(NamedTuple):
    """The texts of one language. The job's status stays as the service spells it.

    A node shows two lines of about forty letters: time (and the usual time) and credits, then the job id.
    """

    passed: str
    usual: str
    credits: str
    job: str
    left: str
    stopped: str


ENGLISH: Final = Words(
    passed="{status}: {seconds:.0f} s",
    usual=" (~{usual:.0f} s)",
    credits=", ≤ {credits} credits",
    job="\nJob {job}",
    left="Job {job} goes on at the service and may be billed. Run again, with Force new off, to pick it up.",
    stopped="Stopped. What was submitted may be billed; run again, with Force new off, to pick it up.",
)
CHINESE: Final = Words(
    passed="{status}:{seconds:.0f} 秒",
    usual="(约 {usual:.0f} 秒)",
    credits=",≤ {credits} 积分",
    job="\n任务 {job}",
    left="任务 {job} 在服务端继续,可能计费。关闭“强制新建”后再次运行可取回它。",
    stopped="已停止。已提交的任务可能计费;关闭“强制新建”后再次运行可取回。",
)


class Known(NamedTuple):
    """What is shown besides the job itself: the language, how long such jobs usually take, the credits."""

    words: Words = ENGLISH
    usual: float | None = None
    credits: int | None = None


class Display:
    """The progress bar and the line of text of the node that is being executed."""

    def __init__(self) -> None:
        context = get_executing_context()
        self._node = context.node_id if context else None
        self._bar = comfy.utils.ProgressBar(100)
        self._begun = time.monotonic()
        self._job: Job | None = None
        self._known = Known()
        self._ticking: asyncio.Task[None] | None = None

    def saw(self, job: Job) -> None:
        """Show this job from now on; for `on_update` of a client."""
        self._job = job
        if self._ticking is None:
            self._ticking = asyncio.ensure_future(self._tick(job.id))

    def stopped(self) -> None:
        """Show that the wait was stopped, and what happens to the job."""
        if self._job is None:  # a submission may be running
            log.warning(ENGLISH.stopped)
            self.say(self._known.words.stopped)
        else:
            log.warning("Waiting was stopped. %s", ENGLISH.left.format(job=self._job.id))
            self.say(self._known.words.left.format(job=self._job.id))

    def say(self, text: str) -> None:
        """Show a text on the node."""
        if self._node is not None and getattr(PromptServer, "instance", None):
            PromptServer.instance.send_progress_text(text, self._node)

    def close(self) -> None:
        """Stop the updates."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    def done(self, text: str) -> None:
        """Fill the bar and show a last text."""
        self.close()
        self._fill(100)
        self.say(text)

    async def ended(self, job: Job) -> None:
        """Fill the bar and show how a job ended."""
        self._known = await asyncio.to_thread(_known_of, job.id)
        self.done(self._line(job))

    async def _tick(self, job_id: str) -> None:
        self._known = await asyncio.to_thread(_known_of, job_id)
        while self._job is not None:
            self.say(self._line(self._job))
            # At one half after the usual time, or after a minute; it never reaches the end.
            seconds = time.monotonic() - self._begun
            self._fill(int(100 * NEARLY * seconds / (seconds + (self._known.usual or 60.0))))
            await asyncio.sleep(1)

    def _fill(self, percent: int) -> None:
        try:
            self._bar.update_absolute(percent)
        except InterruptProcessingException:  # ComfyUI's bar checks for the user's Cancel, too, and clears it
            interrupt_current_processing()

    def _line(self, job: Job) -> str:
        words, usual, credits_ = self._known
        parts = [words.passed, words.usual if usual else "", words.credits if credits_ else "", words.job]
        values = {"status": job.status.value, "seconds": time.monotonic() - self._begun, "job": job.id}
        return "".join(parts).format(**values, usual=usual, credits=credits_)


def _known_of(job_id: str) -> Known:
    """Look up in the ledger what to show of a job; a job that was submitted elsewhere is not in it."""
    words = CHINESE if language().startswith("zh") else ENGLISH
    entry = ledger().entry_of(job_id)
    return Known(words, ledger().usual_seconds(entry.endpoint), entry.credits) if entry else Known(words)
