"""What a job costs: the price of a second, and the rule of each endpoint that says how many seconds are billed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import Resolution, brief

if TYPE_CHECKING:
    from lipsync_nodes.service._forms import ImageForm, ImageMultiForm, VideoForm

__all__ = [
    "CreditRule",
    "Credits",
    "LengthUnknown",
    "Lengths",
    "credits_of_audio",
    "credits_of_two_audios",
    "credits_of_video",
    "price",
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


class LengthUnknown(InvalidRequest):
    """A length that the cost depends on is not known; nothing is wrong with the form."""


class Lengths(dict[str, float]):
    """How long the audios and videos of a form last, in seconds, by field name.

    `lengths[name]` raises `LengthUnknown` where that is not known: nothing is left out of a bill by mistake.
    """

    def __missing__(self, name: str) -> float:
        raise LengthUnknown(
            f"The cost depends on how long `{name}` lasts, and that is not known.",
            hint=f"Give the length of `{name}` in seconds.",
        )


CreditRule = Callable[[Any, Lengths], Credits]
"""An endpoint's own rule: a form, perhaps with required fields left out, and the lengths of its media → the cost."""


def price(resolution: Resolution, seconds: float, caveat: str = "") -> Credits:
    """Return what a video of so many billed seconds costs.

    The service documents 2 credits a second for 480p and 4 for 720p, at least 5 s for every generation, and whole
    credits. It does not document how a fraction of a second is rounded: it is rounded up here, as the upstream does.
    What a credit costs in money is not known for sure, so no price is in the code.

    Args:
        resolution: of the video.
        seconds: how many are billed.
        caveat: why the true cost may be lower, as half a sentence; empty if the seconds are exact.

    """
    exact = round(seconds, 6)  # less than a microsecond is an error of floating point
    billed = max(MINIMUM_SECONDS, math.ceil(exact))
    rounded = "a fraction of a second is rounded up" if billed > max(MINIMUM_SECONDS, exact) else ""
    return Credits(billed * CREDITS_PER_SECOND[resolution], "; ".join(filter(None, (caveat, rounded))), seconds)


def credits_of_audio(form: ImageForm, lengths: Lengths) -> Credits:
    """Bill an image that speaks: its video is as long as its audio."""
    return price(form.resolution, lengths["audio"])


def credits_of_video(form: VideoForm, lengths: Lengths) -> Credits:
    """Bill a video with another audio.

    An audio that is longer than its video extends it, and is billed on "video length"; the audio bounds every reading.
    """
    audio, video = lengths["audio"], lengths.get("video", 0.0)
    caveat = "an audio longer than its video may be billed on either; the audio is the upper bound"
    return price(form.resolution, audio, caveat if audio > video else "")


def credits_of_two_audios(form: ImageMultiForm, lengths: Lengths) -> Credits:
    """Bill two people: the longer audio where both speak at once, the sum where one speaks after the other."""
    both = lengths["left_audio"], lengths["right_audio"]
    return price(form.resolution, max(both) if form.order == "meanwhile" else sum(both))
