"""The result of `verify`: whether a mouth moves with the sound, as data. The sentences are in `lipsync_nodes.words`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from lipsync_nodes import words

SyncVerdict = Literal["in_sync", "out_of_sync", "not_moving", "cannot_tell"]
"""in_sync: the mouth moves with the sound; out_of_sync: it moves too late, too early or with another sound; not_moving:
it does not move although there is speech; cannot_tell: there is too little to see or to hear."""

WORST_FIRST: Final[tuple[SyncVerdict, ...]] = ("not_moving", "out_of_sync", "cannot_tell", "in_sync")


class Reason:
    """Why a verdict is as it is: a row of the tables in `lipsync_nodes.words`, and the values for its sentence."""

    def __init__(self, *, code: str, remedy: tuple[str, ...] = (), **facts: Any) -> None:
        self.code, self.remedy, self.facts = code, remedy, facts

    def as_json(self) -> dict[str, Any]:
        """Return it as a fact of another sentence."""
        return {"code": self.code, **self.facts}


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one mouth, and the verdict.

    Attributes:
        verdict: see `SyncVerdict`.
        reason: why; its code is `verify.in_sync` if the mouth moves with the sound.
        correlation: of the mouth's opening with the speech, from -1 to 1, at the best offset; None if not known.
        offset_ms: by how many milliseconds the picture is later than the sound; negative: earlier. None if the mouth
            does not move with this sound.
        face_share: the share of the time for which the face is visible, of what was looked at.
        other_correlation: of the mouth with the other person's speech; None if there is no other.

    """

    verdict: SyncVerdict
    reason: Reason
    correlation: float | None = None
    offset_ms: int | None = None
    face_share: float = 0.0
    other_correlation: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return {
            "verdict": self.verdict,
            "correlation": self.correlation,
            "offset_ms": self.offset_ms,
            "face_share": self.face_share,
            "reason": None if self.verdict == "in_sync" else self.reason.code,
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the people in a video move their mouths with the sound. It is a comparison, and no score of quality.

    Attributes:
        people: one, or two from left to right.
        source: the same of the source video with the new sound; None if there is none.

    """

    people: tuple[Measured, ...]
    source: Measured | None = None

    @property
    def worst(self) -> Measured:
        """The person that the verdict is about."""
        return min(self.people, key=lambda one: (WORST_FIRST.index(one.verdict), one.correlation or 0.0))

    @property
    def verdict(self) -> SyncVerdict:
        """The worst verdict of all people."""
        return self.worst.verdict

    @property
    def correlation(self) -> float | None:
        """The lowest correlation of all people; None if one is not known."""
        known = [one.correlation for one in self.people if one.correlation is not None]
        return min(known) if len(known) == len(self.people) else None

    @property
    def offset_ms(self) -> int | None:
        """By how many milliseconds the picture is later than the sound; None if not known."""
        return self.worst.offset_ms

    @property
    def face_share(self) -> float:
        """The share of the time for which the face is visible; the lower one of two people's."""
        return min(one.face_share for one in self.people)

    @property
    def reason(self) -> str | None:
        """The code of the reason; None if all is in sync."""
        return None if self.verdict == "in_sync" else self.worst.reason.code

    def message(self, language: str = "en") -> str:
        """Return the verdict in words."""
        language = words.language_of(language)
        said = words.message(self.cause, language)
        if self.source is None or self.source.correlation is None:
            return said
        gained = Reason(code="verify.source", correlation=self.source.correlation)
        return said + (" " if language == "en" else "") + words.message(gained, language)

    @property
    def cause(self) -> Reason:
        """The reason with the values for its sentence; with two people, that of both."""
        if len(self.people) == 1:
            return self.people[0].reason
        left, right = (one.reason.as_json() for one in self.people)
        return Reason(code="verify.two_people", left=left, right=right)

    def note(self, language: str = "en") -> str:
        """Return a sentence that says what this is, and what it is not."""
        return words.message(Reason(code="verify.comparison"), words.language_of(language))

    def as_json(self, language: str = "en") -> dict[str, Any]:
        """Return it as JSON types, with the verdict in words."""
        return {
            "verdict": self.verdict,
            "correlation": self.correlation,
            "offset_ms": self.offset_ms,
            "face_share": self.face_share,
            "people": [self._person(number, language) for number in range(len(self.people))],
            "source": self.source.as_json() if self.source else None,
            "reason": self.reason,
            "message": self.message(language),
        }

    def _person(self, number: int, language: str) -> Mapping[str, Any]:
        one = self.people[number]
        place = None if len(self.people) == 1 else ("left", "right")[number]
        said = words.message(one.reason, words.language_of(language))
        return {"place": place, **one.as_json(), "other_correlation": one.other_correlation, "message": said}
