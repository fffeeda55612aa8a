"""What is wrong with one face. The service documents nothing about faces: all of it is only likely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lipsync_nodes.checks._finding import Finding

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.looks import Looks

TINY, SMALL = 20, 48
"""Pixels from forehead to chin in the video: below the first nothing can be seen to move, below the second too little."""
COARSE = 40
"""Pixels from forehead to chin in the file: with fewer, enlarging it brings no details."""
TURNED, BOWED, ROLLED = 38, 42, 50
"""Degrees. The model sees a turned head as less turned than it is: 38 are about 50."""
BLURRED: Final = 0.27
DARK, BRIGHT = 14, 250
CUT, MOUTH_CUT = 0.3, 0.05


def problems(looks: Looks, field: str, person: str | None = None) -> Iterator[Finding]:
    """Yield what is wrong with a face, apart from its size. ``person`` is "left" or "right" if two are to speak."""
    if is_cut(looks):
        share = round(looks.cut * 100)
        yield Finding(
            code="face.cut",
            severity="warning",
            field=field,
            remedy=("whole_face",),
            facts={"percent": share, "person": person},
        )
    elif abs(looks.yaw) > TURNED:
        yield turned(looks, field, person)
    elif abs(looks.pitch) > BOWED:
        yield Finding(
            code="face.bowed",
            severity="warning",
            field=field,
            remedy=("face_the_camera",),
            facts={"degrees": round(looks.pitch), "person": person},
        )
    elif looks.hidden is not None and looks.hidden > 0:
        yield Finding(
            code="face.mouth_hidden",
            severity="warning",
            field=field,
            remedy=("show_the_mouth",),
            facts={"person": person, "ranges": None},
        )
    elif looks.sharpness < BLURRED:
        yield Finding(
            code="face.blurred",
            severity="warning",
            field=field,
            remedy=("sharper_picture",),
            facts={"person": person},
        )
    if abs(looks.roll) > ROLLED:
        yield Finding(
            code="face.rolled",
            severity="warning",
            field=field,
            remedy=("turn_upright",),
            facts={"degrees": round(looks.roll), "person": person},
        )
    if not DARK <= looks.light <= BRIGHT:
        yield dark(field, person)


def is_cut(looks: Looks) -> bool:
    """Return whether the picture's border cuts the face at or near its mouth."""
    return looks.mouth_cut > MOUTH_CUT or looks.cut > CUT


def turned(looks: Looks, field: str, person: str | None = None) -> Finding:
    """Return that a face is turned to the side."""
    facts = {"degrees": round(abs(looks.yaw)), "person": person, "ranges": None}
    return Finding(code="face.turned", severity="warning", field=field, remedy=("face_the_camera",), facts=facts)


def dark(field: str, person: str | None = None) -> Finding:
    """Return that a face is too dark or too bright."""
    facts = {"person": person}
    return Finding(code="face.dark", severity="warning", field=field, remedy=("better_light",), facts=facts)


def none(field: str) -> Finding:
    """Return that there is no face."""
    return Finding(code="face.none", severity="error", field=field, remedy=("visible_face",))
