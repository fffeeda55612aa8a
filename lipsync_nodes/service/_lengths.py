"""How long media may be."""

from __future__ import annotations

import math
from typing import Final

from lipsync_nodes.errors import InvalidRequest

__all__ = [
    "LONGEST_MEDIA",
    "in_seconds",
    "too_long",
]


# What the upstream accepts at most, in seconds.
LONGEST_MEDIA: Final = 600.0


def in_seconds(seconds: float) -> str:
    """Return a length as text; it is rounded up to a hundredth, for 600.001 s are more than 600 s."""
    return f"{math.ceil(round(seconds * 100, 4)) / 100:.2f}".rstrip("0").rstrip(".") + " s"


def too_long(what: str, seconds: float) -> InvalidRequest:
    """Return the error of media that last longer than the service is known to take."""
    return InvalidRequest(
        f"{what} lasts {in_seconds(seconds)}; the service is known to take {LONGEST_MEDIA:.0f} s at most.",
        hint="Nothing was sent. Cut it, or insist with allow_long=True (`--allow-long`).",
    )
