"""Warns if the mouth in a rendered video does not move with the sound, or if it may be the wrong one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lipsync_nodes.checks import Reason
from lipsync_nodes.errors import LipsyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lipsync_nodes.perception.faces.casting import Casting
    from lipsync_nodes.sandbox.preview.film import Driven
    from lipsync_nodes.sandbox.preview.inputs import RenderInput

_FOLLOWS = 0.8  # of 90 pictures and films nobody had chosen: below it are masks, statues, grimaces and wrong faces
_SHOWN = 0.9  # of the time
_TIMES = 10  # so many spans are listed
# Another sound or a shift is no cause: there is one sound, and the mouth was moved with it.
_CAUSES = {"verify.no_face", "verify.face_too_small", "verify.not_moving", "verify.two_people"}
_SIDES = {2: ("on the left", "on the right"), 3: ("on the left", "in the middle", "on the right")}


@dataclass(frozen=True, slots=True)
class Judged:
    """What was measured of a render.

    Attributes:
        heard: whether there is speech in each sound.
        followed: the correlation of the frames that were measured.
        casting: who speaks.
        fps: frames a second.
        driven: when the mouth in a film was moved; None in a photo, where it always is.

    """

    heard: bool
    followed: float
    casting: Casting
    fps: float = 25.0
    driven: Driven | None = None


def warning_of(given: RenderInput, out: Path, judged: Judged) -> Mapping[str, Any] | None:
    """Return what is wrong with a video, as a code and facts; None if nothing is."""
    found = [_plain(reason) for reason in _reasons(given, out, judged)]
    if len(found) < 2:  # noqa: PLR2004
        return found[0] if found else None
    return {"code": "preview.warnings", "facts": {"warnings": [{"code": one["code"], **one["facts"]} for one in found]}}


def _reasons(given: RenderInput, out: Path, judged: Judged) -> Iterator[Reason]:
    if not judged.heard:
        yield Reason(code="sandbox.no_speech")
    elif judged.followed < _FOLLOWS:
        yield _cause(given, out, judged.followed)
    if judged.casting.hidden > 0:
        yield Reason(code="preview.mouth_doubtful")
    if judged.driven and judged.driven.share < _SHOWN:
        spans = [f"{begin / judged.fps:.1f}-{end / judged.fps:.1f}" for begin, end in judged.driven.gaps[:_TIMES]]
        yield Reason(code="preview.partly_shown", percent=round(100 * judged.driven.share), ranges=spans)
    if len(judged.casting.people) > len(judged.casting.speakers) and not judged.casting.by_mask:
        yield _others(judged.casting, judged.casting.frame / judged.fps)


def _cause(given: RenderInput, out: Path, followed: float) -> Reason:
    """Return why a mouth does not follow: what `verify` sees, or only that it follows too little."""
    from lipsync_nodes.checks import verify  # noqa: PLC0415  # it loads the forms: a tenth of a second and 13 MB

    left = given.audio if given.right_audio else None  # a single sound is in the video
    try:
        found = verify(out, audio=left, right_audio=given.right_audio, order=given.order)
    except LipsyncError:  # the video itself is there
        found = None
    if found and found.verdict != "in_sync" and found.cause.code in _CAUSES:
        return found.cause
    below = math.floor(100 * followed) / 100  # 0.797 is not "0.80, in sync from 0.80"
    return Reason(code="preview.hardly_follows", correlation=below, least=_FOLLOWS)


def _others(casting: Casting, seconds: float) -> Reason:
    """Return that there are more faces than speakers, since when, and which of them speak."""
    found = len(casting.people)
    places = [n for n, face in enumerate(casting.people) if any(face is one for one in casting.speakers)]
    several, side = len(places) > 1, _SIDES.get(found)
    return Reason(
        code="preview.several_faces",
        found=found,
        seconds=round(seconds, 1) or None,
        numbers=[place + 1 for place in places] if several else None,
        side=side[places[0]] if side and not several else None,
        number=None if side or several else places[0] + 1,
    )


def _plain(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, "facts": reason.facts}
