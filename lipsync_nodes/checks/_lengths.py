"""How long the media are: what is over the limit, what is billed, and which of film and sound is longer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from lipsync_nodes.checks._finding import Finding
from lipsync_nodes.checks._request import CheckRequest
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.media import PreparedForm, Probe, known_credits
from lipsync_nodes.service import LONGEST_MEDIA, MINIMUM_SECONDS, Credits, Lengths, too_long

if TYPE_CHECKING:
    from lipsync_nodes.checks._check import Check

# Codecs pad both ends: smaller differences between two lengths say nothing.
PADDING: Final = 0.2


def cost(form: PreparedForm, request: CheckRequest, found: Mapping[str, Probe], check: Check) -> Credits | None:
    """Return the cost. What a submission would refuse for its length is added to the check."""
    is_over = _refuse_long(form, request, found, check)
    if len(found) < len(form.assets):
        return None
    try:
        known = known_credits(form, lengths=request.lengths, allow_long=True)
    except InvalidRequest as error:  # a length that cannot be
        check.fail(error)
        return None
    if known is None:
        given = request.estimate
        return given if given is None or isinstance(given, Credits) else Credits(given)
    seconds = known.seconds or 0.0
    if seconds > LONGEST_MEDIA and not is_over and not request.allow_long:
        check.fail(too_long("The video", seconds), _over(None, seconds, request))
    return known


def _refuse_long(form: PreparedForm, request: CheckRequest, found: Mapping[str, Probe], check: Check) -> bool:
    """Add what is over the limit, and return whether anything is."""
    is_over = False
    for field in form.spec.timed:
        probe, given = found.get(field.name), (request.lengths or {}).get(field.name)
        seconds = max((probe.seconds if probe else None) or 0.0, given or 0.0)
        if seconds <= LONGEST_MEDIA:
            continue
        is_over = True
        finding = _over(field.name, seconds, request)
        if request.allow_long:
            check.add([finding])
        else:
            check.fail(too_long(f"`{field.name}`", seconds), finding)
    return is_over


def _over(field: str | None, seconds: float, request: CheckRequest) -> Finding:
    if request.allow_long:
        return Finding(
            code="length.over_limit",
            severity="info",
            basis="upstream",
            field=field,
            facts={"seconds": _up(seconds), "longest": int(LONGEST_MEDIA), "over": _up(seconds - LONGEST_MEDIA)},
        )
    return Finding(
        code="length.over_limit",
        severity="error",
        basis="upstream",
        field=field,
        remedy=("cut_or_allow_long",),
        facts={"seconds": _up(seconds), "longest": int(LONGEST_MEDIA), "over": _up(seconds - LONGEST_MEDIA)},
    )


def _up(seconds: float) -> float:
    """Round up to a hundredth, because 600.001 s is more than 600 s."""
    return math.ceil(round(seconds * 100, 4)) / 100


def findings(
    form: PreparedForm, request: CheckRequest, found: Mapping[str, Probe], credits_: Credits | None
) -> Iterator[Finding]:
    """Yield what the lengths mean for the video and for its cost."""
    lengths = {name: probe.longest for name, probe in found.items() if probe.longest}
    given = {name: seconds for name, seconds in (request.lengths or {}).items() if seconds}
    for name, probe in found.items():
        yield from (one.at(name) for one in _two_lengths(probe, given.get(name)))
    both = {name: max(lengths.get(name, 0.0), given.get(name, 0.0)) for name in lengths | given}
    if credits_ is not None:
        yield from _film_and_sound(form, both, credits_)
        yield from _billed(form, credits_)


def _two_lengths(probe: Probe, given: float | None) -> Iterator[Finding]:
    if not probe.seconds or not probe.longest:
        return
    if probe.stated and abs(probe.seconds - probe.stated) > PADDING:
        yield Finding(
            code="length.header_differs",
            severity="info",
            basis="fact",
            facts={"content": _up(probe.seconds), "header": _up(probe.stated)},
        )
    if given and abs(given - probe.longest) > PADDING:
        yield Finding(
            code="length.given_differs",
            severity="info",
            basis="fact",
            facts={"given": _up(given), "measured": _up(probe.longest)},
        )


def _film_and_sound(form: PreparedForm, lengths: Mapping[str, float], credits_: Credits) -> Iterator[Finding]:
    film, sound = lengths.get("video"), lengths.get("audio")
    if not film or not sound or abs(film - sound) <= PADDING:
        return
    if film > sound:
        yield Finding(
            code="length.film_trimmed",
            severity="info",
            basis="documented",
            field="video",
            facts={"film": _up(film), "sound": _up(sound), "cut": _up(film - sound)},
        )
        return
    least = int(form.spec.credits(form.form, Lengths(audio=film, video=film)))
    yield Finding(
        code="length.film_extended",
        severity="info",
        basis="documented",
        field="video",
        facts={
            "film": _up(film),
            "sound": _up(sound),
            "added": _up(sound - film),
            "least": least,
            "credits": int(credits_),
        },
    )


def _billed(form: PreparedForm, credits_: Credits) -> Iterator[Finding]:
    seconds = credits_.seconds
    if not seconds:
        return
    billed = credits_ / form.spec.rates[form.form.resolution].second
    if seconds < MINIMUM_SECONDS:
        yield Finding(
            code="length.billed_minimum",
            severity="info",
            basis="documented",
            facts={"seconds": _up(seconds), "billed": MINIMUM_SECONDS},
        )
    elif billed - seconds > 0.005:  # noqa: PLR2004  # less is not shown
        yield Finding(
            code="length.rounded_up",
            severity="info",
            basis="upstream",
            facts={"seconds": _up(seconds), "billed": int(billed)},
        )
