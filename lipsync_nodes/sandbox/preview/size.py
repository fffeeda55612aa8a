"""The size of a face that can be animated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lipsync_nodes.perception import MediaError

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.finder import Face

SMALLEST: Final = 32
"""Pixels: a smaller face has too few for its mouth."""
_LARGE = 720  # pixels: the short side of the larger videos


def check_size(face: Face, what: str, short_side: int) -> None:
    """Refuse a face that is too small to animate."""
    if face.height < SMALLEST:
        raise MediaError(
            code="preview.face_too_small",
            media=what,
            pixels=min(round(face.height), SMALLEST - 1),
            short_side=short_side,
            least=SMALLEST,
            enough=_LARGE if face.height * _LARGE >= SMALLEST * short_side else None,
        )
