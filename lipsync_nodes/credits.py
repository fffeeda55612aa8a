"""What a job will cost, by the service's documented rules, and a budget that refuses before anything is sent.

480p costs 2 credits a second, 720p costs 4, and every generation is billed for at least 5 s. Credits are whole; how a
fraction of a second is rounded is documented nowhere, so it is rounded up, as the upstream does. What a credit costs in
money is not known for sure: no price is in the code.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from lipsync_nodes.catalogue import LengthUnknown, Seconds, spec_of
from lipsync_nodes.contract import Form
from lipsync_nodes.errors import BudgetExceeded, InvalidRequest
from lipsync_nodes.fields import brief, positive_seconds
from lipsync_nodes.lengths import LONGEST_MEDIA, in_seconds, too_long
from lipsync_nodes.processes import Shared

__all__ = ["Budget", "Credits", "estimate_credits", "known_credits", "whole_credits"]

CREDITS_PER_SECOND: Final = {"480p": 2, "720p": 4}
MINIMUM_SECONDS: Final = 5
# What a codec adds at both ends: by so many seconds may a file's header and its content differ.
PADDING: Final = 0.2
DAY: Final = 86_400
# More than any account has, and a number that every database holds.
MOST_CREDITS: Final = 10**9
ARGUMENTS: Final = ("audio_seconds", "right_audio_seconds", "video_seconds")


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
    allow_long: bool = False,
) -> Credits:
    """Estimate what a submit of *form* costs, in whole credits; an upper bound where the rules are ambiguous.

    Args:
        form: what would be submitted.
        audio_seconds: how long `audio` (or `left_audio`) lasts, in seconds.
        right_audio_seconds: how long `right_audio` lasts, in seconds.
        video_seconds: how long `video` lasts, in seconds; without it the estimate is an upper bound.
        allow_long: let media pass that last longer than the 600 s that the upstream accepts.

    Local files are checked as a submit checks them, and measured; where a length is given, too, the longer counts.

    Raises:
        InvalidRequest: a length that the rule needs is not known or cannot be, or a submit would refuse a file.

    """
    given = Seconds(audio_seconds, right_audio_seconds, video_seconds)
    for argument, known in zip(ARGUMENTS, given, strict=True):
        if known is not None and positive_seconds(argument, known, DAY) > LONGEST_MEDIA and not allow_long:
            raise too_long(argument, known)
    lengths, caveats = _with_local_lengths(form, given, allow_long)
    billed = spec_of(form).billed(form, lengths)
    if billed.seconds > LONGEST_MEDIA and not allow_long:
        raise too_long("The video", billed.seconds)
    exact = round(billed.seconds, 6)  # what is less than a microsecond is an error of the computer's numbers
    seconds = max(MINIMUM_SECONDS, math.ceil(exact))
    if seconds > MINIMUM_SECONDS and seconds > exact:
        caveats.append("a fraction of a second is rounded up")
    caveats[:0] = [billed.doubt] if billed.doubt else []
    return Credits(seconds * CREDITS_PER_SECOND[form.resolution], "; ".join(caveats), billed.seconds)


def known_credits(form: Form, **lengths: Any) -> Credits | None:
    """Return what `estimate_credits` says, or None where a length is not known. Raises what is wrong with the rest."""
    try:
        return estimate_credits(form, **lengths)
    except LengthUnknown:
        return None


def _with_local_lengths(form: Form, given: Seconds, allow_long: bool) -> tuple[Seconds, list[str]]:
    """Add the lengths of local files, and say what contradicts them."""
    if not form.assets:
        return given, []
    from lipsync_nodes.media import check  # noqa: PLC0415  # reads files; flows import this module and do not

    found = {name: check(form, name, allow_long=allow_long) for name in form.assets}
    caveats = [
        f"`{name}` lasts {in_seconds(probe.seconds)} by its content and {in_seconds(probe.stated)} by its header"
        for name, probe in found.items()
        if probe.seconds and probe.stated and abs(probe.seconds - probe.stated) > PADDING
    ]
    measured = spec_of(form).seconds({name: probe.longest for name, probe in found.items()})
    caveats += [
        f"{argument} is {in_seconds(known)} and its file lasts {in_seconds(length)}"
        for argument, known, length in zip(ARGUMENTS, given, measured, strict=True)
        if known and length and abs(known - length) > PADDING
    ]
    longer = [max(pair, key=lambda seconds: seconds or 0) for pair in zip(given, measured, strict=True)]
    return Seconds(*longer), [f"{caveat}; the longer counts" for caveat in caveats]


def whole_credits(name: str, value: Any) -> int:
    """Return a sum of credits if it is one, else raise InvalidRequest that names it: less than none would add money."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_CREDITS:
        raise InvalidRequest(
            f"{name} must be a whole number of credits from 0 to {MOST_CREDITS:,}, got {brief(value)}."
        )
    return value


class Budget(Shared):
    """A sum of credits that all submits of a client together may not exceed. Safe between threads.

    Args:
        limit: the most that may be committed, in credits.

    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = whole_credits("budget", limit)
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
        whole_credits("estimate", credits_)
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
