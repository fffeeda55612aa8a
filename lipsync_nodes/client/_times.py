"""How long jobs take, how long to wait for them, and how often to poll. All times are in seconds."""

from __future__ import annotations

from typing import Final

DEFAULT_TIMEOUT: Final = 1800.0
# The service recommends 5 to 10 s. Each wait keeps to this interval after its first poll, which is spread; with a
# history it is 6.25 or 10 s.
DEFAULT_POLL_INTERVAL: Final = 7.5
# A sandbox on this machine renders in seconds, and frequent polls do it no harm.
LOCAL_POLL_INTERVAL: Final = 0.5
# If a webhook is expected, which may never arrive.
WEBHOOK_POLL_INTERVAL: Final = 30.0
# The upstream takes this many seconds for each second of video.
USUAL: Final = (10.0, 30.0)


def deadline_for(seconds: float | None) -> float:
    """Return how many seconds to wait for a video of this length in seconds.

    Twice the slowest usual time leaves time for a queue.
    """
    return max(DEFAULT_TIMEOUT, 2 * USUAL[1] * (seconds or 0.0))


def usual_wait(seconds: float) -> tuple[float, float]:
    """Return how many seconds a video of this length in seconds usually takes: at least, and at most."""
    return USUAL[0] * seconds, USUAL[1] * seconds
