"""The independent eyes, which the preview engine does not have: MediaPipe's attention mesh and dlib's 68 points."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import cv2
import numpy as np

_EVERY = 5  # frames between two looks at the whole picture where no face is known
_GROUP = 4  # frames between two looks at where a face of a group was
_CROP = 120  # pixels a face is high where it is looked for again: the detector needs 80


@dataclass(frozen=True, slots=True)
class Marks:
    """Which points of a model are what."""

    lips: tuple[tuple[int, int], ...]
    """Inner edges, upper and lower."""
    tall: tuple[int, int, float]
    """Two points, and their distance times this is the height of the face from forehead to chin."""
    lids: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
    """For each eye, upper and lower lid, inner and outer corner."""
    mouth: tuple[int, ...]
    """Outer edge of the lips."""
    eyes: tuple[tuple[int, ...], ...]
    """Edges of the eyes."""


MESH = Marks(
    ((81, 178), (13, 14), (311, 402)),
    (10, 152, 1.0),
    (((159, 145), (33, 133)), ((386, 374), (362, 263))),
    (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91),
    ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380)),
)
DLIB = Marks(
    ((61, 67), (62, 66), (63, 65)),
    (27, 8, 1.6),
    (((37, 41), (36, 39)), ((44, 46), (42, 45))),
    tuple(range(48, 60)),
    (tuple(range(36, 42)), tuple(range(42, 48))),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One face: its points in pixels of the frame."""

    points: np.ndarray
    marks: Marks = MESH

    @property
    def opening(self) -> float:
        """Gap between the lips, as a part of the face's height."""
        gaps = [np.linalg.norm(self.points[below] - self.points[above]) for above, below in self.marks.lips]
        return float(np.mean(gaps) / self.height)

    @property
    def height(self) -> float:
        """Forehead to chin, in pixels."""
        one, other, factor = self.marks.tall
        return float(np.linalg.norm(self.points[one] - self.points[other])) * factor

    @property
    def eyes(self) -> float:
        """How far the eyes are open: height by width."""
        shares = [
            np.linalg.norm(self.points[a] - self.points[b]) / np.linalg.norm(self.points[c] - self.points[d])
            for (a, b), (c, d) in self.marks.lids
        ]
        return float(np.mean(shares))


class Detector:
    """Follows the faces through the frames of one file. A context manager."""

    def __init__(self, count: int, *, all_of_them: bool = True) -> None:
        import mediapipe

        self._count, self._all = count, all_of_them
        self._mesh = mediapipe.solutions.face_mesh.FaceMesh(
            refine_landmarks=True, max_num_faces=count, min_detection_confidence=0.3, min_tracking_confidence=0.3
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._mesh.close()

    def look(self, image: np.ndarray) -> list[Seen]:
        """Give the faces of the next frame from left to right; none if there are fewer than there should be."""
        found = self._mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks or []
        size = np.array([image.shape[1], image.shape[0]])
        faces = [Seen(np.array([(mark.x, mark.y) for mark in face.landmark]) * size) for face in found]
        enough = len(faces) == self._count or not self._all
        return sorted(faces, key=lambda face: face.points[:, 0].mean()) if enough else []


class SecondDetector:
    """dlib's detector and its 68 points, the same way. Upright faces only."""

    def __init__(self, count: int) -> None:
        import dlib

        spec = importlib.util.find_spec("face_recognition_models")
        assert spec, "face_recognition_models is not installed: install the dependency group `quality`."
        assert spec.origin
        model = Path(spec.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
        self._box, self._count, self._number = dlib.rectangle, count, 0
        self._find, self._points = dlib.get_frontal_face_detector(), dlib.shape_predictor(str(model))
        self._boxes: list[np.ndarray] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self, image: np.ndarray) -> list[Seen]:
        """Give the faces of the next frame from left to right."""
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if self._number % (1 if self._count == 1 else _GROUP) == 0:
            self._boxes = [box for old in self._boxes if (box := self._near(rgb, old)) is not None]
        if not self._boxes and self._number % _EVERY == 0:
            self._boxes = self._everywhere(rgb)
        self._number += 1
        faces = [self._seen(rgb, box) for box in self._boxes]
        return sorted(faces, key=lambda face: face.points[:, 0].mean())

    def _seen(self, rgb: np.ndarray, box: np.ndarray) -> Seen:
        shape = self._points(rgb, self._box(*box.round().astype(int).tolist()))
        return Seen(np.array([(mark.x, mark.y) for mark in shape.parts()], float), DLIB)

    def _everywhere(self, rgb: np.ndarray) -> list[np.ndarray]:
        larger = rgb.shape[0] * rgb.shape[1] < 1_000_000
        found, scores, _ = self._find.run(rgb, int(larger), 0.0)
        order = np.argsort(scores)[::-1][: self._count]
        return [_corners(found[int(n)]) for n in order]

    def _near(self, rgb: np.ndarray, box: np.ndarray) -> np.ndarray | None:
        """Find a face again where it was."""
        side = box[2] - box[0]
        left, top = np.maximum(box[:2] - 0.7 * side, 0).astype(int)
        part = rgb[top : int(box[3] + 0.7 * side), left : int(box[2] + 0.7 * side)]
        if min(part.shape[:2]) < 8:
            return None
        scale = _CROP / side
        found, scores, _ = self._find.run(cv2.resize(part, None, fx=scale, fy=scale), 0, -0.3)
        if not found:
            return None
        return _corners(found[int(np.argmax(scores))]) / scale + [left, top, left, top]


def _corners(box) -> np.ndarray:
    return np.array([box.left(), box.top(), box.right(), box.bottom()], float)
