"""What a file is by its first bytes: pictures, and what people take for one and the service does not."""

from __future__ import annotations

from typing import Final

__all__ = [
    "HEAD",
    "animated",
    "is_picture",
    "strange",
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


def strange(head: bytes) -> str:
    """Return what is wrong with a file that the service surely does not take, as half a sentence; else an empty one."""
    brands = _brands(head)
    if brands & _AVIF:
        return "is an AVIF picture, which the service does not take: convert it to PNG or JPG"
    if brands & _HEIC:
        return "is a HEIC picture, which the service does not take: convert it to PNG or JPG"
    if _is_webp(head) and head[12:16] == b"VP8X" and head[20] & _ANIMATED:
        return animated("WebP")
    if b"%PDF-" in head[:1024]:
        return "is a PDF document, which the service does not take: save its page as PNG or JPG"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in head:
        return "is an SVG drawing, which the service does not take: save it as PNG or JPG"
    return ""


def animated(kind: str) -> str:
    """Return what is wrong with an animation, as half a sentence."""
    return f"is an animated {kind}; the service takes a still picture: save one frame of it as PNG or JPG"


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
