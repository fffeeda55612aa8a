"""What all executions share: the ledger in ComfyUI's user folder, and one client for each profile."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from .places import user_folder
from .preview import profile_of
from .serving import serve_media

if TYPE_CHECKING:
    from lipsync_nodes import AsyncLipsyncClient, Ledger, Profile
    from lipsync_nodes.host import Budget

__all__ = ["budget_of", "client_of", "close_clients", "ledger"]

# A profile's name and its base URL: two profiles of one account each have their own client and budget.
_ProfileKey = tuple[str, str]

_ledger: Ledger | None = None
_budgets: Final[dict[_ProfileKey, Budget]] = {}
_clients: Final[dict[_ProfileKey, AsyncLipsyncClient]] = {}


def ledger() -> Ledger:
    """Return the ledger in ComfyUI's user folder, or the one that `LIPSYNC_LEDGER` names; it survives a crash.

    Its methods block, so a node calls them in a thread.
    """
    global _ledger  # noqa: PLW0603  # one file, opened once, safe between threads
    if _ledger is None:
        from lipsync_nodes import Ledger  # noqa: PLC0415  # SQLite is not loaded at ComfyUI's start
        from lipsync_nodes.host import ledger_file  # noqa: PLC0415  # SQLite is not loaded at ComfyUI's start

        usual = user_folder() / "ledger.sqlite"
        _ledger = Ledger(ledger_file() if os.environ.get("LIPSYNC_LEDGER") else usual)
    return _ledger


async def client_of(profile: str) -> AsyncLipsyncClient:
    """Return the open client of a profile, and a new one after the profile has changed."""
    from lipsync_nodes import AsyncLipsyncClient  # noqa: PLC0415  # httpx is not loaded at ComfyUI's start

    settings = await asyncio.to_thread(profile_of, profile)
    client = _clients.get(_key_of(settings))
    if settings.public_base:
        await asyncio.to_thread(serve_media)
    if client is None or client.profile != settings:
        client = AsyncLipsyncClient(profile=settings, ledger=ledger(), budget=budget_of(settings))
        _clients[_key_of(settings)] = client
    return client


def _key_of(profile: Profile) -> _ProfileKey:
    return profile.name, profile.base_url


def budget_of(profile: Profile) -> Budget | None:
    """Return a profile's budget, shared by all nodes; it counts from ComfyUI's start, and a raised limit applies."""
    if profile.budget is None:
        return None
    from lipsync_nodes.host import Budget  # noqa: PLC0415  # loaded with the client, not at ComfyUI's start

    budget = _budgets.setdefault(_key_of(profile), Budget(profile.budget))
    budget.limit = profile.budget
    return budget


async def close_clients() -> None:
    """Close all clients, after their running submissions."""
    await asyncio.gather(*(client.close() for client in _clients.values()), return_exceptions=True)
