"""Checks by its container whether a video is complete, for downloads without a length."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Final, NamedTuple

_EBML: Final = b"\x1a\x45\xdf\xa3"
_SEGMENT: Final = b"\x18\x53\x80\x67"
_CLUSTER: Final = b"\x1f\x43\xb6\x75"
_LONGEST_NAME: Final = 4
_LONGEST_SIZE: Final = 8
_FIRST_BOXES: Final = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})
_PATH_TO_TABLES: Final = (b"trak", b"mdia", b"minf", b"stbl")
_TABLES: Final = frozenset({b"stsz", b"stco", b"co64"})
# Larger files would take too long, and may be malicious, so they are not checked.
_MOST_PARTS: Final = 200_000
_LARGEST_MOOV: Final = 32 << 20


def is_video(file: IO[bytes]) -> bool:
    """Return whether a file begins like an MP4, MOV or WebM."""
    file.seek(0)
    head = file.read(8)
    return head.startswith(_EBML) or head[4:] in _FIRST_BOXES


def is_whole(file: IO[bytes]) -> bool | None:
    """Return whether everything that the container lists is there; None if that is not known.

    A fragmented MP4 without an index and a live WebM may end after any piece.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        return _webm_is_whole(file, end) if file.read(4) == _EBML else _mp4_is_whole(file, end)
    finally:
        file.seek(end)


class _Box(NamedTuple):
    """A box of an MP4, without its header."""

    kind: bytes
    start: int
    end: int


def _mp4_is_whole(file: IO[bytes], end: int) -> bool | None:
    boxes = list(islice(_boxes(file, 0, end), _MOST_PARTS))
    if not boxes or boxes[-1].end > end:
        return False
    moov = next((box for box in boxes if box.kind == b"moov"), None)
    data = sum(box.end - box.start for box in boxes if box.kind == b"mdat")
    if moov is None or not data:
        return False
    if len(boxes) == _MOST_PARTS or moov.end - moov.start > _LARGEST_MOOV:
        return None
    if any(box.kind == b"moof" for box in boxes):
        return True if boxes[-1].kind == b"mfra" else None  # the index of all fragments is the last box
    return _samples_are_inside(file, moov, data, end)


def _boxes(file: IO[bytes], at: int, end: int) -> Iterator[_Box]:
    """Yield the boxes between two positions. If the last one is cut or invalid, it ends beyond *end*."""
    while at < end:
        file.seek(at)
        header = file.read(16)
        size, start = int.from_bytes(header[:4], "big"), at + 8
        if size == 1:
            size, start = int.from_bytes(header[8:], "big"), at + 16
        elif size == 0:  # "until the end of the file"
            size = end - at
        next_at = at + size if start <= at + size and start <= end else end + 1
        yield _Box(header[4:8], start, next_at)
        at = next_at


def _samples_are_inside(file: IO[bytes], moov: _Box, data: int, end: int) -> bool | None:
    """Return whether the samples in the tables fit into the data, and begin inside the file."""
    samples, chunks = 0, 0
    for kind, table in _tables(file, moov):
        if kind == b"stsz":
            size, count = struct.unpack_from(">II", table, 4)
            samples += size * count if size else sum(_numbers(table, ">I", 12, count))
        else:
            (count,) = struct.unpack_from(">I", table, 4)
            chunks = max(chunks, max(_numbers(table, ">Q" if kind == b"co64" else ">I", 8, count), default=0))
    return samples <= data and chunks < end if samples else None


def _tables(file: IO[bytes], parent: _Box, path: Sequence[bytes] = _PATH_TO_TABLES) -> Iterator[tuple[bytes, bytes]]:
    """Yield the tables of sample sizes and chunk offsets below a box."""
    for box in _boxes(file, parent.start, parent.end):
        if path and box.kind == path[0]:
            yield from _tables(file, box, path[1:])
        elif not path and box.kind in _TABLES and box.start + 12 <= box.end <= parent.end:
            file.seek(box.start)
            yield box.kind, file.read(box.end - box.start)


def _numbers(table: bytes, form: str, at: int, count: int) -> Iterator[int]:
    width = struct.calcsize(form)
    entries = table[at : at + width * count]
    return (number for (number,) in struct.iter_unpack(form, entries[: len(entries) // width * width]))


def _webm_is_whole(file: IO[bytes], end: int) -> bool | None:
    at, in_segment, is_open = 0, False, False
    for _ in range(_MOST_PARTS):
        if at >= end:
            return at == end and in_segment and (None if is_open else True)
        file.seek(at)
        element = _element(file.read(12))
        if element is None:
            return False
        name, size, header = element
        in_segment |= name == _SEGMENT
        is_open |= size is None
        if size is None and name not in {_SEGMENT, _CLUSTER}:
            return None
        at += header + (size or 0)  # after an element without a size comes its first child
    return None


def _element(raw: bytes) -> tuple[bytes, int | None, int] | None:
    """Return the name, size (None: unknown) and header length of an EBML element; None if it is cut or invalid."""
    name = 9 - raw[0].bit_length()  # the number of leading zeros is the length of the number
    if name > _LONGEST_NAME or len(raw) <= name:
        return None
    width = 9 - raw[name].bit_length()
    header = name + width
    if width > _LONGEST_SIZE or len(raw) < header:
        return None
    most = (1 << 7 * width) - 1
    size = int.from_bytes(raw[name:header], "big") & most
    return raw[:name], None if size == most else size, header
