"""Finds files that end too early: a copy or a download that was cut off. FFmpeg itself refuses a PNG that is cut."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import BinaryIO, Final

from lipsync_nodes.media import is_whole

_SOS: Final = 0xDA
_EOI: Final = b"\xff\xd9"
# Markers of a JPEG without a length.
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_LARGEST_JPEG: Final = 64 << 20
# A recorder that does not know the length yet writes one of these.
_OPEN_ENDED: Final = frozenset({0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF})


def is_cut(file: BinaryIO, media_type: str) -> bool:
    """Return whether a file certainly ends too early. Formats without a mark of their end never do."""
    look = _LOOKS.get(media_type)
    if look is None:
        return False
    file.seek(0)
    return look(file)


def _jpeg_is_cut(file: BinaryIO) -> bool:
    """Look for the mark of the end behind the first scan: before it, the mark may be that of a thumbnail."""
    if file.read(2) != b"\xff\xd8":
        return False
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:  # noqa: PLR2004  # a marker and its length
        if head[1] in _BARE or head[1] == 0xFF:  # noqa: PLR2004  # fill bytes
            file.seek(-3 if head[1] == 0xFF else -2, os.SEEK_CUR)  # noqa: PLR2004
            continue
        file.seek(struct.unpack(">H", head[2:])[0] - 2, os.SEEK_CUR)
        if head[1] == _SOS:
            return _EOI not in file.read(_LARGEST_JPEG)
    return len(head) < 4  # noqa: PLR2004


def _wav_is_cut(file: BinaryIO) -> bool:
    end = file.seek(0, os.SEEK_END)
    at = 12
    while at + 8 <= end:
        file.seek(at)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind == b"data":
            return length not in _OPEN_ENDED and at + 8 + length > end
        at += 8 + length + length % 2
    return False


def _container_is_cut(file: BinaryIO) -> bool:
    return is_whole(file) is False


_LOOKS: Final[dict[str, Callable[[BinaryIO], bool]]] = {
    "audio/mp4": _container_is_cut,
    "audio/wav": _wav_is_cut,
    "audio/webm": _container_is_cut,
    "image/jpeg": _jpeg_is_cut,
    "video/mp4": _container_is_cut,
    "video/webm": _container_is_cut,
}
