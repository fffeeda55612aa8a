"""Warns if the mouth in a rendered video does not move with the sound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lipsync_nodes.checks import Reason, verify
from lipsync_nodes.errors import LipsyncError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lipsync_nodes.sandbox.preview.inputs import RenderInput

_FOLLOWS = 0.7  # of the correlation of some frames: the video is looked at closely below this


def warning_of(given: RenderInput, out: Path, *, heard: bool, followed: float) -> Mapping[str, Any] | None:
    """Return why a video does not follow the sound, as a code and facts; None if it does.

    ``heard`` is whether there is speech in each sound, ``followed`` the correlation of the frames that were measured.
    """
    if not heard:
        return _plain(Reason(code="sandbox.no_speech"))
    if followed >= _FOLLOWS:
        return None
    left = given.audio if given.right_audio else None  # a single sound is in the video
    try:
        found = verify(out, audio=left, right_audio=given.right_audio, order=given.order)
    except LipsyncError:  # the video itself is there
        return None
    return None if found.verdict == "in_sync" else _plain(found.cause)


def _plain(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "facts": reason.facts}
