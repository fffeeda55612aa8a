"""The input and the result of a render: plain values, without an imaging library."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RenderInput:
    """All that a render needs. Paths are local. Give exactly one of ``image`` and ``video``."""

    audio: Path
    """The speech; with two people, that of the left one."""
    image: Path | None = None
    video: Path | None = None
    right_audio: Path | None = None
    """The speech of the right one of two people. For images only."""
    order: str = "meanwhile"
    """The order in which two people speak: ``meanwhile``, ``left_right`` or ``right_left``."""
    short_side: int = 480
    """The short side of the video in pixels: 480 or 720."""
    seed: int | None = None
    """Determines how the head moves and when the eyes blink. For images only. None: derived from the files' content."""
    mask: Path | None = None
    """An image that is white, or opaque, where the picture may change."""

    def own_seed(self) -> int:
        """Return the seed; if none is given, one that is the same for the same files."""
        if self.seed is not None:
            return self.seed
        digests = b""
        for path in (self.image, self.audio, self.right_audio):
            if path is not None:
                with path.open("rb") as file:
                    digests += hashlib.file_digest(file, "sha256").digest()
        return int.from_bytes(hashlib.sha256(digests).digest()[:4])


@dataclass(frozen=True, slots=True)
class Rendered:
    """The facts of a rendered file."""

    seconds: float
    width: int
    height: int
    fps: float
    sync: float
    """The correlation of the intended mouth opening with the one measured in the encoded file, from -1 to 1.

    With two faces, it is the lower one. A mouth that stays closed counts as 1 in silence, and as 0 beside a sound
    without speech.
    """
    warning: Mapping[str, Any] | None = None
    """What is wrong with the video: a ``code`` and ``facts`` for its sentence in `lipsync_nodes.words`."""
