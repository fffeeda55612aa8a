"""What a job will cost, by the service's documented rules, and a budget that refuses before anything is sent.

480p costs 2 credits a second, 720p costs 4, and every generation is billed for at least 5 s. Credits are whole; how a
fraction of a second is rounded is documented nowhere, so it is rounded up. What a credit costs in money is not known
for sure: no price is in the code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from lipsync_nodes.catalogue import Seconds, spec_of
from lipsync_nodes.contract import Form
from lipsync_nodes.errors import BudgetExceeded
from lipsync_nodes.processes import Shared

__all__ = ["Budget", "Credits", "estimate_credits"]

CREDITS_PER_SECOND: Final = {"480p": 2, "720p": 4}
MINIMUM_SECONDS: Final = 5
# A length read from a file is off by a codec frame; 10.004 s is 10 s.
FRAME_SECONDS: Final = 0.05


class Credits(int):
    """Whole credits. It is an `int` that also says how sure it is.

    Attributes:
        doubt: why the true cost may be lower, as half a sentence; empty if the estimate is exact.
        seconds: how long the video will be at most, in seconds; None if that is not known.

    """

    doubt: str
    seconds: float | None

    def __new__(cls, credits_: int, doubt: str = "", seconds: float | None = None) -> Self:
        """Make the number and keep what is known beside it."""
        self = super().__new__(cls, credits_)
        self.doubt = doubt
        self.seconds = seconds
        return self

    @property
    def exact(self) -> bool:
        """Whether the documented rules leave only this number; else it is an upper bound."""
        return not self.doubt


def estimate_credits(
    form: Form,
    *,
    audio_seconds: float | None = None,
    right_audio_seconds: float | None = None,
    video_seconds: float | None = None,
) -> Credits:
    """Estimate what a submit of *form* costs, in whole credits; an upper bound where the rules are ambiguous.

    Args:
        form: what would be submitted.
        audio_seconds: how long `audio` (or `left_audio`) lasts, in seconds.
        right_audio_seconds: how long `right_audio` lasts, in seconds.
        video_seconds: how long `video` lasts, in seconds; without it the estimate is an upper bound.

    A length that is not given is read from the file where the input is a local one.

    Raises:
        InvalidRequest: a length that the rule needs is not known, or is not a positive number.

    """
    given = Seconds(audio_seconds, right_audio_seconds, video_seconds)
    billed = spec_of(form).billed(form, _with_local_lengths(form, given))
    seconds = max(MINIMUM_SECONDS, math.ceil(billed.seconds - FRAME_SECONDS))
    doubts = [billed.doubt] if billed.doubt else []
    if seconds - billed.seconds > FRAME_SECONDS and seconds > MINIMUM_SECONDS:
        doubts.append("a fraction of a second is rounded up")
    return Credits(seconds * CREDITS_PER_SECOND[form.resolution], "; ".join(doubts), billed.seconds)


def _with_local_lengths(form: Form, given: Seconds) -> Seconds:
    """Add the lengths of local files, where they are not given."""
    timed = {field.name for field in spec_of(form).media if field.media in {"audio", "video"}}
    local = {name: asset for name, asset in form.assets.items() if name in timed}
    if not local:
        return given
    from lipsync_nodes.media import media_seconds  # noqa: PLC0415  # reads files; flows import this module and do not

    read = spec_of(form).seconds({name: media_seconds(asset) for name, asset in local.items()})
    return Seconds(*(known if known is not None else found for known, found in zip(given, read, strict=True)))


class Budget(Shared):
    """A sum of credits that all submits of a client together may not exceed. Safe between threads.

    Args:
        limit: the most that may be committed, in credits.

    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self.committed = 0

    @contextmanager
    def holding(self, credits_: int | None) -> Iterator[None]:
        """Set *credits_* aside while the block submits; take them back if it was surely not charged.

        Raises:
            BudgetExceeded: they would go beyond the limit, or the cost is not known and cannot be held against one.

        """
        self._commit(credits_)
        try:
            yield
        except Exception as error:
            if not getattr(error, "may_have_charged", True):
                self._release(credits_ or 0)
            raise

    def _commit(self, credits_: int | None) -> None:
        if credits_ is None:
            raise BudgetExceeded(
                f"There is a budget of {self.limit} credits, but the cost of this job is not known.",
                hint="Nothing was sent. Give the audio's length, or submit without a budget.",
            )
        with self._lock:
            left = self.limit - self.committed
            if credits_ > left:
                raise BudgetExceeded(
                    f"The job would cost up to {int(credits_)} credits; {left} of the budget of {self.limit} are left."
                )
            self.committed += credits_

    def _release(self, credits_: int) -> None:
        with self._lock:
            self.committed -= credits_
