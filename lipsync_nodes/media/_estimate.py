"""Estimates the cost of a submission from the lengths of its media, with the rule of its endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lipsync_nodes import service
from lipsync_nodes.errors import InvalidRequest
from lipsync_nodes.media._prepared import PreparedForm, prepared
from lipsync_nodes.service import Credits, Form

# Codecs add padding at both ends, so a file's header and content may differ by this many seconds.
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
    """Estimate the cost of submitting *form*, in whole credits. If the rules are ambiguous, this is an upper bound.

    Args:
        form: the form. A draft (`spec.draft`) needs only the fields that the cost depends on.
        lengths: the lengths of media in seconds, by field name: `{"audio": 12.5}`. None if not known.
        allow_long: accept media that are longer than 600 s, the limit of the upstream.
        **seconds: the same lengths as keywords, `audio_seconds=12.5`.

    Local files are checked as before a submission, and measured. If a length is given too, the longer one counts.

    Raises:
        InvalidRequest: a length that the rule needs is missing or invalid, or a file is not accepted.

    """
    form = prepared(form)
    given = _given(form.spec, {**(lengths or {}), **_by_field(seconds)}, allow_long)
    measured, caveats = _measured(form, given, allow_long)
    cost = form.spec.credits(form.form, service.Lengths(given | measured))
    if cost.seconds is not None and cost.seconds > service.LONGEST_MEDIA and not allow_long:
        raise service.too_long("The video", cost.seconds)
    return Credits(cost, "; ".join(filter(None, (cost.caveat, *caveats))), cost.seconds)


def known_credits(
    form: Form | PreparedForm, *, lengths: GivenLengths | None = None, allow_long: bool = False
) -> Credits | None:
    """Return the result of `estimate_credits`, or None if a length is not known. Other errors are raised."""
    try:
        return estimate_credits(form, lengths=lengths, allow_long=allow_long)
    except service.LengthUnknown:
        return None


def _by_field(seconds: GivenLengths) -> dict[str, float | None]:
    """Convert keywords to field names."""
    if strange := [name for name in seconds if not name.endswith(SUFFIX)]:
        raise TypeError(f"estimate_credits() got an unexpected keyword argument {strange[0]!r}")
    return {name.removesuffix(SUFFIX): length for name, length in seconds.items()}


def _given(spec: service.NodeSpec, lengths: GivenLengths, allow_long: bool) -> dict[str, float]:
    """Check the given lengths, and leave out those that are None."""
    names = [field.name for field in spec.timed]
    given = {}
    for name, seconds in lengths.items():
        if name not in names:
            raise InvalidRequest(code="media.no_such_length", endpoint=spec.id, field=name, known=names)
        if seconds is None:
            continue
        given[name] = service.positive_seconds(f"The length of `{name}`", seconds, DAY)
        if given[name] > service.LONGEST_MEDIA and not allow_long:
            raise service.too_long(f"`{name}`", given[name])
    return given


def _measured(form: PreparedForm, given: Mapping[str, float], allow_long: bool) -> tuple[dict[str, float], list[str]]:
    """Return the lengths of local files, or the given ones if they are longer, and the contradictions."""
    lengths, caveats = {}, []
    for name in form.assets:
        probe = form.probe(name, allow_long=allow_long)
        if probe.seconds is None or probe.longest is None:
            continue
        known, longest = given.get(name, 0.0), probe.longest
        if probe.stated and abs(probe.seconds - probe.stated) > PADDING:
            by_content, by_header = service.in_seconds(probe.seconds), service.in_seconds(probe.stated)
            caveats.append(f"`{name}` lasts {by_content} by its content and {by_header} by its header")
        if known and abs(known - longest) > PADDING:
            caveats.append(
                f"`{name}` is given as {service.in_seconds(known)} and its file lasts {service.in_seconds(longest)}"
            )
        lengths[name] = max(known, longest)
    return lengths, [f"{caveat}; the longer counts" for caveat in caveats]
