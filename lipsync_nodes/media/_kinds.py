"""What a file is by its first bytes: pictures, and what people take for one and the service does not."""

from __future__ import annotations

from typing import Final

__all__ = [
    "HEAD",
    "is_animated_webp",
    "is_picture",
    "refused_format",
]


HEAD: Final = 4096
"""So many bytes are enough to tell."""

_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
# The brands of an ISO file that holds pictures; FFmpeg takes it for a video. `mif1` and `msf1` say only that.
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF: Final = frozenset({b"avif", b"avis"})
# In the first byte of a WebP's flags.
_ANIMATED: Final = 0x02


def is_picture(head: bytes) -> bool:
    """Tell whether a file begins as a picture does."""
    return head.startswith(_PICTURES) or _is_webp(head)


def refused_format(head: bytes) -> str:
    """Return the name of a format that people take for a picture and the service surely does not; else an empty one."""
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
    """Tell whether a file is a WebP of several pictures."""
    return _is_webp(head) and head[12:16] == b"VP8X" and bool(head[20] & _ANIMATED)


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP" and len(head) > 20  # noqa: PLR2004  # where its flags are


def _brands(head: bytes) -> set[bytes]:
    """Return the brands of an ISO base media file: its own, and of those that it is compatible with the first."""
    if head[4:8] != b"ftyp":
        return set()
    box = head[: min(int.from_bytes(head[:4], "big"), 64)]
    major, others = box[8:12], {box[at : at + 4] for at in range(16, len(box), 4)}
    # A film may say that it is compatible with a picture; a picture's own brand is one.
    return {major} | (others & _AVIF if major in _HEIC else set())
