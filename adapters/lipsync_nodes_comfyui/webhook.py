"""Webhooks on ComfyUI's own server: a route to the core's receiver, if the profile has a public URL for it.

ComfyUI has no authentication, so a proxy in front of it should let only this path through from outside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from aiohttp import web
from server import PromptServer

from lipsync_nodes import LipsyncError
from lipsync_nodes.host import load_profile

from .clients import ledger
from .language import in_comfyui

__all__ = ["receive_webhooks"]

PATH: Final = "/lipsync/{token}"
log = logging.getLogger("lipsync_nodes")


async def receive_webhooks() -> None:
    """Add the route while ComfyUI loads; wrong settings are logged, and each node reports them."""
    try:
        if load_profile(ask_plugins=False).webhook is not None:
            await asyncio.to_thread(_add_route)
    except LipsyncError as error:
        log.warning("No webhooks are received: %s", in_comfyui(error))


def _add_route() -> None:
    """Receive for the profile of the environment; other profiles need `lipsync-nodes webhook serve`."""
    from lipsync_nodes import WebhookReceiver  # noqa: PLC0415  # httpx is not loaded at ComfyUI's start

    receiver = WebhookReceiver(ledger=ledger())

    async def answer(request: web.Request) -> web.Response:
        status = await receiver.handle(request.method, request.path, request.headers, _parts(request))
        return web.Response(status=status)

    # All methods, so that every refusal looks the same. (ComfyUI itself answers OPTIONS on every path.)
    PromptServer.instance.routes.route("*", PATH)(answer)
    receiver.resume()


async def _parts(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the parts of a request's body, as far as it comes."""
    with suppress(ConnectionError):
        async for part in request.content.iter_any():
            yield part
