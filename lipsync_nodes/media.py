"""What a media file is and how long it lasts, by its content. `av` (extras `cli`, `storage`) is imported late."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from lipsync_nodes.contract import Form
from lipsync_nodes.errors import ConfigurationError, InvalidRequest
from lipsync_nodes.fields import Asset

__all__ = ["Probe", "digest", "fingerprint", "media_seconds", "opened", "probe"]


@dataclass(frozen=True, slots=True)
class Probe:
    """What is in a media file.

    Attributes:
        kind: image, audio or video.
        media_type: its MIME type.
        suffix: what its name should end with, `.png`.
        seconds: how long it lasts; None for an image.

    """

    kind: Literal["image", "audio", "video"]
    media_type: str
    suffix: str
    seconds: float | None


# By FFmpeg's name of the format. What is not here (FFmpeg also takes plain text for a video of a terminal) is refused.
_IMAGES: Final = {
    "png_pipe": ("image/png", ".png"),
    "jpeg_pipe": ("image/jpeg", ".jpg"),
    "webp_pipe": ("image/webp", ".webp"),
    "bmp_pipe": ("image/bmp", ".bmp"),
    "tiff_pipe": ("image/tiff", ".tiff"),
    "gif": ("image/gif", ".gif"),
}
_SOUNDS: Final = {
    "mp3": ("audio/mpeg", ".mp3"),
    "wav": ("audio/wav", ".wav"),
    "flac": ("audio/flac", ".flac"),
    "aac": ("audio/aac", ".aac"),
    "ogg": ("audio/ogg", ".ogg"),
}
# With a moving picture, and without.
_CONTAINERS: Final = {
    "mov,mp4,m4a,3gp,3g2,mj2": (("video/mp4", ".mp4"), ("audio/mp4", ".m4a")),
    "matroska,webm": (("video/webm", ".webm"), ("audio/webm", ".webm")),
}


def probe(asset: Asset | Path) -> Probe:
    """Look into a media file, whatever its name says.

    Raises:
        InvalidRequest: it is missing, empty, unreadable, or no image, sound or video that is known.
        ConfigurationError: the extra that reads media is not installed.

    """
    av = _av()
    name = _name(asset)
    with opened(asset) as file:
        try:
            with av.open(_Nameless(file)) as container:
                return _read(av, container, name)
        except (av.error.FFmpegError, StopIteration) as error:
            why = getattr(error, "strerror", None) or "it holds no picture and no sound"
            raise InvalidRequest(f"{name} is not media that can be read: {why}.") from None


def media_seconds(asset: Asset | Path) -> float:
    """Return how long a sound or video lasts, in seconds; errors as of `probe`."""
    found = probe(asset)
    if found.seconds is None:
        raise InvalidRequest(f"{_name(asset)} is an image and has no length.")
    return found.seconds


def digest(asset: Asset) -> str:
    """Return the SHA-256 of the content, in hex; the file is streamed."""
    with opened(asset) as file:
        return file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # typed for raw files only


def fingerprint(form: Form) -> dict[str, Any]:
    """Return what makes a form the form it is, as JSON: its fields, and for a local file its content."""
    fields = form.model_dump(mode="json", exclude=set(form.assets))
    return fields | {name: f"sha256:{digest(asset)}" for name, asset in form.assets.items()}


@contextmanager
def opened(asset: Asset | Path) -> Iterator[BinaryIO]:
    """Open what an asset holds, from its start; a file of the caller's stays open.

    Raises:
        InvalidRequest: there is nothing there that can be read.

    """
    source = asset.source if isinstance(asset, Asset) else asset
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                yield _not_empty(file, source)
        else:
            held = io.BytesIO(source) if isinstance(source, bytes) else source
            held.seek(0)
            yield _not_empty(held, asset)
    except OSError as error:
        raise InvalidRequest(f"{_name(asset)} cannot be read: {error.strerror or error}.") from None


def _not_empty(file: BinaryIO, what: object) -> BinaryIO:
    if not file.read(1):
        raise InvalidRequest(f"{what} is empty.")
    file.seek(0)
    return file


class _Nameless:
    """A file without its name, by which FFmpeg would choose the format."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _read(av: Any, container: Any, name: str) -> Probe:
    covers = av.stream.Disposition.attached_pic
    pictures = [stream for stream in container.streams.video if not stream.disposition & covers]
    # A header alone proves little: the first frame has to be there.
    next(frame for stream in [*pictures, *container.streams.audio][:1] for frame in container.decode(stream))
    form = container.format.name
    if form in _IMAGES:
        return Probe("image", *_IMAGES[form], None)
    if form in _SOUNDS:
        known = ("audio", *_SOUNDS[form])
    elif form in _CONTAINERS:
        known = ("video", *_CONTAINERS[form][0]) if pictures else ("audio", *_CONTAINERS[form][1])
    else:
        raise InvalidRequest(f"{name} is of a kind that the service does not know ({container.format.long_name}).")
    if not container.duration:
        raise InvalidRequest(f"{name} does not say how long it lasts.")
    return Probe(*known, container.duration / av.time_base)  # type: ignore[arg-type]  # the kinds are literals above


def _name(asset: Asset | Path) -> str:
    source = asset.source if isinstance(asset, Asset) else asset
    return str(source) if isinstance(source, Path) else str(getattr(source, "name", "") or "The data")


def _av() -> Any:
    try:
        import av  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            "Reading media files needs an extra.", hint="Run: pip install 'lipsync-nodes[storage]' (or [cli])"
        ) from None
    return av
