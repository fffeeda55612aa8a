"""How long media may be."""

from __future__ import annotations

import math
from typing import Final

from lipsync_nodes.errors import InvalidRequest

# The longest media that the upstream accepts, in seconds.
LONGEST_MEDIA: Final = 600.0


def in_seconds(seconds: float) -> str:
    """Return a length as text, rounded up to a hundredth, because 600.001 s is more than 600 s."""
    return f"{_rounded(seconds)} s"


def _rounded(seconds: float) -> str:
    return f"{math.ceil(round(seconds * 100, 4)) / 100:.2f}".rstrip("0").rstrip(".")


def too_long(what: str, seconds: float) -> InvalidRequest:
    """Return the error for media that are longer than the service is known to accept."""
    longest = int(LONGEST_MEDIA)
    return InvalidRequest(
        code="media.too_long", media=what, seconds=_rounded(seconds), longest=longest, remedy="cut_or_allow_long"
    )
