"""Verifies a video, by comparing the movement of the mouth with the speech."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lipsync_nodes.checks._verification import Verification
from lipsync_nodes.errors import ConfigurationError, InvalidRequest
from lipsync_nodes.media import opened


def verify(
    video: str | Path,
    *,
    audio: str | Path | None = None,
    right_audio: str | Path | None = None,
    order: str = "meanwhile",
    source: str | Path | None = None,
    progress: Callable[[float], object] | None = None,
) -> Verification:
    """Compare the movement of the mouth in a video with the speech.

    Args:
        video: the video.
        audio: the speech, which begins with the video; with two people, that of the left one. Default: the video's own
            sound track.
        right_audio: the speech of the right one of two people.
        order: the order in which two people speak: ``meanwhile``, ``left_right`` or ``right_left``.
        source: the video that got the new speech. It is compared with the same speech.
        progress: a function to call with a growing fraction from 0 to 1.

    Raises:
        InvalidRequest: there is a right audio without a left one, or a file is missing or empty.
        ConfigurationError: the extra `check` is not installed.
        LipsyncError: a file cannot be read.

    """
    if right_audio is not None and audio is None:
        raise InvalidRequest(code="verify.left_missing")
    require_perception()
    for file in (video, audio, right_audio, source):
        _check_file(file)
    from lipsync_nodes.checks._comparison import compare  # noqa: PLC0415  # needs the extra, and is slow to load

    return compare(
        Path(video),
        audio=_path(audio),
        right_audio=_path(right_audio),
        order=order,
        source=_path(source),
        report=progress or (lambda _: None),
    )


def require_perception() -> None:
    """Raise a ConfigurationError if the extra `check` is not installed."""
    try:
        import lipsync_nodes.checks._comparison  # noqa: F401, PLC0415  # the imports are what is tested
    except ImportError as missing:
        raise ConfigurationError(
            code="verify.no_library", package="lipsync-nodes[check]", remedy="install_extra"
        ) from missing


def _check_file(given: str | Path | None) -> None:
    """Refuse a file that is missing or empty, before the libraries of media say it in their words."""
    if given is not None:
        with opened(Path(given)):
            pass


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)
