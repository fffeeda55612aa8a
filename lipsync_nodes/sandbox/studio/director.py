"""The director: reads a take, decides who opens the mouth when, has the frames drawn, written and checked."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.sandbox.studio import measure, puppet, sound
from lipsync_nodes.sandbox.studio.arrays import levels
from lipsync_nodes.sandbox.studio.faces import FaceFinder
from lipsync_nodes.sandbox.studio.mouth import mouth_curve, opening_at
from lipsync_nodes.sandbox.studio.paint import Palette
from lipsync_nodes.sandbox.studio.picture import Film, read_image, read_mask
from lipsync_nodes.sandbox.studio.sway import Sway
from lipsync_nodes.sandbox.studio.take import LONGEST, MediaError, Rendered, Take
from lipsync_nodes.sandbox.studio.tracker import tracked
from lipsync_nodes.sandbox.studio.writer import Mp4Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lipsync_nodes.sandbox.studio.arrays import Floats, Image


_STILL_FPS = Fraction(25)
_AHEAD = 4  # frames drawn before they are needed
_NO_FACE = "No face was found in the {}."
_ONE_FACE = "Only one face was found in the image, but two people are to speak."


@dataclass(frozen=True, slots=True)
class _Script:
    """Who opens the mouth when: a curve and its start in seconds for each face, and what is heard."""

    parts: list[tuple[float, Floats]]
    seconds: float
    sound: Iterator[Floats]

    def openings(self, fps: Fraction) -> Floats:
        """Give the opening of each mouth in the middle of each frame, (faces, frames)."""
        times = (np.arange(max(1, round(self.seconds * fps))) + 0.5) / float(fps)
        return np.stack([opening_at(curve, times - start) for start, curve in self.parts])


def render(take: Take, out: Path, progress: Callable[[float], None] | None) -> Rendered:
    """See lipsync_nodes.sandbox.studio.render."""
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


def _written(take: Take) -> _Script:
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


def _filmed(take: Take, script: _Script, out: Path, tell: Callable[[float], None]) -> Rendered:
    """Draw and write all frames, then measure the file."""
    finder = FaceFinder()
    film = Film(take.video, take.short_side) if take.video else None
    fps = film.fps if film else _STILL_FPS
    openings = script.openings(fps)
    frames = _from_film(film, openings[0], finder) if film else _from_photo(take, openings, finder)
    total = openings.shape[1]
    first = next(frames)
    height, width = first[1].shape[:2]
    weight = read_mask(take.mask, width, height) if take.mask else None
    with Mp4Writer(out, (width, height), fps, script.sound) as writer:
        for number, (before, after) in enumerate(_ahead(chain([first], frames))):
            writer.show(after if weight is None else _masked(before, after, weight))
            tell(0.85 * ((number + 1) / total))
    sync = measure.sync(out, openings, finder, lambda part: tell(0.85 + 0.15 * part))
    return Rendered(float(total / fps), width, height, float(fps), sync)


def _from_photo(take: Take, openings: Floats, finder: FaceFinder) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a talking photo; pairs of (untouched, drawn)."""
    if take.image is None:
        raise MediaError("There is neither an image nor a video.")
    photo = read_image(take.image, take.short_side)
    faces = finder.find(photo, len(openings))
    if len(faces) < len(openings):
        raise MediaError(_ONE_FACE if faces else _NO_FACE.format("image"))
    size = photo.shape[1], photo.shape[0]
    palettes = [Palette.of(photo, face, moving=False) for face in faces]
    sways = [Sway(face, size, 2 * take.seed + number) for number, face in enumerate(faces)]
    for number, now in enumerate(openings.T):
        frame = photo.copy()
        for face, palette, opening in zip(faces, palettes, now, strict=True):
            puppet.draw(frame, face, float(opening), palette)
        for sway in sways:
            sway.move(frame, number / float(_STILL_FPS))
        yield photo, frame


def _from_film(film: Film, openings: Floats, finder: FaceFinder) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a film with new speech; pairs of (untouched, drawn).

    Frames without a face stay as they are.
    """
    palette: Palette | None = None
    for (before, face), opening in zip(tracked(film.play(len(openings)), finder), openings, strict=False):
        after = before
        if face:
            palette = palette or Palette.of(before, face, moving=True)
            after = before.copy()
            puppet.draw(after, face, float(opening), palette)
        yield before, after
    if palette is None:
        raise MediaError(_NO_FACE.format("video"))


def _ahead(frames: Iterator[tuple[Image, Image]]) -> Iterator[tuple[Image, Image]]:
    """Have the next frames drawn in another thread while the last one is encoded."""
    with ThreadPoolExecutor(1) as artist:
        coming = deque(artist.submit(next, frames, None) for _ in range(_AHEAD))
        while (frame := coming.popleft().result()) is not None:
            coming.append(artist.submit(next, frames, None))
            yield frame


def _masked(before: Image, after: Image, weight: Floats) -> Image:
    """Let a frame change only where the mask allows it."""
    return levels(before + (after.astype(np.float32) - before) * weight)
