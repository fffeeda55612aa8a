"""What goes into a render and what comes out of it; plain values, no imaging library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LONGEST = 600.0
"""The longest media that is accepted, in seconds; the service's upstream has the same limit."""
LARGEST = 100_000_000
"""The largest picture that is accepted, in pixels."""


class MediaError(Exception):
    """The media cannot be rendered; ``str(error)`` is one plain sentence for the user."""


@dataclass(frozen=True, slots=True)
class RenderInput:
    """Everything that one render needs. Paths are local; give exactly one of ``image`` and ``video``."""

    audio: Path
    """What is said; by the left one, if two people speak."""
    image: Path | None = None
    video: Path | None = None
    right_audio: Path | None = None
    """Makes it two people: ``audio`` drives the left face and this the right face. Image only."""
    order: str = "meanwhile"
    """Who speaks when: ``meanwhile``, ``left_right`` or ``right_left``."""
    short_side: int = 480
    """Pixels of the output's short side: 480 or 720."""
    seed: int = 0
    """Chooses the head's sway. Image only."""
    mask: Path | None = None
    """White or opaque where the picture may move; nothing else changes."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Facts about a rendered file."""

    seconds: float
    width: int
    height: int
    fps: float
    sync: float
    """Correlation of the intended mouth opening with the one measured in the encoded file, in [-1, 1].

    With two faces, the worse one's. A mouth that was to stay closed and did counts as 1.
    """
