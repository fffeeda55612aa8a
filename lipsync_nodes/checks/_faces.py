"""What is wrong with one face. The service documents nothing about faces, so all of it is only likely."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

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


@dataclass(frozen=True, slots=True)
class Fault:
    """What may be wrong with a face.

    Attributes:
        code, remedy: of its finding.
        shows: whether a face has it.
        degrees: by how much the head is turned, if the sentence tells.

    """

    code: str
    remedy: str
    shows: Callable[[Looks], bool]
    degrees: Callable[[Looks], float] | None = None

    def finding(self, where: Where, looks: Looks) -> Finding:
        """Return the finding of a face that has it."""
        facts: dict[str, Any] = {"person": where.person, "ranges": where.ranges}
        if self.degrees:
            facts["degrees"] = round(abs(self.degrees(looks)))
        return Finding(code=self.code, severity=where.severity, field=where.field, remedy=(self.remedy,), facts=facts)


_MOUTH: Final[Mapping[str, Fault]] = {
    "cut": Fault("face.cut", "whole_face", lambda looks: looks.mouth_cut > MOUTH_CUT or looks.cut > CUT),
    "turned": Fault("face.turned", "face_camera", lambda looks: abs(looks.yaw) > TURNED, lambda looks: looks.yaw),
    "bowed": Fault("face.bowed", "face_camera", lambda looks: abs(looks.pitch) > BOWED, lambda looks: looks.pitch),
    "blurred": Fault("face.blurred", "sharper_face", lambda looks: looks.sharpness < BLURRED),
    "hidden": Fault("face.mouth_hidden", "show_mouth", lambda looks: (looks.hidden or 0) > 0),
}
FAULTS: Final[Mapping[str, Fault]] = {
    **_MOUTH,
    "rolled": Fault("face.rolled", "upright_face", lambda looks: abs(looks.roll) > ROLLED, lambda looks: looks.roll),
    "dark": Fault("face.dark", "lit_face", lambda looks: not DARK <= looks.light <= BRIGHT),
}
"""By name. The first five make it hard to see a mouth: at most one of them is told."""


def faults(looks: Looks) -> tuple[str, ...]:
    """Return what is wrong with a face, as names of FAULTS: at most one of the mouth's faults, and the others."""
    shown = [name for name, fault in FAULTS.items() if fault.shows(looks)]
    of_mouth = [name for name in shown if name in _MOUTH]
    return (*of_mouth[:1], *shown[len(of_mouth) :])


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
