"""Turns an ended job into a node's outputs: the video's file, its preview, its URL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import folder_paths
from comfy_api.v0_0_2 import InputImpl, io, ui
from comfy_execution.graph_utils import ExecutionBlocker

from lipsync_nodes import CheckRefused, JobFailed

from .clients import ledger
from .language import in_comfyui
from .own_fields import OUTPUT, SKIP

if TYPE_CHECKING:
    from lipsync_nodes import AsyncLipsyncClient, Job

    from .display import Display

__all__ = ["folder_of", "or_skip", "preview_of", "video_of"]

log = logging.getLogger("lipsync_nodes")


async def video_of(client: AsyncLipsyncClient, job: Job, display: Display, save_in: str) -> io.NodeOutput:
    """Download the video of an ended job, unless that was done before, and return the node's outputs."""
    folder = folder_of(save_in)
    path = await asyncio.to_thread(_saved, job, folder) or await client.download(job, _file_of(client, job, folder))
    line = await display.ended(job, path)
    shown = {**preview_of(path, save_in), "output_url": [job.output], "job_id": [job.id], "text": [line]}
    return io.NodeOutput(InputImpl.VideoFromFile(str(path)), job.output, job.id, ui=shown)


def _file_of(client: AsyncLipsyncClient, job: Job, folder: Path) -> Path:
    """Return the folder, in which the file is named after the job; the name of a preview says what it is."""
    return folder / f"preview_{job.id}.mp4" if client.profile.embedded else folder


def _saved(job: Job, folder: Path) -> Path | None:
    """Return the job's video if an earlier run saved it in this folder."""
    entry = ledger().entry_of(job.id)
    path = Path(entry.saved_to) if entry and entry.saved_to else None
    return path if path is not None and path.parent == folder.absolute() and path.is_file() else None


async def or_skip(running: Coroutine[Any, Any, io.NodeOutput], display: Display, on_failure: str) -> io.NodeOutput:
    """Await the outputs; if a failed or refused job is to be skipped, block only the nodes after this one."""
    try:
        return await running
    except (CheckRefused, JobFailed) as error:
        if on_failure != SKIP:
            raise
        log.warning("Skipped: %s", in_comfyui(error))
        display.failed(error)
        blocked = ExecutionBlocker(None)
        # ComfyUI merges the `ui` of a list by the keys of its first item, so all items have the same keys.
        job_id = [error.job_id] if error.job_id else []  # a refused one has none
        shown = {**preview_of(None, ""), "output_url": [], "job_id": job_id, "text": [str(error)]}
        return io.NodeOutput(blocked, blocked, blocked, ui=shown)


def folder_of(save_in: str) -> Path:
    """Return the folder for videos."""
    base = folder_paths.get_output_directory() if save_in == OUTPUT else folder_paths.get_temp_directory()
    folder = Path(base) / "lipsync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def preview_of(path: Path | None, save_in: str) -> dict[str, Any]:
    """Return what ComfyUI needs to preview a saved video on the node; nothing is shown without a path."""
    kind = io.FolderType.output if save_in == OUTPUT else io.FolderType.temp
    videos = [ui.SavedResult(path.name, "lipsync", kind)] if path else []
    return dict(ui.PreviewVideo(videos).as_dict())
