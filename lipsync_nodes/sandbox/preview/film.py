"""Draws the frames of a film with new speech."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lipsync_nodes.perception import MediaError, sync
from lipsync_nodes.perception.arrays import levels
from lipsync_nodes.perception.faces.fading import faded
from lipsync_nodes.perception.faces.tracker import tracked
from lipsync_nodes.sandbox.preview.mouth.dubbing import Dubbing
from lipsync_nodes.sandbox.preview.size import SMALLEST, check_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lipsync_nodes.perception.arrays import Floats, Image
    from lipsync_nodes.perception.faces.casting import Casting
    from lipsync_nodes.perception.faces.finder import Face
    from lipsync_nodes.perception.faces.tracker import Tracked
    from lipsync_nodes.perception.pictures import Film

_FAINT = 24  # pixels: in a film that has a larger face, one of this height begins to speak
_HALF = 0.5  # a mouth that is less visible does not count as one that speaks
_MOSTLY = 0.5  # of the time: of a face that is there for longer and never speaks, the mouth is hidden
_AHEAD = 12  # frames: so far ahead a film is searched for teeth


class Driven:
    """The face in a film whose mouth was moved: where it was, and for how long."""

    def __init__(self, frames: int) -> None:
        """Begin a film of so many frames."""
        self._frames, self._step = frames, sync.step_of(frames)
        self._places: dict[int, Face] = {}
        self._largest: Face | None = None
        self._faces = 0

    def note(self, number: int, face: Face, shown: float) -> None:
        """Note the face of a frame, and how much of its new mouth is shown, from 0 to 1."""
        self._faces += 1
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
        return len(self._places) / len(range(0, self._frames, self._step))

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """The spans of frames in which its mouth did not speak, each with its first and the one after its last."""
        spans: list[tuple[int, int]] = []
        for number in range(0, self._frames, self._step):
            if number not in self._places:
                begin = spans.pop()[0] if spans and spans[-1][1] == number else number
                spans.append((begin, min(number + self._step, self._frames)))
        return spans

    def check(self, short_side: int) -> None:
        """Refuse a film in which no mouth could be moved."""
        if self._largest is not None:
            check_size(self._largest, "video", short_side)
        if not self._places:
            there = self._faces > _MOSTLY * self._frames
            raise MediaError(code="preview.mouth_hidden" if there else "preview.no_face", media="video")


def dubbed_film(film: Film, values: Floats, casting: Casting, driven: Driven) -> Iterator[tuple[Image, Image]]:
    """Draw the frames of a film with new speech; yields pairs of (film, frame).

    Frames stay unchanged if they have no face, if it is too small there, or if something covers the mouth.
    """
    shots = _foreseen(faded(tracked(film.play(len(values)), casting)))
    for number, ((shot, dubbing), mouth) in enumerate(zip(shots, values, strict=False)):
        after, shown = shot.image, _shown(shot)
        if shot.face:
            driven.note(number, shot.face, shown)
        if shot.face and shown:
            after = after.copy()
            dubbing.draw(shot.image, after, shot.face, mouth)
            if shown < 1:
                after = levels(cv2.addWeighted(shot.image, 1 - shown, after, shown, 0))
        yield shot.image, after
    driven.check(film.short_side)


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
    return float(np.clip((face.height - _FAINT) / (SMALLEST - _FAINT), 0, 1))
