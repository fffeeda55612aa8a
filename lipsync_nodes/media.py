"""How long a local media file lasts. `av` (extra `cli`) reads it and is imported only then."""

from __future__ import annotations

from pathlib import Path

from lipsync_nodes.errors import ConfigurationError, InvalidRequest

__all__ = ["media_seconds"]


def media_seconds(path: Path) -> float:
    """Return how long the media in *path* lasts, in seconds.

    Raises:
        InvalidRequest: there is no such file, or it holds no sound and no moving picture.
        ConfigurationError: the extra that reads media is not installed.

    """
    try:
        import av  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "Reading how long a media file lasts needs an extra.", hint="Run: pip install 'lipsync-nodes[cli]'"
        ) from None
    try:
        with av.open(path) as container:
            seconds = (container.duration or 0) / av.time_base
    except (av.error.FFmpegError, OSError) as error:
        raise InvalidRequest(f"{path} cannot be read as media: {error.strerror}.") from None
    if seconds <= 0:
        raise InvalidRequest(f"{path} does not say how long it lasts.", hint="Give a sound or video file.")
    return seconds
