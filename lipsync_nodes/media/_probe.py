"""Finds the kind and length of a media file from its content. `av` (extras `cli`, `storage`) is imported late."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from lipsync_nodes.errors import ConfigurationError, InvalidRequest
from lipsync_nodes.media._kinds import HEAD, is_animated_webp, is_picture, refused_format
from lipsync_nodes.media._lengths import measured
from lipsync_nodes.media._open import opened
from lipsync_nodes.service import Asset, NodeSpec


@dataclass(frozen=True, slots=True)
class Probe:
    """The content of a media file.

    Attributes:
        kind: image, audio or video.
        media_type: its MIME type.
        suffix: the right ending for its name, such as `.png`.
        seconds: the measured length of its content; None for an image.
        stated: the length in its header, or FFmpeg's guess if there is no header; None if there is neither.
        size: the width and height in pixels as stored; None for an audio.
        rotation: by how many degrees the header turns the picture, counter-clockwise.
        variable_rate: whether the frames of a video last for different times.

    """

    kind: Literal["image", "audio", "video"]
    media_type: str
    suffix: str
    seconds: float | None
    stated: float | None = None
    size: tuple[int, int] | None = None
    rotation: int = 0
    variable_rate: bool = False

    @property
    def longest(self) -> float | None:
        """The longest time that may be billed: by the content or by the header."""
        return None if self.seconds is None else max(self.seconds, self.stated or 0)


# The limits for an image. A screen has 2 to 15 million pixels, the camera of a phone up to 50 million.
LARGEST_PICTURE: Final = 64 << 20
MOST_PIXELS: Final = 1 << 26
# How many bytes are read without finding a packet. FFmpeg keeps some of them in memory.
LONGEST_GAP: Final = 32 << 20

# By FFmpeg's name of the format. All others are refused (FFmpeg even reads plain text as a video of a terminal).
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
_ANIMATIONS: Final = {"apng": "PNG"}
# The service accepts none of these. FFmpeg may open them only so that the error can name the format.
_NAMED: Final = "aiff,amr,apng,asf,au,avi,caf,flv,mpeg,mpegts,rm,w64"
# With a video track, and without.
_CONTAINERS: Final = {
    "mov,mp4,m4a,3gp,3g2,mj2": (("video/mp4", ".mp4"), ("audio/mp4", ".m4a")),
    "matroska,webm": (("video/webm", ".webm"), ("audio/webm", ".webm")),
}
MEDIA_TYPES: Final = {
    suffix: media_type
    for media_type, suffix in [
        *_SOUNDS.values(),
        *_IMAGES.values(),
        *(one for two in _CONTAINERS.values() for one in two[::-1]),
    ]
}
"""The MIME type for each ending of a name; `.webm` counts as a video."""
# FFmpeg may open nothing else, because it would also read playlists and fetch the files that they name.
_KNOWN: Final = ",".join([*_IMAGES, *_SOUNDS, *_CONTAINERS, _NAMED])


def probe(asset: Asset | Path) -> Probe:
    """Read a media file. Its name does not matter.

    Raises:
        InvalidRequest: it is missing, empty, unreadable, or not a known image, audio or video format.
        ConfigurationError: the extra that reads media is not installed.

    """
    with opened(asset) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(HEAD)
        picture = is_picture(head)
        if refused := refused_format(head):
            raise InvalidRequest(code="media.format", media=asset, format=refused, remedy="save_as_png")
        if is_animated_webp(head):
            raise _animated(str(asset), "WebP")
        if picture and size > LARGEST_PICTURE:
            most = LARGEST_PICTURE >> 20
            raise InvalidRequest(code="media.picture_too_large", media=asset, size=size >> 20, most=most)
        found = _read(file, size, picture, str(asset))
        if found.media_type == "audio/mp4":  # what an edit list hides is still in the file, and may be billed
            whole = _read(file, size, picture, str(asset), ignore_editlist="1")
            found = replace(found, seconds=max(found.seconds or 0, whole.seconds or 0))
        return found


def media_seconds(asset: Asset | Path) -> float:
    """Return the length of an audio or video in seconds. Raises the errors of `probe`."""
    found = probe(asset)
    if found.seconds is None:
        raise InvalidRequest(code="media.has_no_length", media=asset)
    return found.seconds


def check(spec: NodeSpec, name: str, asset: Asset) -> Probe:
    """Read the local file of a form's field and check its kind. Raises the errors of `probe`."""
    wanted = next(field.media for field in spec.media if field.name == name)
    try:
        found = probe(asset)
    except InvalidRequest as error:
        raise error.at(f"`{name}`") from None
    if found.kind != ("image" if wanted == "mask" else wanted):
        raise InvalidRequest(code="media.wrong_kind", field=name, wanted=wanted, media=asset, kind=found.kind)
    if asset.media_type not in {None, found.media_type}:
        raise InvalidRequest(code="media.wrong_type", field=name, claimed=asset.media_type, found=found.media_type)
    return found


def _animated(name: str, form: str) -> InvalidRequest:
    return InvalidRequest(code="media.animated", media=name, format=form, remedy="save_frame")


class _Nameless:
    """A file without a name, from which FFmpeg would guess the format, and without data that is appended meanwhile."""

    def __init__(self, file: BinaryIO, size: int, name: str, longest_gap: int) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._file, self._size, self._name, self._longest_gap = file, size, name, longest_gap
        self.gap = 0  # bytes that were read since the last packet
        self.first: dict[str, Any] = {}  # what the first frame shows

    def read(self, count: int) -> bytes:
        if self.gap > self._longest_gap:
            raise InvalidRequest(code="media.gap", media=self._name, most=LONGEST_GAP >> 20)
        read = self._file.read(max(0, min(count, self._size - self._file.tell())))
        self.gap += len(read)
        return read


def _read(file: BinaryIO, size: int, picture: bool, name: str, **options: str) -> Probe:
    av = _av()
    file.seek(0)
    limits = {"max_pixels": str(MOST_PIXELS)} if picture else {}
    options["format_whitelist"] = _KNOWN
    try:
        # An image is a single packet, and its size has been checked.
        source = _Nameless(file, size, name, 2 * LARGEST_PICTURE if picture else LONGEST_GAP)
        with av.open(source, options=limits, container_options=options) as container:
            return _contents(av, container, source, name)
    except av.error.FFmpegError as error:
        megapixels = MOST_PIXELS / 1e6 if picture else None
        raise InvalidRequest(code="media.not_media", media=name, reason=error.strerror, megapixels=megapixels) from None


def _contents(av: Any, container: Any, source: _Nameless, name: str) -> Probe:
    covers = av.stream.Disposition.attached_pic
    pictures = [stream for stream in container.streams.video if not stream.disposition & covers]
    sounds = list(container.streams.audio)
    form = container.format.name
    if form in _ANIMATIONS:
        raise _animated(name, _ANIMATIONS[form])
    if form not in _IMAGES | _SOUNDS | _CONTAINERS:
        raise InvalidRequest(code="media.unknown_format", media=name, format=container.format.long_name)
    packets = _shown(container, source, [*pictures, *sounds], name)
    if form in _IMAGES:
        if sum(packet.size > 0 for packet in packets) > 1 and form == "gif":
            raise _animated(name, "GIF")
        return Probe("image", *_IMAGES[form], None, **source.first)
    if form in _SOUNDS:
        known, tracks = ("audio", *_SOUNDS[form]), sounds
    else:
        known = ("video", *_CONTAINERS[form][0]) if pictures else ("audio", *_CONTAINERS[form][1])
        tracks = pictures or sounds
    seconds, variable = measured(packets, tracks, name)
    if not seconds:
        raise InvalidRequest(code="media.nothing_lasts", media=name)
    stated = container.duration / av.time_base if container.duration else None
    more = {**source.first, "variable_rate": variable and bool(pictures)}
    return Probe(*known, seconds, stated, **more)  # type: ignore[arg-type]  # the kinds are literals above


def _shown(container: Any, source: _Nameless, streams: list[Any], name: str) -> Iterator[Any]:
    """Yield all packets. The first frame must be decodable, because a header alone proves little."""
    first, shown = streams[0] if streams else None, False
    for codec in filter(None, (stream.codec_context for stream in container.streams.video)):  # None: it is unknown
        codec.options = {"max_pixels": str(MOST_PIXELS)}
    for packet in container.demux():
        source.gap = 0
        if first is not None and not shown and packet.stream is first:
            frames = packet.decode()
            shown = bool(frames)
            if shown and first.type == "video":
                source.first = {"size": (frames[0].width, frames[0].height), "rotation": frames[0].rotation}
        yield packet
    if not shown:
        raise InvalidRequest(code="media.nothing_shown", media=name)


def _av() -> Any:
    try:
        import av  # noqa: PLC0415
    except ImportError:
        raise ConfigurationError(
            code="media.no_library", package="lipsync-nodes[storage]", remedy="install_extra"
        ) from None
    return av
