"""What all executions share: the ledger in ComfyUI's user folder, and one client for each profile."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import folder_paths

from lipsync_nodes.credits import Budget
from lipsync_nodes.settings import Profile, load_profile

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient
    from lipsync_nodes.ledger import Ledger

__all__ = ["client_of", "close_clients", "ledger"]

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


async def close_clients() -> None:
    """Close all clients, which waits for submits that are on their way."""
    await asyncio.gather(*(client.close() for client in _clients.values()), return_exceptions=True)
