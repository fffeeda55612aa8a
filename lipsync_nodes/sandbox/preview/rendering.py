"""Renders a video: reads the speech, draws the frames, writes the file and measures its lip sync."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception import LONGEST, MediaError, sync
from lipsync_nodes.perception.arrays import floats, levels
from lipsync_nodes.perception.faces.casting import Casting
from lipsync_nodes.perception.faces.fading import faded
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.faces.looks import CLEARLY, mouth_hidden
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.perception.pictures import Film, read_image, read_mask
from lipsync_nodes.perception.prefetch import prefetched
from lipsync_nodes.perception.speech import sound
from lipsync_nodes.perception.speech.curve import curve_of, opening, sampled
from lipsync_nodes.perception.speech.features import RATE, heard, is_silent
from lipsync_nodes.sandbox.preview.inputs import Rendered, RenderInput
from lipsync_nodes.sandbox.preview.mouth.dubbing import Dubbing
from lipsync_nodes.sandbox.preview.mouth.eyes import Blinks, behind_glasses
from lipsync_nodes.sandbox.preview.mouth.gestures import Gestures
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from lipsync_nodes.sandbox.preview.mouth.sway import Sway
from lipsync_nodes.sandbox.preview.warning import Judged, warning_of
from lipsync_nodes.sandbox.preview.writer import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.perception.faces.tracker import Tracked

_STILL_FPS = Fraction(25)
_SMALLEST = 32  # pixels: a smaller face has too few for its mouth
_FAINT = 24  # pixels: in a film that has a larger face, one of this height begins to speak
_HALF = 0.5  # a mouth that is less visible does not count as one that speaks
_MOSTLY = 0.5  # of the time: of a face that is there for longer and never speaks, the mouth is hidden
_AHEAD = 12  # frames: so far ahead a film is searched for teeth
_LARGE = 720  # pixels: the short side of the larger videos


@dataclass(frozen=True, slots=True)
class _Speech:
    """For each face a mouth curve and its start in seconds, and whether it is silent; and the sound track."""

    parts: list[tuple[float, Floats]]
    silent: list[bool]
    seconds: float
    sound: Iterator[Floats]

    def values(self, fps: Fraction) -> Floats:
        """Return the values of each mouth for each frame, (faces, frames, the curve's columns)."""
        times = (np.arange(max(1, round(self.seconds * fps))) + 0.5) / float(fps)
        return np.stack([sampled(curve, floats(times - start), 1 / float(fps)) for start, curve in self.parts])


def render(given: RenderInput, out: Path, progress: Callable[[float], None] | None) -> Rendered:
    """Render a video, as `lipsync_nodes.sandbox.preview.render` describes."""
    report = progress or (lambda _: None)
    report(0.0)
    try:
        speech = _read_speech(given)
        rendered = _render_video(given, speech, out, report)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    report(1.0)
    return rendered


def _read_speech(given: RenderInput) -> _Speech:
    """Read the speech of one or two people, in the order in which they speak."""
    if given.right_audio is None:
        curve, seconds, silent = _read_voice(given.audio, "audio")
        return _Speech([(0.0, curve)], [silent], seconds, sound.sound_blocks(given.audio))
    left, left_seconds, left_silent = _read_voice(given.audio, "left audio")
    right, right_seconds, right_silent = _read_voice(given.right_audio, "right audio")
    silences = [left_silent, right_silent]
    tracks = sound.sound_blocks(given.audio), sound.sound_blocks(given.right_audio)
    if given.order == "meanwhile":
        return _Speech([(0, left), (0, right)], silences, max(left_seconds, right_seconds), sound.mixed(*tracks))
    total = left_seconds + right_seconds
    if total > LONGEST:
        raise sound.too_long("dialogue")
    if given.order == "left_right":
        return _Speech([(0, left), (left_seconds, right)], silences, total, sound.one_after_the_other(*tracks))
    return _Speech([(right_seconds, left), (0, right)], silences, total, sound.one_after_the_other(*tracks[::-1]))


def _read_voice(path: Path, what: str) -> tuple[Floats, float, bool]:
    """Read one voice: its mouth curve, its length in seconds, and whether it is silent."""
    level = heard(path, what)
    return curve_of(level), (len(level) - 1) / RATE, is_silent(level)


def _render_video(given: RenderInput, speech: _Speech, out: Path, report: Callable[[float], None]) -> Rendered:
    """Draw and write all frames, then measure the lip sync of the file."""
    casting = Casting(FaceFinder(), len(speech.parts), given.mask)
    film = Film(given.video, given.short_side) if given.video else None
    fps = film.fps if film else _STILL_FPS
    values = speech.values(fps)
    total = values.shape[1]
    driven: dict[int, Face] = {}
    frames = _from_film(film, values[0], casting, driven) if film else _from_photo(given, values, casting)
    first = next(frames)
    height, width = first[1].shape[:2]
    weight = read_mask(given.mask, width, height) if given.mask else None
    with Mp4Writer(out, (width, height), fps, speech.sound) as writer:
        for number, (before, after) in enumerate(prefetched(chain([first], frames))):
            writer.show(after if weight is None else _masked(before, after, weight))
            report(0.85 * ((number + 1) / total))
    found = (lambda number: [driven.get(number)]) if film else (lambda _: casting.speakers)
    late = lambda part: report(0.85 + 0.15 * part)  # noqa: E731
    followed = sync.sync(out, opening(values), found, casting.finder, silent=speech.silent, progress=late)
    shown = len(driven) / len(range(0, total, sync.step_of(total))) if film else 1.0
    judged = Judged(bool(opening(values).any(1).all()), followed, shown, casting)
    warning = warning_of(given, out, judged)
    return Rendered(float(total / fps), width, height, float(fps), followed, warning)


def _from_photo(given: RenderInput, values: Floats, casting: Casting) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a talking photo; yields pairs of (photo, frame)."""
    if given.image is None:
        raise MediaError(code="preview.no_picture")
    photo = read_image(given.image, given.short_side)
    faces = casting.choose(photo)
    casting.hidden = max((mouth_hidden(photo, face, casting.finder) for face in faces), default=-math.inf)
    if len(faces) < len(values):
        raise MediaError(code="preview.one_face") if faces else MediaError(code="preview.no_face", media="image")
    for face in faces:
        _check_size(face, "image", given.short_side)
    if casting.hidden > CLEARLY:
        raise MediaError(code="preview.mouth_hidden", media="image")
    drawn = photo.copy()
    seed = 2 * given.own_seed()
    heads = [_Head(drawn, face, seed + number, opening(values[number])) for number, face in enumerate(faces)]
    return ((photo, frame) for frame in _swaying(heads, prefetched(_speaking(heads, drawn, values))))


class _Head:
    """One head in a photo and its moving parts. It sharpens the photo, because the head's movement blurs it."""

    def __init__(self, photo: Image, face: Face, seed: int, opening: Floats) -> None:
        bare = not behind_glasses(face, photo)  # brows that rise would bend a frame of glasses
        gestures = Gestures.of(opening, float(_STILL_FPS), seed, brows=bare)
        self.sway = Sway(face, (photo.shape[1], photo.shape[0]), seed, gestures, float(_STILL_FPS))
        self.sway.sharpen(photo)
        self.palette = Palette.of(photo, face)
        self.puppet = Puppet(face, photo)
        self.blinks = Blinks(face, photo, seed, float(_STILL_FPS))


def _speaking(heads: list[_Head], photo: Image, values: Floats) -> Iterator[Image]:
    """Move the mouths and the eyelids."""
    for number in range(values.shape[1]):
        frame = photo.copy()
        for head, mouth in zip(heads, values[:, number], strict=True):
            head.puppet.draw(photo, frame, mouth, head.palette)
            head.blinks.draw(frame, number)
        yield frame


def _swaying(heads: list[_Head], frames: Iterable[Image]) -> Iterator[Image]:
    """Move the heads."""
    for number, frame in enumerate(frames):
        for head in heads:
            head.sway.move(frame, number)
        yield frame


def _from_film(film: Film, values: Floats, casting: Casting, driven: dict[int, Face]) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a film with new speech; yields pairs of (film, frame), and notes the face in some of them.

    Frames stay unchanged if they have no face, if it is too small there, or if something covers the mouth.
    """
    largest: Face | None = None
    faces = 0
    step = sync.step_of(len(values))
    shots = _foreseen(prefetched(faded(tracked(film.play(len(values)), casting))))
    for number, ((shot, dubbing), mouth) in enumerate(zip(shots, values, strict=False)):
        after = shot.image
        if shot.face and (largest is None or shot.face.height > largest.height):
            largest = shot.face
        faces += shot.face is not None
        if shot.face and (shown := _shown(shot)):
            after = after.copy()
            dubbing.draw(shot.image, after, shot.face, mouth)
            if number % step == 0 and shown > _HALF:
                driven[number] = shot.face
            if shown < 1:
                after = levels(cv2.addWeighted(shot.image, 1 - shown, after, shown, 0))
        yield shot.image, after
    if largest is not None:
        _check_size(largest, "video", film.short_side)
    if not driven:
        there = faces > _MOSTLY * len(values)
        raise MediaError(code="preview.mouth_hidden" if there else "preview.no_face", media="video")


def _foreseen(shots: Iterable[Tracked]) -> Iterator[tuple[Tracked, Dubbing]]:
    """Add to each shot the dubbing of its take, which has seen some frames further."""
    dubbing = Dubbing()
    waiting: deque[tuple[Tracked, Dubbing]] = deque()
    for shot in shots:
        if shot.cut:
            dubbing = Dubbing()
        if shot.face and _shown(shot):
            dubbing.see(shot.image, shot.face)
        waiting.append((shot, dubbing))
        if len(waiting) > _AHEAD:
            yield waiting.popleft()
    yield from waiting


def _shown(shot: Tracked) -> float:
    """Return how much of the new mouth is shown, from 0 to 1."""
    return shot.seen * _large_enough(shot.face) if shot.face else 0.0


def _large_enough(face: Face) -> float:
    """Return how much a face in a film speaks, from 0 to 1: one that comes nearer begins to."""
    return float(np.clip((face.height - _FAINT) / (_SMALLEST - _FAINT), 0, 1))


def _check_size(face: Face, what: str, short_side: int) -> None:
    """Refuse a face that is too small to animate."""
    if face.height < _SMALLEST:
        raise MediaError(
            code="preview.face_too_small",
            media=what,
            pixels=min(round(face.height), _SMALLEST - 1),
            short_side=short_side,
            least=_SMALLEST,
            enough=_LARGE if face.height * _LARGE >= _SMALLEST * short_side else None,
        )


def _masked(before: Image, after: Image, weight: Floats) -> Image:
    """Change a frame only where the mask allows it."""
    return levels(before + (after.astype(np.float32) - before) * weight)
