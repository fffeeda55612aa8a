"""Draws the frames of a film with new speech."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception import MediaError, sync
from lipsync_nodes.perception.arrays import levels, masked
from lipsync_nodes.perception.faces.fading import faded
from lipsync_nodes.perception.faces.tracker import Tracked, tracked
from lipsync_nodes.sandbox.preview.mouth.dubbing import Dubbing, Mouth
from lipsync_nodes.sandbox.preview.mouth.lips import Frame, outline
from lipsync_nodes.sandbox.preview.mouth.window import FACE, box
from lipsync_nodes.sandbox.preview.planes import paste, planes_of, size_of
from lipsync_nodes.sandbox.preview.size import SMALLEST, check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.casting import Casting
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.perception.pictures import Film

_FAINT = 24  # pixels: in a film that has a larger face, one of this height begins to speak
_HALF = 0.5  # a mouth that is less visible does not count as one that speaks
_MOSTLY = 0.5  # of the time: of a face that is there for longer and never speaks, the mouth is hidden
_NOTHING = np.empty((0, 0, 3), np.uint8)
_MARGIN = 4  # pixels around what a mouth may change, for interpolation


class Driven:
    """The face in a film whose mouth was moved: where it was, and for how long."""

    def __init__(self, frames: int) -> None:
        """Begin a film of so many frames."""
        self._speaks, self._step = np.zeros(frames, bool), sync.step_of(frames)
        self._places: dict[int, Face] = {}
        self._largest: Face | None = None
        self._faces = 0

    def note(self, number: int, face: Face, shown: float) -> None:
        """Note the face of a frame, and how much of its new mouth is shown, from 0 to 1."""
        self._faces += 1
        self._speaks[number] = shown > _HALF
        if self._largest is None or face.height > self._largest.height:
            self._largest = face
        if number % self._step == 0 and shown > _HALF:
            self._places[number] = face

    def at(self, number: int) -> Face | None:
        """Return the face of a frame that `sync` measures; None if its mouth did not speak there."""
        return self._places.get(number)

    @property
    def share(self) -> float:
        """The part of the time in which its mouth spoke, from 0 to 1."""
        return float(self._speaks.mean())

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The spans of frames in which its mouth did not speak, each with its first and the one after its last."""
        changes = np.flatnonzero(np.diff(self._speaks, prepend=True, append=True))
        return [(begin, end) for begin, end in changes.reshape(-1, 2).tolist()]

    def check(self, short_side: int) -> None:
        """Refuse a film in which no mouth could be moved."""
        if self._largest is not None:
            check_size(self._largest, "video", short_side)
        if not self._places:
            there = self._faces > _MOSTLY * len(self._speaks)
            raise MediaError(code="preview.mouth_hidden" if there else "preview.no_face", media="video")


@dataclass(frozen=True, slots=True)
class _Waiting(Tracked):
    """A frame that waits until it is known what comes after it. Of ``image``, only what is around the face is kept."""

    planes: Image = field(kw_only=True)
    place: tuple[slice, slice] | None = None
    """The rows and the columns of ``image``; None if no mouth will be drawn."""
    dubbing: Dubbing | None = None
    mouth: Mouth | None = None


def dubbed_film(film: Film, values: Floats, casting: Casting, driven: Driven) -> Iterator[Image]:
    """Draw the frames of a film with new speech; yields them as I420.

    Frames stay unchanged if they have no face, if it is too small there, or if something covers the mouth. Outside of a
    mask, all stays.
    """
    drawing: _Drawing | None = None
    shots = faded(_foreseen(tracked(film.play(len(values)), casting)))
    for number, (shot, mouth) in enumerate(zip(shots, values, strict=False)):
        drawing = drawing or _Drawing(shot.planes, casting)
        shown = _shown(shot)
        if shot.face:
            driven.note(number, shot.face, shown)
        if shown:
            drawing.draw(shot, mouth, shown)
        yield shot.planes
    driven.check(film.short_side)


class _Drawing:
    """Draws mouths in frames that waited."""

    def __init__(self, planes: Image, casting: Casting) -> None:
        """Prepare two pictures that are used for each frame. Only what is around the face is right in them."""
        width, height = size_of(planes)
        self._before, self._after = (np.zeros((height, width, 3), np.uint8) for _ in range(2))
        self._weight = casting.weights(width, height)

    def draw(self, shot: _Waiting, values: Floats, shown: float) -> None:
        """Draw the mouth of a frame, so far as it is shown."""
        if not (shot.face and shot.place and shot.dubbing and shot.mouth):
            return
        place = shot.place
        self._before[place] = self._after[place] = shot.image
        shot.dubbing.draw(self._before, self._after, shot.face, shot.mouth, values)
        after = self._after[place]
        if shown < 1:
            after = levels(cv2.addWeighted(shot.image, 1 - shown, after, shown, 0))
        if self._weight is not None:
            after = masked(shot.image, after, self._weight[place])
        paste(shot.planes, after, *place)


def _foreseen(shots: Iterable[Tracked]) -> Iterator[_Waiting]:
    """Look at the mouths of each take before they are drawn."""
    dubbing = Dubbing()
    for shot in shots:
        if shot.cut:
            dubbing = Dubbing()
        waits = _Waiting(_NOTHING, shot.face, shot.seen, shot.cut, planes=planes_of(shot.image))
        if shot.face and _shown(shot) and (place := _around(shot.face, shot.image)):
            mouth = dubbing.see(shot.image, shot.face, clear=shot.seen > _HALF)
            waits = replace(waits, image=shot.image[place].copy(), place=place, dubbing=dubbing, mouth=mouth)
        yield waits


def _around(face: Face, image: Image) -> tuple[slice, slice] | None:
    """Return the rows and columns that a mouth may change, and what is beside them, from and to even numbers."""
    frame = Frame.of(face)
    low, high = box(frame, image, FACE, outline(face, frame))
    if np.any(low >= high):
        return None
    begin, end = np.maximum(low - _MARGIN, 0) // 2 * 2, np.minimum(high + _MARGIN + 1, image.shape[1::-1]) // 2 * 2
    columns, rows = map(slice, begin.tolist(), end.tolist())
    return rows, columns


def _shown(shot: Tracked) -> float:
    """Return how much of the new mouth is shown, from 0 to 1."""
    return shot.seen * _large_enough(shot.face) if shot.face else 0.0


def _large_enough(face: Face) -> float:
    """Return how much a face in a film speaks, from 0 to 1: one that comes nearer begins to."""
    return min(max((face.height - _FAINT) / (SMALLEST - _FAINT), 0.0), 1.0)
