"""A job that has ended → what a node gives of it: the video's file, its preview, its URL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
from comfy_api.v0_0_2 import InputImpl, io, ui
from comfy_execution.graph_utils import ExecutionBlocker

from lipsync_nodes.errors import JobFailed

from .clients import ledger
from .descriptions import OUTPUT, SKIP

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient
    from lipsync_nodes.contract import Job

    from .display import Display

__all__ = ["folder_of", "or_skip", "preview_of", "video_of"]

log = logging.getLogger("lipsync_nodes")


async def video_of(client: AsyncLipsyncClient, job: Job, display: Display, save_in: str) -> io.NodeOutput:
    """Have the video of an ended job in the folder, and return all that a node gives of it."""
    folder = folder_of(save_in)
    path = await asyncio.to_thread(_there, job, folder) or await client.download(job, folder)
    await display.ended(job)
    shown = {**preview_of(path, save_in), "output_url": [job.output], "job_id": [job.id], "text": []}
    return io.NodeOutput(InputImpl.VideoFromFile(str(path)), job.output, job.id, ui=shown)


def _there(job: Job, folder: Path) -> Path | None:
    """Return the job's video if an earlier run has saved it in this folder."""
    entry = ledger().entry_of(job.id)
    path = Path(entry.saved_to) if entry and entry.saved_to else None
    return path if path is not None and path.parent == folder.absolute() and path.is_file() else None


async def or_skip(running: Coroutine[Any, Any, io.NodeOutput], display: Display, on_failure: str) -> io.NodeOutput:
    """Await the outcome; where a failed job is to be skipped, block what comes after this node alone."""
    try:
        return await running
    except JobFailed as error:
        if on_failure != SKIP:
            raise
        log.warning("Skipped: %s", error)
        display.done(str(error))
        blocked = ExecutionBlocker(None)
        # Of a list ComfyUI puts together what the first one shows: all have to show the same.
        shown = {**preview_of(None, ""), "output_url": [], "job_id": [error.job_id], "text": [str(error)]}
        return io.NodeOutput(blocked, blocked, blocked, ui=shown)


def folder_of(save_in: str) -> Path:
    """Return the folder that videos are saved in, named by their jobs."""
    base = folder_paths.get_output_directory() if save_in == OUTPUT else folder_paths.get_temp_directory()
    folder = Path(base) / "lipsync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def preview_of(path: Path | None, save_in: str) -> dict[str, Any]:
    """Return what ComfyUI needs to show a saved video on the node, or none."""
    kind = io.FolderType.output if save_in == OUTPUT else io.FolderType.temp
    videos = [ui.SavedResult(path.name, "lipsync", kind)] if path else []
    return dict(ui.PreviewVideo(videos).as_dict())
