"""What a submit will cost: the lengths of its media, by the rule of its endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.media._prepared import PreparedForm, prepared
from lipsync_nodes.service import (
    LONGEST_MEDIA,
    Credits,
    Form,
    Lengths,
    LengthUnknown,
    NodeSpec,
    in_seconds,
    positive_seconds,
    too_long,
)

__all__ = [
    "estimate_credits",
    "known_credits",
]

# What a codec adds at both ends: by so many seconds may a file's header and its content differ.
PADDING: Final = 0.2
DAY: Final = 86_400
SUFFIX: Final = "_seconds"

GivenLengths = Mapping[str, float | None]


def estimate_credits(
    form: Form | PreparedForm,
    *,
    lengths: GivenLengths | None = None,
    allow_long: bool = False,
    **seconds: float | None,
) -> Credits:
    """Estimate what a submit of *form* costs, in whole credits; an upper bound where the rules are ambiguous.

    Args:
        form: what would be submitted; of a draft (`spec.draft`), what the cost depends on is enough.
        lengths: how long media last, in seconds, by field name: `{"audio": 12.5}`; None where that is not known.
        allow_long: let media pass that last longer than the 600 s that the upstream accepts.
        **seconds: the same by keywords, `audio_seconds=12.5`.

    Local files are checked as a submit checks them, and measured; where a length is given, too, the longer counts.

    Raises:
        InvalidRequest: a length that the rule needs is not known or cannot be, or a submit would refuse a file.

    """
    form = prepared(form)
    given = _given(form.spec, {**(lengths or {}), **_by_field(seconds)}, allow_long)
    measured, caveats = _measured(form, given, allow_long)
    cost = form.spec.credits(form.form, Lengths(given | measured))
    if cost.seconds is not None and cost.seconds > LONGEST_MEDIA and not allow_long:
        raise too_long("The video", cost.seconds)
    return Credits(cost, "; ".join(filter(None, (cost.caveat, *caveats))), cost.seconds)


def known_credits(
    form: Form | PreparedForm, *, lengths: GivenLengths | None = None, allow_long: bool = False
) -> Credits | None:
    """Return what `estimate_credits` says, or None where a length is not known. Raises what is wrong with the rest."""
    try:
        return estimate_credits(form, lengths=lengths, allow_long=allow_long)
    except LengthUnknown:
        return None


def _by_field(seconds: GivenLengths) -> dict[str, float | None]:
    """Turn keywords into field names."""
    if strange := [name for name in seconds if not name.endswith(SUFFIX)]:
        raise TypeError(f"estimate_credits() got an unexpected keyword argument {strange[0]!r}")
    return {name.removesuffix(SUFFIX): length for name, length in seconds.items()}


def _given(spec: NodeSpec, lengths: GivenLengths, allow_long: bool) -> dict[str, float]:
    """Check the lengths that were given, and leave out what is not known."""
    names = [field.name for field in spec.timed]
    given = {}
    for name, seconds in lengths.items():
        if name not in names:
            raise InvalidRequest(code="media.no_such_length", endpoint=spec.id, field=name, known=names)
        if seconds is None:
            continue
        given[name] = positive_seconds(f"The length of `{name}`", seconds, DAY)
        if given[name] > LONGEST_MEDIA and not allow_long:
            raise too_long(f"`{name}`", given[name])
    return given


def _measured(form: PreparedForm, given: Mapping[str, float], allow_long: bool) -> tuple[dict[str, float], list[str]]:
    """Return the lengths of local files, or what was given where that is more, and say what contradicts them."""
    lengths, caveats = {}, []
    for name in form.assets:
        probe = form.probe(name, allow_long=allow_long)
        if probe.seconds is None or probe.longest is None:
            continue
        known, longest = given.get(name, 0.0), probe.longest
        if probe.stated and abs(probe.seconds - probe.stated) > PADDING:
            by_content, by_header = in_seconds(probe.seconds), in_seconds(probe.stated)
            caveats.append(f"`{name}` lasts {by_content} by its content and {by_header} by its header")
        if known and abs(known - longest) > PADDING:
            caveats.append(f"`{name}` is given as {in_seconds(known)} and its file lasts {in_seconds(longest)}")
        lengths[name] = max(known, longest)
    return lengths, [f"{caveat}; the longer counts" for caveat in caveats]
