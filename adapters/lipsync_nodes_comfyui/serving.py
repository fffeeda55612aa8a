"""Serves media from sockets on ComfyUI's own server while their job runs, if the profile has a `public_base`.

ComfyUI has no authentication, so a proxy in front of it should let only the names of these files through from outside.
The route finds nothing else: a name that is not that of a published file is answered with 404.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

from aiohttp import web
from server import PromptServer

from lipsync_nodes.host import hookimpl

from .places import user_folder

if TYPE_CHECKING:
    from lipsync_nodes import Asset, Job, Profile
    from lipsync_nodes.host import JobEvent, PublicFiles

__all__ = ["add_files", "serve_media", "withdraw_ended"]

PATH: Final = "/lipsync/files/"
# If nobody sees the end of a job, its files expire this many seconds after it should have ended.
MARGIN: Final = 3600.0
# Proxies and tunnels must not keep a file after its end, nor that it was not there.
HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ENDS: Final = {"completed", "failed", "stopped", "refused"}


def add_files() -> None:
    """Add the route. Nothing is published before a profile with a `public_base` is used."""
    if server := getattr(PromptServer, "instance", None):  # the nodes can also run without a server
        # All methods, so that every refusal looks the same. (ComfyUI itself answers OPTIONS on every path.)
        server.routes.route("*", PATH + "{name}")(_answer)


async def _answer(request: web.Request) -> web.StreamResponse:
    """Send a file, or the part of it that was asked for."""
    found = await asyncio.to_thread(lambda: _files().find(request.match_info["name"]))
    if found is None or request.method not in {"GET", "HEAD"}:
        return web.Response(status=404, text="404: Not Found", headers=HEADERS)
    path, media_type = found
    return web.FileResponse(path, headers={**HEADERS, "Content-Type": media_type})


@cache
def _files() -> PublicFiles:
    from lipsync_nodes.host import PublicFiles  # noqa: PLC0415  # loaded with the first file, not at ComfyUI's start

    return PublicFiles(user_folder() / "public")


class _Publisher:
    """Publishes the media of this process here, and withdraws them when their job has ended."""

    @hookimpl(trylast=True)
    def lipsync_publish_asset(
        self, asset: Asset, suffix: str, seconds: float, public_base: str | None, submission_key: str | None
    ) -> str | None:
        if public_base is None:
            return None
        return f"{public_base}{PATH}{_files().publish(asset, suffix, seconds + MARGIN, submission_key)}"

    @hookimpl
    def lipsync_job_event(self, event: JobEvent) -> None:
        if event.kind in ENDS and event.submission_key:
            _files().withdraw(event.submission_key)


async def withdraw_ended(job: Job, profile: Profile, key: str | None) -> None:
    """Withdraw the media of a submission that found a job which had ended before: nothing more happens to that."""
    if profile.public_base and key and job.finished:
        await asyncio.to_thread(_files().withdraw, key)


@cache
def serve_media() -> None:
    """Publish local files here from now on."""
    from lipsync_nodes.host import plugins  # noqa: PLC0415  # loaded with the first client, not at ComfyUI's start

    plugins().register(_Publisher(), name="comfyui-files")
