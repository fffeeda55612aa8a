"""The eye: how far the mouths in a video are open, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lipsync_nodes.perception.arrays import Floats, floats
from lipsync_nodes.perception.faces.cuts import Cuts
from lipsync_nodes.perception.faces.finder import FaceFinder
from lipsync_nodes.perception.moments import Reel, Span, moments
from lipsync_nodes.perception.prefetch import prefetched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lipsync_nodes.perception.arrays import Image
    from lipsync_nodes.perception.faces.finder import Face

_AGAIN = 6  # frames between two searches while a face is missing
_NEWS = 40  # frames between two searches for faces that have come
_THOROUGH = 4  # of the searches without any face, one in so many is thorough
_LEAP = 0.35  # in face heights: a face that moves or grows by more than this from frame to frame is another shot
_GAP = 0.3  # seconds without the face, after which a new take begins


@dataclass(frozen=True, slots=True)
class Mouth:
    """One person's mouth in the frames of a video. All arrays have one value for each frame."""

    openings: Floats
    """In face heights; NaN where the face is not visible."""
    heights: Floats
    """Of the face, in pixels; NaN where it is not visible."""
    takes: Floats
    """Equal numbers where the face is seen without a cut."""
    place: float
    """The usual place of the face, in pixels from the left."""

    @property
    def size(self) -> float:
        """The usual height of the face, in pixels."""
        return float(np.nanmedian(self.heights))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the eye saw: the times of the frames' middles in seconds, and the mouths from left to right."""

    times: Floats
    mouths: list[Mouth]


def share_of(mouth: Mouth) -> float:
    """Return the share of the frames in which the face is visible."""
    return float(np.isfinite(mouth.openings).mean())


def together(mouths: Sequence[Mouth]) -> Mouth:
    """Return the mouths as if they were one: of people who speak in turn, one sound has the speech of all."""
    middles = [np.nan_to_num(mouth.openings - np.nanmedian(mouth.openings)) for mouth in mouths]
    nobody = np.all([np.isnan(mouth.openings) for mouth in mouths], axis=0)
    takes = np.unique([np.nan_to_num(mouth.takes) for mouth in mouths], axis=1, return_inverse=True)[1]
    heights = np.array([mouth.heights for mouth in mouths])
    known = np.where(np.isnan(heights), np.inf, heights).min(0)
    openings = np.where(nobody, np.nan, np.sum(middles, axis=0))
    return Mouth(floats(openings), floats(np.where(nobody, np.nan, known)), floats(takes), mouths[0].place)


def watch(reel: Reel, spans: Sequence[Span], most: int, progress: Callable[[float], object] = lambda _: None) -> Seen:
    """Look at spans of a video, and follow the largest faces, at most ``most``."""
    eye = _Eye(FaceFinder(), most)
    total = sum(min(end, reel.start + reel.seconds) - begin for begin, end in spans) * min(reel.fps, 30)
    for number, (time, image) in enumerate(prefetched(moments(reel, spans))):
        eye.look(time, image)
        progress(min(1.0, number / max(1.0, total)))
    return eye.seen()


@dataclass
class _Track:
    """One face that is followed, and what was seen of it: frame, opening, height, take."""

    face: Face
    rows: list[tuple[int, float, float, int, float]] = field(default_factory=list)
    lost: bool = False


class _Eye:
    def __init__(self, finder: FaceFinder, most: int) -> None:
        self._finder, self._most = finder, most
        self._times: list[float] = []
        self._tracks: list[_Track] = []
        self._take = self._wait = self._searches = 0
        self._cuts = Cuts()

    def look(self, time: float, image: Image) -> None:
        """Take the next frame."""
        if self._times and not 0 < time - self._times[-1] < _GAP:
            for track in self._tracks:  # the next span
                track.lost = True
            self._wait = 0
        self._times.append(time)
        cut = self._cuts.is_cut(image)
        for track in self._tracks:
            self._follow(track, image, cut=cut)
        self._wait -= 1
        if self._wait <= 0:
            self._search(image)

    def _here(self) -> list[_Track]:
        return [track for track in self._tracks if not track.lost]

    def _follow(self, track: _Track, image: Image, *, cut: bool) -> None:
        if track.lost:
            return
        face = self._finder.follow(image, track.face)
        if face is None or any(_same(face, other.face) for other in self._here() if other is not track):
            track.lost = True
            self._wait = 0
            return
        if cut or _leapt(track.face, face):
            self._take += 1
            self._note(track, face, self._take)
        else:
            self._note(track, face, track.rows[-1][3])

    def _search(self, image: Image) -> None:
        """Look for faces that are not followed. A face that comes back goes on with its track."""
        here = self._here()
        self._searches += 1
        thorough = not here and self._searches % _THOROUGH == 1
        found = self._finder.find(image, self._most, thorough=thorough)
        for face in found:
            if any(_same(face, track.face) for track in here):
                continue
            if track := self._track_for(face):
                self._take += 1
                self._note(track, face, self._take)
        self._wait = _NEWS if self._here() else _AGAIN

    def _track_for(self, face: Face) -> _Track | None:
        """Return the lost track that was nearest, or a new one while there may be more."""
        lost = [track for track in self._tracks if track.lost]
        near = [track for track in lost if _same(face, track.face)]
        if not near and len(self._tracks) < self._most:
            self._tracks.append(_Track(face))
            return self._tracks[-1]
        return min(near or lost, key=lambda one: float(np.linalg.norm(one.face.centre - face.centre)), default=None)

    def _note(self, track: _Track, face: Face, take: int) -> None:
        track.face, track.lost = face, False
        track.rows.append((len(self._times) - 1, face.opening, face.height, take, float(face.centre[0])))

    def seen(self) -> Seen:
        """Return all that was seen."""
        mouths = [_mouth(track, len(self._times)) for track in self._tracks]
        return Seen(floats(self._times), sorted(mouths, key=lambda mouth: mouth.place))


def _mouth(track: _Track, count: int) -> Mouth:
    rows = np.array(track.rows)
    values = np.full((3, count), np.nan)
    values[:, rows[:, 0].astype(int)] = rows[:, 1:4].T
    openings, heights, takes = floats(values)
    return Mouth(openings, heights, takes, float(np.median(rows[:, 4])))


def _same(one: Face, other: Face) -> bool:
    """Return whether two faces are in the same place."""
    return float(np.linalg.norm(one.centre - other.centre)) < max(one.height, other.height) / 2


def _leapt(before: Face, now: Face) -> bool:
    """Return whether a face cannot have moved so far in one frame."""
    far = float(np.linalg.norm(now.centre - before.centre)) > _LEAP * before.height
    return far or abs(now.height / before.height - 1) > _LEAP
