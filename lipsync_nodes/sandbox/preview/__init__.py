"""The sandbox's preview engine: moves the mouth of a photographed or filmed face with the speech.

It is a photo puppet on a CPU, for trying out a pipeline; it says nothing of the service's quality.
Importing this package loads no imaging library: that happens at the first render.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lipsync_nodes.sandbox.preview.inputs import LARGEST, MediaError, Rendered, RenderInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["MediaError", "RenderInput", "Rendered", "media_seconds", "render"]


# A picture of some kilobytes can unpack to gigabytes; OpenCV reads this when it is loaded.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(LARGEST))


def render(take: RenderInput, out: Path, progress: Callable[[float], None] | None = None) -> Rendered:
    """Render ``take`` into the MP4 file ``out``.

    ``progress`` is called with a growing fraction from 0 to 1. Raises MediaError if the media cannot be
    rendered; ``out`` does not exist then.
    """
    from lipsync_nodes.sandbox.preview import rendering  # noqa: PLC0415 - keeps the import of the package light

    return rendering.render(take, out, progress)


def media_seconds(path: Path) -> float:
    """Duration of the file's sound track, or of its video track if it has no sound, in seconds.

    Raises MediaError if the file is unreadable or has neither.
    """
    from lipsync_nodes.sandbox.preview.speech import sound  # noqa: PLC0415 - keeps the import of the package light

    return sound.media_seconds(path)
