"""Faces: where they are, and 468 landmarks on each. MediaPipe's models, run by OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from lipsync_nodes.sandbox.preview.arrays import Floats, Image, floats

if TYPE_CHECKING:
    from collections.abc import Iterator


_Find: TypeAlias = tuple[float, Floats, float, float]  # score, centre and side in pixels, angle in radians
_WEIGHTS = Path(__file__).parent / "weights"
_DETECTOR_SIDE, _MESH_SIDE = 128, 192  # pixels of the models' inputs
_FACE_SCORE = 0.65  # below this BlazeFace invents faces
_PRESENCE = 0.5
_MARGIN = 1.5  # the mesh wants a face with this much room around it
_LOOKS = 3  # at a new face, each from where the last one saw it: tilted heads need them
_PARTS = (1, 2, 4)  # of the image's short side, as squares that are searched one by one; the last for tiny faces only
_PLAIN = 1 / 3  # of a square's side: a face as high as that is seen without searching such squares
_TURNS = (2, 1, 3)  # quarters of a turn that an image without an upright face is given, to search again
_OVERLAP = 0.3  # two boxes that share more than this are one face
RIGHT_EYE, LEFT_EYE = 33, 263  # the eyes' outer corners
FOREHEAD, CHIN = 10, 152
_LIPS = np.array([(81, 178), (13, 14), (311, 402), (37, 84), (0, 17), (267, 314)])
"""Pairs above each other on the lips' inner and outer edges: of a smile, the mesh sees the outer ones better."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face's landmarks in pixels, (468, 2), in MediaPipe's numbering."""

    points: Floats

    @property
    def height(self) -> float:
        """Forehead to chin, in pixels."""
        return float(np.linalg.norm(self.points[CHIN] - self.points[FOREHEAD]))

    @property
    def centre(self) -> Floats:
        """Middle of the face's bounding box, in pixels."""
        return floats((self.points.min(0) + self.points.max(0)) / 2)

    @property
    def opening(self) -> float:
        """How tall the mouth is, from lip to lip and with its lips on the mean, as a part of the face's height."""
        gaps = self.points[_LIPS[:, 1]] - self.points[_LIPS[:, 0]]
        return float(np.linalg.norm(gaps, axis=1).mean()) / self.height


class FaceFinder:
    """The two models. Not thread-safe: make one for each render."""

    def __init__(self) -> None:
        """Load the weights that ship with the package."""
        self._detector = _load("face_detection_short_range.tflite")
        self._mesh = _load("face_landmark.tflite")
        self._anchors = _anchors()

    def find(self, image: Image, most: int = 1, *, thorough: bool = True) -> list[Face]:
        """Find the largest faces, at most ``most``, sorted from left to right.

        A thorough search, which takes longer if there are too few, also finds faces that are turned or very small.
        """
        found = self._upright(image, most, _PARTS[:-1])
        for turns in _TURNS if thorough else ():
            found = found or [
                _turned_back(face, turns, image) for face in self._upright(np.rot90(image, turns), most, _PARTS[:-1])
            ]
        if thorough and len(found) < most:
            tiny = self._upright(image, most, _PARTS[-1:])
            found += [face for face in tiny if not any(_near(face.centre, other) for other in found)]
        found.sort(key=lambda face: -face.height)
        return sorted(found[:most], key=lambda face: float(face.centre[0]))

    def _upright(self, image: Image, most: int, parts: tuple[int, ...]) -> list[Face]:
        """Find the faces that stand on their chin, more or less: in the whole, then in parts if that may help."""
        found: list[Face] = []
        image = np.ascontiguousarray(image)
        height, width = image.shape[:2]
        for side in (max(height, width), *(min(height, width) // part for part in parts)):
            if sum(face.height > _PLAIN * side for face in found) >= most:
                break  # a larger one would have been seen
            for centre, size, angle in self._detect(image, side):
                if any(_near(centre, face) for face in found):
                    continue
                face = self._landmarks(image, centre, size * _MARGIN, angle)
                for _ in range(_LOOKS):
                    face = face and self.follow(image, face)
                if face and not any(_near(face.centre, other) for other in found):
                    found.append(face)
        return found

    def follow(self, image: Image, last: Face) -> Face | None:
        """Find the face that was at ``last`` in the frame before, or None if it has gone."""
        side = float(np.ptp(last.points, axis=0).max()) * _MARGIN
        right, left = last.points[RIGHT_EYE], last.points[LEFT_EYE]
        return self._landmarks(image, last.centre, side, _angle(left - right))

    def _landmarks(self, image: Image, centre: Floats, side: float, angle: float) -> Face | None:
        """Run the mesh on a rotated square of the image."""
        turn = _square(centre, side, angle, _MESH_SIDE)
        crop = cv2.warpAffine(image, turn, (_MESH_SIDE, _MESH_SIDE), borderMode=cv2.BORDER_REPLICATE)
        self._mesh.setInput(cv2.dnn.blobFromImage(crop, 1 / 255, swapRB=True))
        mesh, presence = self._mesh.forward(["conv2d_21", "conv2d_31"])
        if _sigmoid(presence.ravel())[0] < _PRESENCE:
            return None
        points = mesh.reshape(-1, 1, 3)[:, :, :2]
        return Face(floats(cv2.transform(points, cv2.invertAffineTransform(turn)))[:, 0])

    def _detect(self, image: Image, side: int) -> list[tuple[Floats, float, float]]:
        """Find faces in squares of that side, as (centre, side, angle) in pixels and radians, best first, once each."""
        tiles = _tiles(image.shape[0], image.shape[1], side)
        found = [row for tile in tiles for row in self._detect_tile(image, *tile)]
        if not found:
            return []
        boxes = [[float(c[0] - s / 2), float(c[1] - s / 2), s, s] for _, c, s, _ in found]
        kept = cv2.dnn.NMSBoxes(boxes, [row[0] for row in found], _FACE_SCORE, _OVERLAP)
        return [found[int(i)][1:] for i in np.ravel(kept)]

    def _detect_tile(self, image: Image, x: int, y: int, side: int) -> list[_Find]:
        """Run the detector on one square of the image, black where it reaches beyond."""
        tile = image[max(0, y) : y + side, max(0, x) : x + side]
        top, left = max(0, -y), max(0, -x)
        bottom, right = side - top - tile.shape[0], side - left - tile.shape[1]
        square = cv2.copyMakeBorder(tile, top, bottom, left, right, cv2.BORDER_CONSTANT)
        small = cv2.resize(square, (_DETECTOR_SIDE, _DETECTOR_SIDE), interpolation=cv2.INTER_AREA)
        self._detector.setInput(cv2.dnn.blobFromImage(small, 2 / 255, mean=(127.5,) * 3, swapRB=True))
        boxes, scores = self._detector.forward(["regressors", "classificators"])
        chance = _sigmoid(scores.ravel())
        return [
            _decode(float(chance[i]), boxes[0, i], self._anchors[i], floats([x, y]), side)
            for i in np.flatnonzero(chance > _FACE_SCORE)
        ]


def _turned_back(face: Face, turns: int, image: Image) -> Face:
    """Give a face found in an image that np.rot90 had turned, where it is in the image itself."""
    points, (height, width) = face.points, image.shape[:2]
    for _ in range(turns):  # each step back swaps the axes
        width, height = height, width
    for _ in range(turns):
        points = np.stack([height - 1 - points[:, 1], points[:, 0]], 1)
        width, height = height, width
    return Face(floats(points))


def _load(name: str) -> Any:  # OpenCV's own stubs disagree between versions
    """Load a network. OpenCV 5's new engine gives one output only; the classic one, as in 4, gives both."""
    engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
    path = str(_WEIGHTS / name)
    return cv2.dnn.readNetFromTFLite(path) if engine is None else cv2.dnn.readNetFromTFLite(path, engine)


def _anchors() -> Floats:
    """Give the centres of BlazeFace's anchors, in [0, 1]: two on a 16 by 16 grid, six on an 8 by 8 grid."""
    grids = []
    for cells, each in ((16, 2), (8, 6)):
        line = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grids.append(np.repeat(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), each, axis=0))
    return np.concatenate(grids)


def _tiles(height: int, width: int, side: int) -> Iterator[tuple[int, int, int]]:
    """Give squares (x, y, side) that cover the image: small faces show only in parts of it."""
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y, side


def _starts(length: int, side: int) -> list[int]:
    """Spread squares over a length so that they overlap by a third or more."""
    if length <= side:
        return [(length - side) // 2]
    return [int(start) for start in np.linspace(0, length - side, 1 + int(np.ceil((length - side) / (side * 0.67))))]


def _decode(score: float, box: Floats, anchor: Floats, origin: Floats, side: int) -> _Find:
    """Turn one raw detection in a square at ``origin`` into a find in the image."""
    centre = origin + (box[:2] / _DETECTOR_SIDE + anchor) * side
    right_eye, left_eye = box[4:6], box[6:8]
    return score, floats(centre), float(box[2:4].max()) / _DETECTOR_SIDE * side, _angle(left_eye - right_eye)


def _square(centre: Floats, side: float, angle: float, size: int) -> Floats:
    """Give the affine transform from a rotated square of the image to ``size`` by ``size`` pixels."""
    turn = floats(cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), np.degrees(angle), size / side))
    turn[:, 2] += size / 2 - centre
    return turn


def _angle(direction: Floats) -> float:
    """Angle of a direction against the image's rows, in radians."""
    return float(np.arctan2(direction[1], direction[0]))


def _near(centre: Floats, face: Face) -> bool:
    """Say whether a find is a face that is known: its centre is nearer than half a face."""
    return float(np.linalg.norm(centre - face.centre)) < face.height / 2


def _sigmoid(x: Floats) -> Floats:
    """Logistic function; clipped, so that it cannot overflow."""
    return floats(1 / (1 + np.exp(-np.clip(x, -50, 50))))
