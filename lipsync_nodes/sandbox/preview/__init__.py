"""The preview engine: it moves the mouth of a face in a photo or a film in time with the speech.

It animates the photo on the CPU, to try out a pipeline. It does not show the service's quality.
Importing this package loads no imaging library; the first render does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_nodes.perception import MediaError
from lipsync_nodes.sandbox.preview.inputs import Rendered, RenderInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["MediaError", "RenderInput", "Rendered", "media_seconds", "render"]


def render(given: RenderInput, out: Path, progress: Callable[[float], None] | None = None) -> Rendered:
    """Render ``given`` into the MP4 file ``out``.

    ``progress`` is called with a growing fraction from 0 to 1. Raises MediaError if the media cannot be rendered; then
    ``out`` does not exist.
    """
    from lipsync_nodes.sandbox.preview import rendering  # noqa: PLC0415  # keeps the import of the package light

    return rendering.render(given, out, progress)


def media_seconds(path: Path) -> float:
    """Return the duration in seconds of the file's sound track, or of its video track if it has no sound.

    Raises MediaError if the file is unreadable or has neither track.
    """
    from lipsync_nodes.perception.speech import sound  # noqa: PLC0415  # keeps the import of the package light

    return sound.media_seconds(path)
