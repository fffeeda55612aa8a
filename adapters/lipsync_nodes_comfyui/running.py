"""One execution of a node: its client, its ledger, its budget, and ComfyUI's interrupt."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import folder_paths
from comfy.model_management import (
    InterruptProcessingException,
    interrupt_current_processing,
    throw_exception_if_processing_interrupted,
)

from lipsync_nodes.credits import Budget
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.settings import Profile, load_profile

from .hints import in_comfyui

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient
    from lipsync_nodes.ledger import Ledger

    from .display import Display

__all__ = ["client_of", "interruptible", "ledger"]

T = TypeVar("T")

# How often the user's Cancel is looked for, in seconds.
LOOK_EVERY: Final = 0.1

# A profile's name and its base URL: two profiles of one account have each a client and a budget of their own.
_Place = tuple[str, str]

_ledger: Ledger | None = None
_budgets: Final[dict[_Place, Budget]] = {}
_clients: Final[dict[_Place, AsyncLipsyncClient]] = {}


def ledger() -> Ledger:
    """Return the journal in ComfyUI's user folder (`LIPSYNC_LEDGER` names another); it survives crash and restart.

    What it does blocks, so a node asks it in a thread.
    """
    global _ledger  # noqa: PLW0603  # one file, opened once, safe between threads
    if _ledger is None:
        from lipsync_nodes.ledger import Ledger, ledger_file  # noqa: PLC0415  # SQLite is not for ComfyUI's start

        # ComfyUI serves nothing of folders that begin with two underscores.
        usual = Path(folder_paths.get_user_directory()) / "__lipsync_nodes" / "ledger.sqlite"
        _ledger = Ledger(ledger_file() if os.environ.get("LIPSYNC_LEDGER") else usual)
    return _ledger


async def client_of(profile: str) -> AsyncLipsyncClient:
    """Return the client of a profile; it stays open, and is another one once the profile has changed."""
    from lipsync_nodes.client import AsyncLipsyncClient  # noqa: PLC0415  # httpx is not for ComfyUI's start

    settings = await asyncio.to_thread(load_profile, profile.strip() or None)
    client = _clients.get(_place(settings))
    if client is None or client.profile != settings:
        client = AsyncLipsyncClient(profile=settings, ledger=ledger(), budget=_budget_of(settings))
        _clients[_place(settings)] = client
    return client


def _place(profile: Profile) -> _Place:
    return profile.name, profile.base_url


def _budget_of(profile: Profile) -> Budget | None:
    """Return the one budget of a profile for all nodes; it counts from ComfyUI's start, and can be raised meanwhile."""
    if profile.budget is None:
        return None
    budget = _budgets.setdefault(_place(profile), Budget(profile.budget))
    budget.limit = profile.budget
    return budget


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return the loop that all nodes work in.

    ComfyUI has a loop for each prompt, and ends it together with all that is on its way there: with it would go the
    answer of a submit, and a paid job's id. This one lives as long as ComfyUI.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lipsync", daemon=True)
    thread.start()
    atexit.register(_finish, loop, thread)
    return loop


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_loop.cache_clear)  # its thread is the parent's


def _finish(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Wait, where ComfyUI ends in good order, for a submit that is on its way: its answer is a paid job's id."""
    if not thread.is_alive():  # in a fork
        return

    async def close() -> None:
        await asyncio.gather(*(client.close() for client in _clients.values()), return_exceptions=True)

    asyncio.run_coroutine_threadsafe(close(), loop).result()


async def interruptible(doing: Coroutine[Any, Any, T], display: Display) -> T:
    """Await *doing*, but look for the user's Cancel meanwhile, and let it through as ComfyUI's own exception.

    Where another node failed, ComfyUI cancels this task, which is no Cancel of the user's. Either way the remote job
    goes on, the ledger knows it, and the next run picks it up.
    """
    running = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_shown(doing, display), _loop()))
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=LOOK_EVERY)
            throw_exception_if_processing_interrupted()
        return running.result()
    except InterruptProcessingException:
        interrupt_current_processing()  # whoever sees a Cancel clears it, and the others of a list are to see it, too
        raise
    finally:
        running.cancel()


async def _shown(doing: Coroutine[Any, Any, T], display: Display) -> T:
    try:
        return await doing
    except LipsyncError as error:
        error.hint = in_comfyui(error.hint)
        raise
    except asyncio.CancelledError:
        display.left()
        raise
    finally:
        display.close()
