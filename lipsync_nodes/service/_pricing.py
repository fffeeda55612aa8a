"""What a job costs: the price of a second, and each endpoint's rule for how many seconds are billed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.service._fields import Resolution, brief

if TYPE_CHECKING:
    from lipsync_nodes.service._forms import ImageForm, ImageMultiForm, VideoForm


CREDITS_PER_SECOND: Final = {"480p": 2, "720p": 4}
MINIMUM_SECONDS: Final = 5
# More than any account has; a larger number is an error, and may not fit into a database.
MOST_CREDITS: Final = 10**9


class Credits(int):
    """Whole credits: an `int` that also says whether it is exact.

    Attributes:
        caveat: why the real cost may be lower, without a full stop; empty if the estimate is exact.
        seconds: the maximum length of the video in seconds; None if that is not known.

    """

    caveat: str
    seconds: float | None

    def __new__(cls, credits_: int, caveat: str = "", seconds: float | None = None) -> Self:
        self = super().__new__(cls, credits_)
        self.caveat = caveat
        self.seconds = seconds
        return self

    @property
    def exact(self) -> bool:
        """Whether this is the exact cost by the documented rules. Otherwise it is an upper bound."""
        return not self.caveat


def whole_credits(name: str, value: Any) -> int:
    """Return *value* if it is a valid number of credits, else raise an InvalidRequest that contains *name*."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_CREDITS:
        raise InvalidRequest(code="credits.not_whole", name=name, most=MOST_CREDITS, value=brief(value))
    return value


class LengthUnknown(InvalidRequest):
    """A length that the cost depends on is not known. The form itself is valid."""


class Lengths(dict[str, float]):
    """The lengths of a form's audios and videos in seconds, by field name.

    `lengths[name]` raises `LengthUnknown` if a length is not known, so that no estimate leaves it out by mistake.
    """

    def __missing__(self, name: str) -> float:
        raise LengthUnknown(code="credits.length_unknown", field=name, remedy="give_length_of")


CreditRule = Callable[[Any, Lengths], Credits]
"""The rule of an endpoint: a form (required fields may be missing) and the lengths of its media → the cost."""


def price(resolution: Resolution, seconds: float, caveat: str = "") -> Credits:
    """Return the cost of a video for a number of billed seconds.

    The service documents 2 credits a second for 480p and 4 for 720p, at least 5 s for every generation, and whole
    credits. It does not document how fractions of a second are rounded. They are rounded up here, as the upstream does.
    The price of a credit in money is not certain, so the code does not contain it.

    The *caveat* is that of `Credits`; it is empty if the seconds are exact.
    """
    exact = round(seconds, 6)  # smaller differences are rounding errors of floating point
    billed = max(MINIMUM_SECONDS, math.ceil(exact))
    rounded = "a fraction of a second is rounded up" if billed > max(MINIMUM_SECONDS, exact) else ""
    return Credits(billed * CREDITS_PER_SECOND[resolution], "; ".join(filter(None, (caveat, rounded))), seconds)


def credits_of_audio(form: ImageForm, lengths: Lengths) -> Credits:
    """Return the cost of an image with an audio: the video is as long as the audio."""
    return price(form.resolution, lengths["audio"])


def credits_of_video(form: VideoForm, lengths: Lengths) -> Credits:
    """Return the cost of a video with another audio.

    A longer audio extends the video. The service bills the "video length", which may mean the length before or after
    that. The length of the audio is an upper bound for both.
    """
    audio, video = lengths["audio"], lengths.get("video", 0.0)
    caveat = "an audio longer than its video may be billed on either; the audio is the upper bound"
    return price(form.resolution, audio, caveat if audio > video else "")


def credits_of_two_audios(form: ImageMultiForm, lengths: Lengths) -> Credits:
    """Return the cost for two people: the longer audio if they speak at once, the sum if they speak in turn."""
    both = lengths["left_audio"], lengths["right_audio"]
    return price(form.resolution, max(both) if form.order == "meanwhile" else sum(both))
