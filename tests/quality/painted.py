"""In how many frames of a film something was painted that is not at a mouth.

Nothing of the engine's own test for hidden mouths is used: the encoded file is compared with the film, and where the
mouth is comes from the independent eyes, or from what is known of the film.
"""

from __future__ import annotations

import cv2
import numpy as np

from lipsync_nodes.perception.pictures import Film
from tests.quality.detector import Seen
from tests.quality.tracks import Track, upright

_LEVELS = 24  # a blurred pixel that differs by more was painted; encoding changes it by less
_BLUR = 1.5
_LEAST = 1.5e-3  # of the square of the face's height: encoding small letters changes patches of up to 0.0012
_AROUND = 0.12  # of the face's height: margin around the lower face
_BELOW = 0.1  # of the way from the eyes to the chin: nothing above moves with a mouth
_NEAR = 6  # frames before and after, in which a mouth was last and will next be seen


def painted_elsewhere(case, frames: list[np.ndarray], fps: float, tracks: list[Track]) -> list[int]:
    """Give the frames in which pixels outside all mouths were changed, or any while the mouth is known to be hidden."""
    film = Film(case.picture, case.short_side)
    wrong = []
    for number, (source, shown) in enumerate(zip(film.play(len(frames)), frames, strict=False)):
        if source.shape != shown.shape:
            return list(range(len(frames)))
        changed = upright(_changed(source, shown), case.roll)
        near = [face for track in tracks for face in _beside(track, number)]
        if not (case.hidden and case.hidden[0] <= number / fps < case.hidden[1]):
            for face in near:
                cv2.fillConvexPoly(changed, _lower_face(face), 0)
        height = max((face.height for face in near), default=0.3 * len(shown))
        if _largest(changed) > _LEAST * height**2:
            wrong.append(number)
    return wrong


def _changed(source: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Mark the pixels that differ by more than encoding explains."""
    one, other = (cv2.GaussianBlur(image, (0, 0), _BLUR) for image in (source, shown))
    marked = (cv2.absdiff(one, other).max(2) > _LEVELS).astype(np.uint8)
    return cv2.erode(marked, np.ones((2, 2), np.uint8))


def _largest(changed: np.ndarray) -> int:
    """Give the pixels of the largest patch that was changed: what is painted hangs together."""
    return max(cv2.connectedComponentsWithStats(changed)[2][1:, cv2.CC_STAT_AREA], default=0)


def _beside(track: Track, number: int) -> list[Seen]:
    """Give a face in a frame; where it is not seen there, as it is just before and after."""
    if number < len(track.faces) and (face := track.faces[number]):
        return [face]
    return [face for face in track.faces[max(number - _NEAR, 0) : number + _NEAR + 1] if face]


def _lower_face(face: Seen) -> np.ndarray:
    """Give the outline of the face below the eyes, with a margin: jaw, cheeks and nose move with a mouth."""
    eyes = face.points[[point for eye in face.marks.eyes for point in eye]].mean(0)
    down = face.points[face.marks.tall[1]] - eyes
    lower = face.points[(face.points - eyes) @ down > _BELOW * (down @ down)]
    out = lower - lower.mean(0)
    wide = lower + out * (_AROUND * face.height / np.linalg.norm(out, axis=1, keepdims=True))
    return cv2.convexHull(wide.round().astype(np.int32))
