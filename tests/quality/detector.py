"""The independent eye: MediaPipe's attention mesh, a model that the preview engine does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np

_LIPS = ((81, 178), (13, 14), (311, 402))  # inner edges, upper and lower
_FOREHEAD, _CHIN = 10, 152
_LIDS = (((159, 145), (33, 133)), ((386, 374), (362, 263)))


@dataclass(frozen=True, slots=True)
class Seen:
    """One face: its points in pixels of the frame."""

    points: np.ndarray

    @property
    def opening(self) -> float:
        """Gap between the lips, as a part of the face's height."""
        gaps = [np.linalg.norm(self.points[below] - self.points[above]) for above, below in _LIPS]
        return float(np.mean(gaps) / self.height)

    @property
    def height(self) -> float:
        """Forehead to chin, in pixels."""
        return float(np.linalg.norm(self.points[_CHIN] - self.points[_FOREHEAD]))

    @property
    def eyes(self) -> float:
        """How far the eyes are open: height by width."""
        shares = [
            np.linalg.norm(self.points[a] - self.points[b]) / np.linalg.norm(self.points[c] - self.points[d])
            for (a, b), (c, d) in _LIDS
        ]
        return float(np.mean(shares))


class Detector:
    """Follows the faces through the frames of one file. A context manager."""

    def __init__(self, count: int) -> None:
        import mediapipe

        self._count = count
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
        return sorted(faces, key=lambda face: face.points[:, 0].mean()) if len(faces) == self._count else []
