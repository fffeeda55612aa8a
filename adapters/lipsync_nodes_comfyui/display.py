"""What a node shows while it runs: a progress bar, and a text with time, credits and job id in the user's language."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import comfy.utils
from comfy.model_management import InterruptProcessingException, interrupt_current_processing
from comfy_execution.utils import get_executing_context
from server import PromptServer

from lipsync_nodes import LipsyncError

from .clients import ledger
from .language import language

if TYPE_CHECKING:
    from lipsync_nodes import Job
    from lipsync_nodes.host import Entry, Verdict

__all__ = ["Display"]

# The bar stays below its end until the video is there.
NEARLY: Final = 0.95
log = logging.getLogger("lipsync_nodes")


class Words(NamedTuple):
    """The texts of one language.

    A node shows two lines of about forty letters: time (and the usual time) and credits, then the job id.
    """

    submitted: str
    passed: str
    usual: str
    at_most: str
    credits: str
    about: str
    preview: str
    full_stop: str
    job: str
    left: str
    stopped: str
    broken: str
    statuses: Mapping[str, str]


ENGLISH: Final = Words(
    submitted="submitted",
    passed="{status}: {seconds:.0f} s",
    usual=" (~{usual:.0f} s)",
    at_most=", ≤ {credits} credits",
    credits=", {credits} credits",
    about=", ≈ {credits} credits",
    preview="\nFree sandbox preview, not the service's quality",
    full_stop=".",
    job="\nJob {job}",
    left="Job {job} goes on at the service and may be billed. Run again, with Force new off, to pick it up.",
    stopped="Stopped. What was submitted may be billed; run again, with Force new off, to pick it up.",
    broken="Ended by an error: {kind}",
    statuses={},  # as the service spells them
)
CHINESE: Final = Words(
    submitted="已提交",
    passed="{status}：{seconds:.0f} 秒",
    usual="（约 {usual:.0f} 秒）",
    at_most="，≤ {credits} 积分",
    credits="，{credits} 积分",
    about="，≈ {credits} 积分",
    preview="\n沙盒预览：免费，不代表服务的画质",
    full_stop="。",
    job="\n任务 {job}",
    left="任务 {job} 在服务端继续，可能计费。关闭“强制新建”后再次运行可取回它。",
    stopped="已停止。已提交的任务可能计费；关闭“强制新建”后再次运行可取回。",
    broken="因错误结束：{kind}",
    statuses={"processing": "处理中", "completed": "已完成", "failed": "失败"},
)


class Known(NamedTuple):
    """What is shown besides the job itself: the language, how long such jobs usually take, what the video costs."""

    words: Words = ENGLISH
    usual: float | None = None
    cost: str = ""


class Display:
    """The progress bar and the line of text of the node that is being executed."""

    def __init__(self) -> None:
        context = get_executing_context()
        self._node = context.node_id if context else None
        self._server = getattr(PromptServer, "instance", None)
        # The browser that pressed Run. In others, a node with this id may be another one, of another user.
        self._browser = getattr(self._server, "client_id", None)
        self._bar = comfy.utils.ProgressBar(100)
        self._begun = time.monotonic()
        self._job: Job | None = None
        self._known = Known()
        self._found = ""
        self._ticking: asyncio.Task[None] | None = None

    def saw(self, job: Job) -> None:
        """Show this job from now on; for `on_update` of a client."""
        self._job = job
        if self._ticking is None:
            self._ticking = asyncio.ensure_future(self._tick(job.id))

    def checked(self, verdict: Verdict) -> None:
        """Show the problems that a check found, above each line from now on; for `on_check` of a client."""
        tag = language()
        self._found = "".join(f"{one.line(tag, 'comfyui')}\n" for one in verdict.problems)
        if self._found:
            log.warning("\n".join(one.line("en", "comfyui") for one in verdict.problems))
            self.say(self._found)

    def stopped(self) -> None:
        """Show that the wait was stopped, and what happens to the job."""
        if self._job is None:  # a submission may be running
            log.warning(ENGLISH.stopped)
            self.end(_words().stopped)
        else:
            log.warning("Waiting was stopped. %s", ENGLISH.left.format(job=self._job.id))
            self.end(_words().left.format(job=self._job.id))

    def failed(self, error: Exception) -> None:
        """Show why it ended without a video, and the job id."""
        if not isinstance(error, LipsyncError):
            self.end(_words().broken.format(kind=type(error).__name__))
            return
        job_id = error.job_id or (self._job and self._job.id)
        known = not job_id or job_id in error.message
        self.end(error.message + ("" if known else _words().job.format(job=job_id)))

    def say(self, text: str) -> None:
        """Show a text on the node."""
        if self._node is not None and self._server:
            self._server.send_progress_text(text, self._node, self._browser)

    def close(self) -> None:
        """Stop the updates."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    def done(self, text: str) -> None:
        """Fill the bar and show a last text."""
        self._fill(100)
        self.end(text)

    def end(self, text: str) -> None:
        """Show a last text. The frontend may remove all texts after a run; `web/lipsync.js` shows this one again."""
        self.close()
        self.say(text)
        if self._node is not None and self._server:
            self._server.send_sync("lipsync.ended", {"node": self._node, "text": text}, self._browser)

    async def submitted(self, job: Job) -> str:
        """Fill the bar, and show and return that a job was submitted, or how it ended if it has."""
        if job.finished:
            return await self.ended(job)
        self._known = await asyncio.to_thread(_known_of, job.id)
        line = self._with_job(self._known.words.submitted, job)
        self.done(line)
        return line

    async def ended(self, job: Job, video: Path | None = None) -> str:
        """Fill the bar, and show and return how a job ended."""
        self._known = await asyncio.to_thread(_known_of, job.id, video)
        line = self._line(job)
        self.done(line)
        return line

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
        words, usual, _ = self._known
        status = words.statuses.get(job.status.value, job.status.value)
        text = words.passed.format(status=status, seconds=time.monotonic() - self._begun)
        if usual and round(usual) and not job.finished:
            text += words.usual.format(usual=usual)
        return self._with_job(text, job)

    def _with_job(self, text: str, job: Job) -> str:
        words, _, cost = self._known
        return self._found + text + cost + words.full_stop + words.job.format(job=job.id)


def _words() -> Words:
    return CHINESE if language().startswith("zh") else ENGLISH


def _known_of(job_id: str, video: Path | None = None) -> Known:
    """Look up in the ledger what to show of a job; a job that was submitted elsewhere is not in it."""
    words, entry = _words(), ledger().entry_of(job_id)
    if entry is None:
        return Known(words)
    usual = ledger().usual_seconds(entry.endpoint, preview=entry.preview)
    if entry.preview:
        return Known(words._replace(job=""), usual, words.preview)  # there is no third line for its job id
    return Known(words, usual, _cost(words, entry, video))


def _cost(words: Words, entry: Entry, video: Path | None) -> str:
    """Return what a job costs, in words: as estimated, or else by the length of its finished video."""
    from lipsync_nodes.host import media_seconds, spec_named  # noqa: PLC0415  # loaded with the first job

    with suppress(LipsyncError, ValueError):
        spec, resolution = spec_named(entry.endpoint), json.loads(entry.form).get("resolution")
        if entry.credits is not None:
            exact = entry.seconds is not None and spec.cost_of(resolution, entry.seconds).exact
            return (words.credits if exact else words.at_most).format(credits=entry.credits)
        if video is not None:
            return words.about.format(credits=int(spec.cost_of(resolution, media_seconds(video))))
    return ""
