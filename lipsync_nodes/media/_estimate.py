"""What a submit will cost: the lengths of its media, by the rules of the service."""

from __future__ import annotations

import math
from typing import Any, Final

from lipsync_nodes.service import (
    CREDITS_PER_SECOND,
    LONGEST_MEDIA,
    MINIMUM_SECONDS,
    Credits,
    Form,
    LengthUnknown,
    Seconds,
    in_seconds,
    positive_seconds,
    spec_of,
    too_long,
)

__all__ = [
    "estimate_credits",
    "known_credits",
]

# What a codec adds at both ends: by so many seconds may a file's header and its content differ.
PADDING: Final = 0.2
DAY: Final = 86_400
ARGUMENTS: Final = ("audio_seconds", "right_audio_seconds", "video_seconds")


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
    caveats[:0] = [billed.caveat] if billed.caveat else []
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
    from lipsync_nodes.media._probe import check  # noqa: PLC0415  # reads files; flows import this module and do not

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
