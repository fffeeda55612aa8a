"""What a job costs, by the service's documented rules.

480p costs 2 credits a second, 720p costs 4, and every generation is billed for at least 5 s. Credits are whole; how a
fraction of a second is rounded is documented nowhere, so it is rounded up, as the upstream does. What a credit costs in
money is not known for sure: no price is in the code.
"""

from __future__ import annotations

from typing import Any, Final, Self

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import brief

__all__ = [
    "CREDITS_PER_SECOND",
    "MINIMUM_SECONDS",
    "Credits",
    "whole_credits",
]


CREDITS_PER_SECOND: Final = {"480p": 2, "720p": 4}
MINIMUM_SECONDS: Final = 5
# More than any account has, and a number that every database holds.
MOST_CREDITS: Final = 10**9


class Credits(int):
    """Whole credits. It is an `int` that also says how sure it is.

    Attributes:
        caveat: why the true cost may be lower, as half a sentence; empty if the estimate is exact.
        seconds: how long the video will be at most, in seconds; None if that is not known.

    """

    caveat: str
    seconds: float | None

    def __new__(cls, credits_: int, caveat: str = "", seconds: float | None = None) -> Self:
        """Make the number and keep what is known beside it."""
        self = super().__new__(cls, credits_)
        self.caveat = caveat
        self.seconds = seconds
        return self

    @property
    def exact(self) -> bool:
        """Whether the documented rules leave only this number; else it is an upper bound."""
        return not self.caveat


def whole_credits(name: str, value: Any) -> int:
    """Return a sum of credits if it is one, else raise InvalidRequest that names it: less than none would add money."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_CREDITS:
        raise InvalidRequest(
            f"{name} must be a whole number of credits from 0 to {MOST_CREDITS:,}, got {brief(value)}."
        )
    return value
