"""Looks at a video and listens to its sound: does the mouth move with it? This needs the extra `check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_nodes.checks._verification import Measured, Reason, Verification
from lipsync_nodes.checks._voices import Voice, own_voice, pair_of_voices, spans_of, voice_of
from lipsync_nodes.perception.agreement import Agreement, agreement, spoken_seconds
from lipsync_nodes.perception.moments import Reel, reel_of
from lipsync_nodes.perception.mouths import Mouth, Seen, share_of, together, watch

if TYPE_CHECKING:
    from collections.abc import Callable

_TOLERANCE = 0.06  # seconds; viewers notice a sound that is early from 45 ms on, and a frame lasts 40 ms
_STILL, _JITTER = 0.003, 0.5  # of the movement, in face heights and in pixels: a mouth that moves less does not move
_SMALLEST = 32.0  # pixels: the movements of a smaller face's mouth are below what the mesh can tell
_SMALL = 64.0  # pixels: the mouth of a smaller face that seems still may move
_SHORT = 1.5  # seconds of speech with a visible face
_WEAK, _NEAR = 0.8, 0.1  # of the threshold, and seconds: it may be in sync, or it is by chance
_FACES = 3  # faces to look at, of which one speaks


def compare(
    video: Path,
    *,
    audio: Path | None,
    right_audio: Path | None,
    order: str,
    source: Path | None,
    report: Callable[[float], object],
) -> Verification:
    """Compare the movement of the mouths in a video with the speech; see `lipsync_nodes.checks.verify`."""
    reel, parts = reel_of(video), 2 if source else 1
    voices = _voices(reel, audio, right_audio, order)
    people = _compared(reel, voices, lambda done: report(done / parts))
    before = None
    if source is not None and len(people) == 1:
        film = reel_of(source)
        moved = [voice.moved(film.start - reel.start) for voice in voices]
        before = _compared(film, moved, lambda done: report((1 + done) / parts))[0]
    report(1.0)
    return Verification(tuple(people), before)


def _voices(reel: Reel, audio: Path | None, right_audio: Path | None, order: str) -> list[Voice]:
    """Return the speech of each person; none if the video has no sound and there is no other."""
    if audio is None:
        own = own_voice(reel.path)
        return [own] if own else []
    if right_audio is None:
        return [voice_of(audio, reel.start)]
    return pair_of_voices(audio, right_audio, order, reel.start)


def _compared(reel: Reel, voices: list[Voice], report: Callable[[float], object]) -> list[Measured]:
    """Compare the mouths in a video with the voices, from left to right."""
    if not voices:
        return [Measured("cannot_tell", Reason(code="verify.no_sound"))]
    seen = watch(reel, spans_of(reel, voices), _FACES if len(voices) == 1 else len(voices), report)
    if len(voices) == 1:
        return [_one(seen, voices[0], reel.fps)]
    mouths: list[Mouth | None] = [*seen.mouths, None, None]
    return [
        _measured(seen, mouth, own, other, reel.fps)
        for mouth, own, other in zip(mouths, voices, voices[::-1], strict=False)
    ]


def _one(seen: Seen, voice: Voice, fps: float) -> Measured:
    """Return what was measured of the face that moves most with the voice."""
    mouths = seen.mouths if len(seen.mouths) < 2 else [*seen.mouths, together(seen.mouths)]  # noqa: PLR2004
    if not mouths:
        return _measured(seen, None, voice, None, fps)
    fits = [agreement(seen.times, mouth, voice.curve, voice.start, fps) for mouth in mouths]
    best = max(range(len(mouths)), key=lambda number: fits[number].correlation - fits[number].threshold)
    if not fits[best].follows:  # nobody speaks: it is about the one that is seen best
        best = max(range(len(seen.mouths)), key=lambda number: share_of(mouths[number]) * mouths[number].size)
    return _measured(seen, mouths[best], voice, None, fps)


def _measured(seen: Seen, mouth: Mouth | None, own: Voice, other: Voice | None, fps: float) -> Measured:
    """Compare a mouth with its own voice, and with the other one."""
    if mouth is None:
        return Measured("cannot_tell", Reason(code="verify.no_face"))
    share = round(share_of(mouth), 3)
    if not spoken_seconds(own.curve):
        return Measured("cannot_tell", Reason(code="verify.no_speech"), face_share=share)
    found = agreement(seen.times, mouth, own.curve, own.start, fps)
    against = agreement(seen.times, mouth, other.curve, other.start, fps) if other else None
    swapped = against is not None and against.follows and against.correlation > found.correlation
    verdict = _judged(found, mouth, fps) if not swapped else Measured("out_of_sync", Reason(code="verify.swapped"))
    return Measured(
        verdict.verdict,
        verdict.reason,
        round(found.correlation, 3),
        round(found.offset * 1000) if found.follows else None,
        share,
        round(against.correlation, 3) if against else None,
    )


def _judged(found: Agreement, mouth: Mouth, fps: float) -> Measured:
    """Return the verdict and its reason."""
    if not found.follows:
        return _without_sync(found, mouth)
    correlation, late = round(found.correlation, 2), round(found.offset * 1000)
    if abs(found.offset) <= max(_TOLERANCE, 0.5 / fps):
        return Measured("in_sync", Reason(code="verify.in_sync", correlation=correlation, offset_ms=late))
    if late > 0:
        return Measured("out_of_sync", Reason(code="verify.late", milliseconds=late))
    return Measured("out_of_sync", Reason(code="verify.early", milliseconds=-late))


def _without_sync(found: Agreement, mouth: Mouth) -> Measured:
    """Return why a mouth does not move with the speech, or why that cannot be told."""
    correlation = round(found.correlation, 2)
    if mouth.size < _SMALLEST:
        return _too_small(mouth, _SMALLEST)
    if found.spoken < _SHORT:
        return Measured("cannot_tell", Reason(code="verify.too_short", seconds=round(found.spoken, 1)))
    if found.movement < max(_STILL, _JITTER / mouth.size):
        return (
            _too_small(mouth, _SMALL)
            if mouth.size < _SMALL
            else Measured("not_moving", Reason(code="verify.not_moving"))
        )
    if found.correlation > _WEAK * found.threshold and abs(found.offset) <= _NEAR:
        return Measured("cannot_tell", Reason(code="verify.unclear", correlation=correlation))
    return Measured("out_of_sync", Reason(code="verify.other_sound", correlation=correlation))


def _too_small(mouth: Mouth, least: float) -> Measured:
    reason = Reason(code="verify.face_too_small", pixels=round(mouth.size), least=round(least))
    return Measured("cannot_tell", reason)
