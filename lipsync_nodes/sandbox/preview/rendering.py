"""The director: reads a take, decides who opens the mouth when, has the frames drawn, written and checked."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.sandbox.preview.arrays import floats, levels
from lipsync_nodes.sandbox.preview.faces.finder import FaceFinder
from lipsync_nodes.sandbox.preview.faces.tracker import tracked
from lipsync_nodes.sandbox.preview.inputs import LONGEST, MediaError, Rendered, RenderInput
from lipsync_nodes.sandbox.preview.mouth.eyes import Blinks
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from lipsync_nodes.sandbox.preview.mouth.sway import Sway
from lipsync_nodes.sandbox.preview.prefetch import ahead
from lipsync_nodes.sandbox.preview.speech import sound
from lipsync_nodes.sandbox.preview.speech.curve import mouth_curve, opening, sampled
from lipsync_nodes.sandbox.preview.video import measure
from lipsync_nodes.sandbox.preview.video.picture import Film, read_image, read_mask
from lipsync_nodes.sandbox.preview.video.writer import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from lipsync_nodes.sandbox.preview.arrays import Floats, Image
    from lipsync_nodes.sandbox.preview.faces.finder import Face

_STILL_FPS = Fraction(25)
_NO_FACE = "No face was found in the {}."
_SMALLEST = 32  # pixels of a face's height: a smaller mouth has no room to speak
_TOO_SMALL = "The face in the {} is too small: it is {} pixels high at {}p, and at least {} are needed."
_ONE_FACE = "Only one face was found in the image, but two people are to speak."


@dataclass(frozen=True, slots=True)
class _Script:
    """Who opens the mouth when: a curve and its start in seconds for each face, and what is heard."""

    parts: list[tuple[float, Floats]]
    seconds: float
    sound: Iterator[Floats]

    def values(self, fps: Fraction) -> Floats:
        """Give what each mouth does in the middle of each frame, (faces, frames, the curve's columns)."""
        times = (np.arange(max(1, round(self.seconds * fps))) + 0.5) / float(fps)
        return np.stack([sampled(curve, floats(times - start), 1 / float(fps)) for start, curve in self.parts])


def render(take: RenderInput, out: Path, progress: Callable[[float], None] | None) -> Rendered:
    """See lipsync_nodes.sandbox.preview.render."""
    tell = progress or (lambda _: None)
    tell(0.0)
    try:
        script = _written(take)
        rendered = _filmed(take, script, out, tell)
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    tell(1.0)
    return rendered


def _written(take: RenderInput) -> _Script:
    """Read the speech."""
    if take.right_audio is None:
        curve, seconds = _heard(take.audio, "audio")
        return _Script([(0.0, curve)], seconds, sound.sound_blocks(take.audio))
    left, left_seconds = _heard(take.audio, "left audio")
    right, right_seconds = _heard(take.right_audio, "right audio")
    tracks = sound.sound_blocks(take.audio), sound.sound_blocks(take.right_audio)
    if take.order == "meanwhile":
        return _Script([(0, left), (0, right)], max(left_seconds, right_seconds), sound.mixed(*tracks))
    total = left_seconds + right_seconds
    if total > LONGEST:
        raise sound.too_long("dialogue")
    if take.order == "left_right":
        return _Script([(0, left), (left_seconds, right)], total, sound.one_after_the_other(*tracks))
    return _Script([(right_seconds, left), (0, right)], total, sound.one_after_the_other(*tracks[::-1]))


def _heard(path: Path, what: str) -> tuple[Floats, float]:
    """Read one voice: its mouth curve and its length in seconds."""
    speech = sound.read_speech(path, what)
    return mouth_curve(speech), len(speech) / sound.SPEECH_RATE


def _filmed(take: RenderInput, script: _Script, out: Path, tell: Callable[[float], None]) -> Rendered:
    """Draw and write all frames, then measure the file."""
    finder = FaceFinder()
    film = Film(take.video, take.short_side) if take.video else None
    fps = film.fps if film else _STILL_FPS
    values = script.values(fps)
    frames = _from_film(film, values[0], finder) if film else _from_photo(take, values, finder)
    total = values.shape[1]
    first = next(frames)
    height, width = first[1].shape[:2]
    weight = read_mask(take.mask, width, height) if take.mask else None
    with Mp4Writer(out, (width, height), fps, script.sound) as writer:
        for number, (before, after) in enumerate(ahead(chain([first], frames))):
            writer.show(after if weight is None else _masked(before, after, weight))
            tell(0.85 * ((number + 1) / total))
    sync = measure.sync(out, opening(values), finder, lambda part: tell(0.85 + 0.15 * part))
    return Rendered(float(total / fps), width, height, float(fps), sync)


def _from_photo(take: RenderInput, values: Floats, finder: FaceFinder) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a talking photo; pairs of (untouched, drawn)."""
    if take.image is None:
        raise MediaError("There is neither an image nor a video.")
    photo = read_image(take.image, take.short_side)
    faces = finder.find(photo, len(values))
    if len(faces) < len(values):
        raise MediaError(_ONE_FACE if faces else _NO_FACE.format("image"))
    for face in faces:
        _check_size(face, "image", take.short_side)
    drawn = photo.copy()
    heads = [_Head(drawn, face, 2 * take.seed + number) for number, face in enumerate(faces)]
    return ((photo, frame) for frame in _swaying(heads, ahead(_speaking(heads, drawn, values))))


class _Head:
    """One head in a photo, which is sharpened for it, and what moves of it."""

    def __init__(self, photo: Image, face: Face, seed: int) -> None:
        self.sway = Sway(face, (photo.shape[1], photo.shape[0]), seed)
        self.sway.sharpen(photo)
        self.palette = Palette.of(photo, face, moving=False)
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
            head.sway.move(frame, number / float(_STILL_FPS))
        yield frame


def _from_film(film: Film, values: Floats, finder: FaceFinder) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a film with new speech; pairs of (untouched, drawn).

    Frames without a face, or with something before its mouth, stay as they are.
    """
    palette: Palette | None = None
    for shot, mouth in zip(ahead(tracked(film.play(len(values)), finder)), values, strict=False):
        after = shot.image
        if shot.face and shot.seen:
            if palette is None:
                _check_size(shot.face, "video", min(after.shape[:2]))
                palette = Palette.of(after, shot.face, moving=True)
            after = after.copy()
            Puppet(shot.face, after).draw(shot.image, after, mouth, palette)
            if shot.seen < 1:
                after = levels(cv2.addWeighted(shot.image, 1 - shot.seen, after, shot.seen, 0))
        yield shot.image, after
    if palette is None:
        raise MediaError(_NO_FACE.format("video"))


def _check_size(face: Face, what: str, short_side: int) -> None:
    """Refuse a face that is too small to speak."""
    if face.height < _SMALLEST:
        raise MediaError(_TOO_SMALL.format(what, round(face.height), short_side, _SMALLEST))


def _masked(before: Image, after: Image, weight: Floats) -> Image:
    """Let a frame change only where the mask allows it."""
    return levels(before + (after.astype(np.float32) - before) * weight)
