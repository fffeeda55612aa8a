"""The node that compares the movement of the mouth in a video with the speech."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io

from .base import Submitted
from .descriptions import VERIFY
from .display import Display
from .jobs import JobNode, ended_job
from .language import language
from .media import media_of
from .own_fields import JOB_OR_VIDEO, SOUNDS
from .running import interruptible

if TYPE_CHECKING:
    from lipsync_nodes.host import Verification

__all__ = ["LipsyncVerify"]


class LipsyncVerify(JobNode):
    """Compare the mouth with the speech."""

    about = VERIFY

    @classmethod
    async def execute(cls, job: Any, profile: str = "", **sounds: Any) -> io.NodeOutput:
        """Return the verdict in words, and whether they are in sync."""
        display = Display()

        async def verify() -> io.NodeOutput:
            with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                found = await _verification(job, profile, Path(folder), sounds, display)
            text = f"{found.message(language())}\n{found.note(language())}"
            display.done(text)
            return io.NodeOutput(text, found.verdict == "in_sync", ui={"report": [text], "text": [text]})

        return await interruptible(verify(), display)


async def _verification(job: Any, profile: str, folder: Path, sounds: dict[str, Any], display: Display) -> Verification:
    """Verify a job, or a video of the graph. That of a job is kept in the ledger."""
    files = await asyncio.to_thread(_files_of, sounds, folder)
    if not isinstance(job, Submitted | str):
        from lipsync_nodes.host import verify  # noqa: PLC0415  # not loaded at ComfyUI's start

        video = await asyncio.to_thread(lambda: _saved(media_of(JOB_OR_VIDEO, job), folder / "video.mp4"))
        return await asyncio.to_thread(verify, video, **files)
    client, ended = await ended_job(job, profile, display)
    return await client.verify(ended, **files)


def _files_of(sounds: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Save the sounds that are connected."""
    given = {field.name: media_of(field, sounds[field.name]) for field in SOUNDS if sounds.get(field.name) is not None}
    return {name: _saved(sound, folder / f"{name}.wav") for name, sound in given.items()}


def _saved(media: bytes | Path, file: Path) -> Path:
    """Return the file of media, which are written to *file* if they are in memory."""
    if isinstance(media, Path):
        return media
    file.write_bytes(media)
    return file
