"""Recognizes images by their first bytes, and similar formats that the service does not accept."""

from __future__ import annotations

from typing import Final

HEAD: Final = 4096
"""This many bytes are enough to recognize a format."""

_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
# The brands of ISO files with images, which FFmpeg reads as videos. `mif1` and `msf1` are the general ones.
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF: Final = frozenset({b"avif", b"avis"})
# In the first byte of a WebP's flags.
_ANIMATED: Final = 0x02


def is_picture(head: bytes) -> bool:
    """Return whether a file begins like an image."""
    return head.startswith(_PICTURES) or _is_webp(head)


def refused_format(head: bytes) -> str:
    """Return the name of an image-like format that the service certainly does not accept; otherwise an empty string."""
    brands = _brands(head)
    if brands & _AVIF:
        return "AVIF"
    if brands & _HEIC:
        return "HEIC"
    if b"%PDF-" in head[:1024]:
        return "PDF"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in head:
        return "SVG"
    return ""


def is_animated_webp(head: bytes) -> bool:
    """Return whether a file is an animated WebP."""
    return _is_webp(head) and head[12:16] == b"VP8X" and bool(head[20] & _ANIMATED)


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP" and len(head) > 20  # noqa: PLR2004  # where its flags are


def _brands(head: bytes) -> set[bytes]:
    """Return the brands of an ISO base media file: its own, and AVIF ones that an image is compatible with."""
    if head[4:8] != b"ftyp":
        return set()
    box = head[: min(int.from_bytes(head[:4], "big"), 64)]
    major, others = box[8:12], {box[at : at + 4] for at in range(16, len(box), 4)}
    # A video may claim to be compatible with an image format, so only the own brand counts for it.
    return {major} | (others & _AVIF if major in _HEIC else set())
