"""Draws the frames of a talking photo: mouths, eyes, brows, and heads that move a little."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import numpy as np

from lipsync_nodes.perception import MediaError
from lipsync_nodes.perception.arrays import masked
from lipsync_nodes.perception.faces.looks import CLEARLY, mouth_hidden
from lipsync_nodes.perception.pictures import read_image
from lipsync_nodes.perception.speech.curve import opening
from lipsync_nodes.sandbox.preview.mouth.eyes import Eyes, behind_glasses
from lipsync_nodes.sandbox.preview.mouth.gestures import Gestures
from lipsync_nodes.sandbox.preview.mouth.half import HalfMouth
from lipsync_nodes.sandbox.preview.mouth.paint import Palette
from lipsync_nodes.sandbox.preview.mouth.puppet import Puppet
from lipsync_nodes.sandbox.preview.mouth.sway import Sway
from lipsync_nodes.sandbox.preview.size import check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.casting import Casting
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.sandbox.preview.inputs import RenderInput

FPS: Final = Fraction(25)
"""Frames a second of a talking photo."""
_SAME = 0.002  # a curve's values: if none differs by more, the mouth moves by less than a pixel, even in a large face


def talking_photo(given: RenderInput, values: Floats, casting: Casting) -> Iterator[Image]:
    """Draw the frames of a talking photo. Outside of a mask, all stays."""
    if given.image is None:
        raise MediaError(code="preview.no_picture")
    photo = read_image(given.image, given.short_side)
    faces = casting.choose(photo)
    hidden = [mouth_hidden(photo, face, casting.finder) for face in faces]
    casting.hidden = max(hidden, default=-math.inf)
    if len(faces) < len(values):
        raise MediaError(code="preview.one_face") if faces else MediaError(code="preview.no_face", media="image")
    for face in faces:
        check_size(face, "image", given.short_side)
    if casting.hidden > CLEARLY:
        raise MediaError(code="preview.mouth_hidden", media="image")
    drawn = photo.copy()
    seed = 2 * given.own_seed()
    heads = [_Head(drawn, face, seed + number, opening(values[number])) for number, face in enumerate(faces)]
    for head, face, doubt in zip(heads, faces, hidden, strict=True):
        head.half = HalfMouth.of(drawn, face) if doubt > 0 else None
    frames = _swaying(heads, _speaking(heads, drawn, values))
    weight = casting.weights(*photo.shape[1::-1])
    return frames if weight is None else (masked(photo, frame, weight) for frame in frames)


class _Head:
    """One head in a photo and its moving parts. It sharpens the photo, because the head's movement blurs it."""

    def __init__(self, photo: Image, face: Face, seed: int, opening: Floats) -> None:
        bare = not behind_glasses(face, photo)  # brows that rise would bend a frame of glasses
        gestures = Gestures.of(opening, float(FPS), seed, brows=bare)
        self.sway = Sway(face, (photo.shape[1], photo.shape[0]), seed, gestures, float(FPS))
        self.sway.sharpen(photo)
        self.palette = Palette.of(photo, face)
        self.puppet = Puppet(face, photo)
        self.half: HalfMouth | None = None
        self.eyes = Eyes(face, photo, seed, float(FPS), gestures.gaze)


def _speaking(heads: list[_Head], photo: Image, values: Floats) -> Iterator[Image]:
    """Move the mouths and the eyes. Mouths that stay as they are, in pauses, are not drawn again."""
    drawn, shown = photo, np.full_like(values[:, 0], np.inf)
    for number, mouths in enumerate(values.swapaxes(0, 1)):
        if np.abs(mouths - shown).max() > _SAME:
            drawn, shown = photo.copy(), mouths
            for head, mouth in zip(heads, mouths, strict=True):
                head.puppet.draw(photo, drawn, mouth, head.palette)
                if head.half:
                    head.half.keep(photo, drawn)
        frame = drawn.copy()
        for head in heads:
            head.eyes.draw(frame, number)
        yield frame


def _swaying(heads: list[_Head], frames: Iterable[Image]) -> Iterator[Image]:
    """Move the heads."""
    for number, frame in enumerate(frames):
        for head in heads:
            head.sway.move(frame, number)
        yield frame
