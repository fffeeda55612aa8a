"""One execution of a node: its client, its ledger, ComfyUI's interrupt, and what is shown on the node meanwhile."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import comfy.utils
import folder_paths
from comfy.model_management import throw_exception_if_processing_interrupted
from comfy_execution.utils import get_executing_context
from server import PromptServer

from lipsync_nodes.ledger import Ledger

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient
    from lipsync_nodes.contract import Job
    from lipsync_nodes.settings import Profile

__all__ = ["Display", "client_of", "failures", "interruptible", "ledger", "make_room"]

T = TypeVar("T")

# How often the user's Cancel is looked for, in seconds.
LOOK_EVERY: Final = 0.1
# A request that is on its way gets this long to tell its answer after a Cancel, in seconds.
GRACE: Final = 0.4
# The bar stays below its end until the video is there.
NEARLY: Final = 0.95

log = logging.getLogger("lipsync_nodes")
_ledger: Ledger | None = None


def ledger() -> Ledger:
    """Return the journal in ComfyUI's user folder (`LIPSYNC_LEDGER` names another); it survives crash and restart."""
    global _ledger  # noqa: PLW0603  # one file, opened once, safe between threads
    if _ledger is None:
        # ComfyUI serves nothing of folders that begin with two underscores.
        usual = Path(folder_paths.get_user_directory()) / "__lipsync_nodes" / "ledger.sqlite"
        _ledger = Ledger(os.environ.get("LIPSYNC_LEDGER") or usual)
    return _ledger


def client_of(profile: str) -> AsyncLipsyncClient:
    """Return a client for this execution alone: each prompt of ComfyUI runs in an event loop of its own."""
    from lipsync_nodes.client import AsyncLipsyncClient  # noqa: PLC0415  # httpx is not for ComfyUI's start

    return AsyncLipsyncClient(profile=profile.strip() or None, ledger=ledger())


async def interruptible(doing: Coroutine[Any, Any, T], display: Display) -> T:
    """Await *doing*, but look for the user's Cancel meanwhile, and let it through as ComfyUI's own exception.

    Where another node failed, ComfyUI cancels this task, which is no Cancel of the user's. Either way the remote job
    goes on, the ledger knows it, and the next run picks it up.
    """
    task = asyncio.ensure_future(doing)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_EVERY)
            throw_exception_if_processing_interrupted()
        return task.result()
    except BaseException:
        if not task.done():
            display.left()
        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
        display.close()


class Display:
    """The progress bar and the line of text of the node that is being executed.

    Args:
        usual: how long such a job usually takes, in seconds, if that is known.

    """

    def __init__(self, usual: float | None = None) -> None:
        context = get_executing_context()
        self._node = context.node_id if context else None
        self._bar = comfy.utils.ProgressBar(100)
        self._begun = time.monotonic()
        self._usual = usual
        self._job: Job | None = None
        self._ticking: asyncio.Task[None] | None = None

    def saw(self, job: Job) -> None:
        """Take note of the job, as `on_update` of a client."""
        self._job = job
        if self._ticking is None:
            self._ticking = asyncio.ensure_future(self._tick())

    def left(self) -> None:
        """Tell that nobody waits any more, and what becomes of the job."""
        if self._job is not None:
            words = f"Job {self._job.id} goes on at the service and may be billed. Run again to pick it up."
            log.warning("Waiting was stopped. %s", words)
            self.say(words)

    def say(self, text: str) -> None:
        """Show a line on the node."""
        if self._node is not None and getattr(PromptServer, "instance", None):
            PromptServer.instance.send_progress_text(text, self._node)

    def close(self) -> None:
        """Stop what is shown; the bar is full only now."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None

    def done(self, text: str) -> None:
        """Fill the bar and show a last line."""
        self.close()
        self._bar.update_absolute(100)
        self.say(text)

    async def _tick(self) -> None:
        while self._job is not None:
            seconds = time.monotonic() - self._begun
            usual = f" (usually {self._usual:.0f} s)" if self._usual else ""
            self.say(f"{self._job.status.value}: {seconds:.0f} s{usual}\nJob {self._job.id}")
            # Half way after the usual time, or after a minute; never quite there.
            self._bar.update_absolute(int(100 * NEARLY * seconds / (seconds + (self._usual or 60.0))))
            await asyncio.sleep(1)


def failures() -> str:
    """Return what changes with each job that ended without a video, here or in any other program of this ledger."""
    return ".".join(str(len(ledger().entries(state))) for state in ("failed", "uncertain"))


def make_room(key: str, profile: Profile) -> None:
    """Make room under a submission key, so that the next submit makes a new job. What was made before stays known."""
    for entry in ledger().entries("live", "completed"):
        if entry.key == key and entry.account == profile.account and entry.job_id:
            ledger().release(entry.job_id)
