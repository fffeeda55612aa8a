"""How long media may be, and how long jobs take."""

from __future__ import annotations

import math
from typing import Final

from lipsync_nodes.errors import InvalidRequest

# The longest media that the upstream accepts, in seconds.
LONGEST_MEDIA: Final = 600.0
# How long to wait for a job whose length is not known, in seconds.
DEFAULT_TIMEOUT: Final = 1800.0
# The upstream takes this many seconds for each second of video.
USUAL: Final = (10.0, 30.0)


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


def deadline_for(seconds: float | None) -> float:
    """Return how many seconds to wait for a video of this length in seconds.

    Twice the slowest usual time leaves time for a queue.
    """
    return max(DEFAULT_TIMEOUT, 2 * USUAL[1] * (seconds or 0.0))


def usual_wait(seconds: float) -> tuple[float, float]:
    """Return how many seconds a video of this length in seconds usually takes: at least, and at most."""
    return USUAL[0] * seconds, USUAL[1] * seconds
