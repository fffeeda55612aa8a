"""What is wrong with one face. The service documents nothing about faces, so all of it is only likely."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lipsync_nodes.checks._finding import Finding, Severity

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.looks import Looks

SIDE: Final = 480
"""The short side of what is looked at, in pixels."""
TINY, SMALL = 20, 48
"""Pixels from forehead to chin in the video: below the first nothing can be seen to move, below the second little."""
COARSE = 40
"""Pixels from forehead to chin in the file. With fewer there are no details, whatever size the video has."""
TURNED, BOWED, ROLLED = 38, 42, 50
"""Degrees. The model sees a turned head as less turned than it is: 38 are about 50."""
BLURRED: Final = 0.3
DARK, BRIGHT = 14, 253
CUT, MOUTH_CUT = 0.3, 0.05


@dataclass(frozen=True, slots=True)
class Where:
    """Which face of which field it is, and when in a film.

    Attributes:
        field: the name of the field.
        person: "left person" or "right person" if two are to speak.
        ranges: of a film: the times in seconds, as "3.0-5.5"; None if it is always so.
        severity: how severe it is there.

    """

    field: str
    person: str | None = None
    ranges: list[str] | None = None
    severity: Severity = "warning"


def faults(looks: Looks) -> tuple[str, ...]:
    """Return what is wrong with a face, as names of MAKERS: at most one of the mouth's faults, and the others."""
    mouth = next((name for name, test in _MOUTH.items() if test(looks)), None)
    return tuple(filter(None, (mouth, *(name for name, test in _OTHER.items() if test(looks)))))


_MOUTH: Final[Mapping[str, Callable[[Looks], bool]]] = {
    "cut": lambda looks: looks.mouth_cut > MOUTH_CUT or looks.cut > CUT,
    "turned": lambda looks: abs(looks.yaw) > TURNED,
    "bowed": lambda looks: abs(looks.pitch) > BOWED,
    "blurred": lambda looks: looks.sharpness < BLURRED,
    "hidden": lambda looks: (looks.hidden or 0) > 0,
}
_OTHER: Final[Mapping[str, Callable[[Looks], bool]]] = {
    "rolled": lambda looks: abs(looks.roll) > ROLLED,
    "dark": lambda looks: not DARK <= looks.light <= BRIGHT,
}


def _cut(where: Where, _: Looks) -> Finding:
    return Finding(
        code="face.cut",
        severity=where.severity,
        field=where.field,
        remedy=("whole_face",),
        facts={"person": where.person, "ranges": where.ranges},
    )


def _turned(where: Where, looks: Looks) -> Finding:
    return Finding(
        code="face.turned",
        severity=where.severity,
        field=where.field,
        remedy=("face_camera",),
        facts={"person": where.person, "ranges": where.ranges, "degrees": round(abs(looks.yaw))},
    )


def _bowed(where: Where, looks: Looks) -> Finding:
    return Finding(
        code="face.bowed",
        severity=where.severity,
        field=where.field,
        remedy=("face_camera",),
        facts={"person": where.person, "ranges": where.ranges, "degrees": round(abs(looks.pitch))},
    )


def _hidden(where: Where, _: Looks) -> Finding:
    return Finding(
        code="face.mouth_hidden",
        severity=where.severity,
        field=where.field,
        remedy=("show_mouth",),
        facts={"person": where.person, "ranges": where.ranges},
    )


def _blurred(where: Where, _: Looks) -> Finding:
    return Finding(
        code="face.blurred",
        severity=where.severity,
        field=where.field,
        remedy=("sharper_face",),
        facts={"person": where.person, "ranges": where.ranges},
    )


def _rolled(where: Where, looks: Looks) -> Finding:
    return Finding(
        code="face.rolled",
        severity=where.severity,
        field=where.field,
        remedy=("upright_face",),
        facts={"person": where.person, "ranges": where.ranges, "degrees": round(abs(looks.roll))},
    )


def _dark(where: Where, _: Looks) -> Finding:
    return Finding(
        code="face.dark",
        severity=where.severity,
        field=where.field,
        remedy=("lit_face",),
        facts={"person": where.person, "ranges": where.ranges},
    )


MAKERS: Final[Mapping[str, Callable[[Where, Looks], Finding]]] = {
    "cut": _cut,
    "turned": _turned,
    "bowed": _bowed,
    "blurred": _blurred,
    "hidden": _hidden,
    "rolled": _rolled,
    "dark": _dark,
}


def size(where: Where, share: float, short_side: int, source: int) -> Finding | None:
    """Return that a face is too small in the video, or in the file.

    Args:
        where: which face it is.
        share: its height, as a share of the picture's short side.
        short_side: the short side of the video, in pixels.
        source: the short side of the file, in pixels.

    """
    pixels, stored = round(share * short_side), round(share * source)
    if pixels < TINY:
        return Finding(
            code="face.tiny",
            severity="error",
            field=where.field,
            remedy=("larger_face",),
            facts={"person": where.person, "pixels": pixels, "video": f"{short_side}p", "percent": round(share * 100)},
        )
    if pixels < SMALL:
        enough = "720p" if short_side < 720 and share * 720 >= SMALL else None  # noqa: PLR2004
        return Finding(
            code="face.small",
            severity=where.severity,
            field=where.field,
            remedy=("larger_face",),
            facts={
                "person": where.person,
                "ranges": where.ranges,
                "pixels": pixels,
                "video": f"{short_side}p",
                "percent": round(share * 100),
                "enough": enough,
            },
        )
    if stored < COARSE:
        return Finding(
            code="face.coarse",
            severity="warning",
            field=where.field,
            remedy=("larger_picture",),
            facts={"person": where.person, "pixels": stored},
        )
    return None


def none(field: str) -> Finding:
    """Return that there is no face."""
    return Finding(code="face.none", severity="error", field=field, remedy=("visible_face",))
