"""One execution of a node: its client, its ledger, its budget, and ComfyUI's interrupt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import folder_paths
from comfy.model_management import throw_exception_if_processing_interrupted

from lipsync_nodes.credits import Budget
from lipsync_nodes.settings import Profile, load_profile

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient
    from lipsync_nodes.ledger import Ledger

    from .display import Display

__all__ = ["client_of", "interruptible", "ledger"]

T = TypeVar("T")

# How often the user's Cancel is looked for, in seconds.
LOOK_EVERY: Final = 0.1
# A request that is on its way gets this long to tell its answer after a Cancel, in seconds.
GRACE: Final = 0.4

_ledger: Ledger | None = None
_budgets: Final[dict[str, Budget]] = {}


def ledger() -> Ledger:
    """Return the journal in ComfyUI's user folder (`LIPSYNC_LEDGER` names another); it survives crash and restart.

    What it does blocks, so a node asks it in a thread.
    """
    global _ledger  # noqa: PLW0603  # one file, opened once, safe between threads
    if _ledger is None:
        from lipsync_nodes.ledger import Ledger  # noqa: PLC0415  # SQLite is not for ComfyUI's start

        # ComfyUI serves nothing of folders that begin with two underscores.
        usual = Path(folder_paths.get_user_directory()) / "__lipsync_nodes" / "ledger.sqlite"
        _ledger = Ledger(os.environ.get("LIPSYNC_LEDGER") or usual)
    return _ledger


@asynccontextmanager
async def client_of(profile: str) -> AsyncIterator[AsyncLipsyncClient]:
    """Give a client for this execution alone: each prompt of ComfyUI runs in an event loop of its own."""
    from lipsync_nodes.client import AsyncLipsyncClient  # noqa: PLC0415  # httpx is not for ComfyUI's start

    settings = await asyncio.to_thread(load_profile, profile.strip() or None)
    async with AsyncLipsyncClient(profile=settings, ledger=ledger(), budget=_budget_of(settings)) as client:
        yield client


def _budget_of(profile: Profile) -> Budget | None:
    """Return the one budget of a profile for all nodes; it counts from ComfyUI's start, and can be raised meanwhile."""
    if profile.budget is None:
        return None
    budget = _budgets.setdefault(profile.account, Budget(profile.budget))
    budget.limit = profile.budget
    return budget


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
