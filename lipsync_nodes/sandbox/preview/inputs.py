"""The input and the result of a render: plain values, without an imaging library."""

from __future__ import annotations

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
    seed: int = 0
    """Determines how the head moves and when the eyes blink. For images only."""
    mask: Path | None = None
    """An image that is white, or opaque, where the picture may change."""


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
