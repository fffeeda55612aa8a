"""Finds faces and places 468 landmarks on each. The models are MediaPipe's, and OpenCV runs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats

if TYPE_CHECKING:
    from collections.abc import Iterator


_Detection: TypeAlias = tuple[float, Floats, float, float]  # score, centre and side in pixels, angle in radians
_WEIGHTS = Path(__file__).parent / "weights"
_DETECTOR_SIDE, _MESH_SIDE = 128, 192  # pixels of the models' inputs
_FACE_SCORE = 0.65  # below this, BlazeFace finds faces that are not there
_PRESENCE = 0.5
SURE = 7.0
"""A presence, in logits: people had 11 and more, sharp drawings too, a dog and a statue 5 to 6."""
_SURER = 3.0  # a logit: a face is turned upside up if the model is surer of it then, by more than this
_MARGIN = 1.5  # the mesh needs this much space around a face
_LOOKS = 3  # runs of the mesh on a new face, each at the last result: tilted heads need them
# The image is also searched in squares, whose side is its short side divided by these. The last is for tiny faces only.
_PARTS = (1, 2, 4)
_BEYOND = 1.6  # a face that the picture's border cuts is searched in a square larger than the picture by this
_TINIEST = 6  # faces that are too small for these parts are searched in parts of this kind
_PLAIN = 1 / 3  # of a square's side: higher faces are found without searching such squares
_LEAST = 32  # pixels: the side of the smallest squares
_SURELY = 0.15  # of a square's side: of 400 faces of this height and more, none was missed in it
_COARSE = 1.5  # squares are halved until they have so many times the detector's side: that is quicker than one step
_TURNS = (2, 1, 3)  # quarter turns of the image, to search again if it has no upright face
_OVERLAP = 0.3  # boxes that overlap by more than this are one face
RIGHT_EYE, LEFT_EYE = 33, 263  # the eyes' outer corners
FOREHEAD, CHIN = 10, 152
_LIPS = np.array([(81, 178), (13, 14), (311, 402), (37, 84), (0, 17), (267, 314)])
"""Vertical pairs on the inner and the outer edges of the lips. In a smile, the outer ones are more exact."""


@dataclass(frozen=True)
class Face:
    """The landmarks of a face in pixels, in MediaPipe's numbering.

    Attributes:
        points: columns and rows, (468, 2).
        depths: how far each lies behind the middle of the head, (468,); None if that was not kept.
        presence: how sure the model is that it is a face, as a logit.

    """

    points: Floats
    depths: Floats | None = None
    presence: float = 0.0

    @cached_property
    def height(self) -> float:
        """The distance from forehead to chin, in pixels."""
        return float(np.linalg.norm(self.points[CHIN] - self.points[FOREHEAD]))

    @cached_property
    def centre(self) -> Floats:
        """The middle of the bounding box, in pixels."""
        return floats((self.points.min(0) + self.points.max(0)) / 2)

    @cached_property
    def side(self) -> float:
        """The side of the square around it that the mesh needs, in pixels."""
        return float(np.ptp(self.points, axis=0).max()) * _MARGIN

    @cached_property
    def roll(self) -> float:
        """The angle of the line between the eyes to the image's rows, in radians; about pi if it is upside down."""
        return _angle(self.points[LEFT_EYE] - self.points[RIGHT_EYE])

    @cached_property
    def opening(self) -> float:
        """The height of the mouth, as the mean of its inner and its outer edges, in face heights."""
        gaps = self.points[_LIPS[:, 1]] - self.points[_LIPS[:, 0]]
        return float(np.linalg.norm(gaps, axis=1).mean()) / self.height

    @property
    def parted(self) -> float:
        """The distance of the outer edges of the lips, in face heights.

        Where a film's own lips show through, independent eyes agree with it more than with the opening.
        """
        above, below = _LIPS[len(_LIPS) // 2 :].T
        return float(np.linalg.norm(self.points[below] - self.points[above], axis=1).mean()) / self.height


class FaceFinder:
    """The two models. Not thread-safe: create one for each render."""

    def __init__(self) -> None:
        """Load the weights, which are part of the package."""
        self._detector = _load("face_detection_short_range.tflite")
        self._mesh = _load("face_landmark.tflite")
        self._anchors = _anchors()

    def find(
        self, image: Image, most: int = 1, *, thorough: bool = True, quick: bool = False, share: float = 0.0
    ) -> list[Face]:
        """Find the largest faces, at most ``most``, sorted from left to right.

        A thorough search also finds turned and very small faces. It takes longer if there are too few faces. A quick
        one finds large faces only. Those below a ``share`` of the largest one's height need not be found.
        """
        found = self._upright(image, most, _PARTS[:1] if quick else _PARTS[:-1], share)
        thorough = thorough and not quick
        for turns in _TURNS if thorough else ():
            found = found or [
                _turned_back(face, turns, image) for face in self._upright(np.rot90(image, turns), most, _PARTS[:-1])
            ]
        if thorough and len(found) < most:
            tiny = self._upright(image, most, _PARTS[-1:])
            found += [face for face in tiny if not any(_near(face.centre, other) for other in found)]
        found.sort(key=lambda face: -face.height)
        return sorted(found[:most], key=lambda face: float(face.centre[0]))

    def find_tiny(self, image: Image) -> list[Face]:
        """Find upright faces that are too small for `find`. This takes half a second."""
        return self._upright(image, 1, (_TINIEST,))

    def has_other(self, image: Image, face: Face, share: float) -> bool:
        """Return whether the detector sees another upright face of at least that share of this one's height.

        It looks at the whole image and at squares of its short side only, which takes some 10 ms.
        """
        sides = sorted({max(image.shape[:2]), min(image.shape[:2])})
        found = (row for side in sides for row in self._detect(image, side))
        return any(size >= share * face.height and not _near(centre, face) for centre, size, _ in found)

    def _upright(self, image: Image, most: int, parts: tuple[int, ...], share: float = 0.0) -> list[Face]:
        """Find faces that are roughly upright: in the whole image, then in parts of it if that may find more."""
        found: list[Face] = []
        image = np.ascontiguousarray(image)
        height, width = image.shape[:2]
        searched = np.inf  # the side of the smallest squares so far
        sides = (max(height, width), *(max(_LEAST, min(height, width) // part) for part in parts))
        if len(parts) > 1:  # not in quick searches, nor for tiny faces
            sides = (*sides, round(_BEYOND * max(height, width)))
        for side in dict.fromkeys(sides):  # a square picture has one twice
            tall = max((face.height for face in found if face.presence > SURE), default=0.0)
            if sum(face.height > _PLAIN * side for face in found) >= most or (found and side > max(height, width)):
                break  # larger ones would have been found
            if share * tall > _SURELY * searched:
                continue  # the faces that are missing are smaller
            searched = min(searched, side)
            for centre, size, angle in self._detect(image, side):
                if any(_near(centre, face) for face in found):
                    continue
                face = self.landmarks(image, centre, size * _MARGIN, angle)
                face = face and self._upside_up(image, self._settled(image, face))
                if face and not any(_near(face.centre, other) for other in found):
                    found.append(face)
        return found

    def _settled(self, image: Image, face: Face | None) -> Face | None:
        """Run the mesh on a new face until it is centred and upright."""
        for _ in range(_LOOKS):
            face = face and self.follow(image, face)
        return face

    def _upside_up(self, image: Image, face: Face | None) -> Face | None:
        """Turn a face that is upside down: the detector takes some for upright ones."""
        if face is None:
            return None
        # Of 235 faces, those that had to be turned were surer by 12 and more at once, and the others by 0.04 at most.
        other = self.landmarks(image, face.centre, face.side, face.roll + np.pi)
        return (other and other.presence > face.presence + _SURER and self._settled(image, other)) or face

    def follow(self, image: Image, last: Face) -> Face | None:
        """Return the face that was at ``last`` in the previous frame, or None if it is no longer there."""
        return self.landmarks(image, last.centre, last.side, last.roll)

    def landmarks(
        self, image: Image, centre: Floats, side: float, angle: float, presence: float = _PRESENCE
    ) -> Face | None:
        """Run the mesh on a rotated square of the image; None if it sees no face, or is less sure of one."""
        turn = square(centre, side, angle, _MESH_SIDE)
        crop = cv2.warpAffine(image, turn, (_MESH_SIDE, _MESH_SIDE), borderMode=cv2.BORDER_REPLICATE)
        self._mesh.setInput(cv2.dnn.blobFromImage(crop, 1 / 255, swapRB=True))
        mesh, sure = self._mesh.forward(["conv2d_21", "conv2d_31"])
        if _sigmoid(sure.ravel())[0] < presence:
            return None
        points = mesh.reshape(-1, 1, 3)
        flat = floats(cv2.transform(points[:, :, :2], cv2.invertAffineTransform(turn)))
        return Face(flat[:, 0], points[:, 0, 2] * np.float32(side / _MESH_SIDE), float(sure.ravel()[0]))

    def _detect(self, image: Image, side: int) -> list[tuple[Floats, float, float]]:
        """Find faces in squares of that side: (centre, side, angle) in pixels and radians, best first."""
        image, by = _reduced(image, side)
        tiles = _tiles(image.shape[0], image.shape[1], side // by)
        found = [
            (score, place * np.float32(by), size * by, angle)
            for tile in tiles
            for score, place, size, angle in self._detect_tile(image, *tile)
        ]
        if not found:
            return []
        boxes = [[float(c[0] - s / 2), float(c[1] - s / 2), s, s] for _, c, s, _ in found]
        kept = cv2.dnn.NMSBoxes(boxes, [row[0] for row in found], _FACE_SCORE, _OVERLAP)
        return [found[int(i)][1:] for i in np.ravel(kept)]

    def _detect_tile(self, image: Image, x: int, y: int, side: int) -> list[_Detection]:
        """Run the detector on one square of the image; outside the image it is black."""
        tile = image[max(0, y) : y + side, max(0, x) : x + side]
        top, bottom = _edges(-y, tile.shape[0], side)
        left, right = _edges(-x, tile.shape[1], side)
        part = cv2.resize(tile, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        around = (top, _DETECTOR_SIDE - bottom, left, _DETECTOR_SIDE - right)
        small = cv2.copyMakeBorder(part, *around, cv2.BORDER_CONSTANT)
        self._detector.setInput(cv2.dnn.blobFromImage(small, 2 / 255, mean=(127.5,) * 3, swapRB=True))
        boxes, scores = self._detector.forward(["regressors", "classificators"])
        chance = _sigmoid(scores.ravel())
        return [
            _decode(float(chance[i]), boxes[0, i], self._anchors[i], floats([x, y]), side)
            for i in np.flatnonzero(chance > _FACE_SCORE)
        ]


def halved(image: Image) -> Image:
    """Return an image of half the size. In such steps, a large one is reduced quicker than in a single one."""
    even = image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    return np.asarray(cv2.resize(even, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _reduced(image: Image, side: int) -> tuple[Image, int]:
    """Reduce an image whose squares of ``side`` the detector gets; returns by how much, too."""
    by = 1
    while side >= 2 * by * _COARSE * _DETECTOR_SIDE and min(image.shape[:2]) > 1:
        image, by = halved(image), 2 * by
    return image, by


def _turned_back(face: Face, turns: int, image: Image) -> Face:
    """Return a face that was found after np.rot90, in the coordinates of the original image."""
    points, (height, width) = face.points, image.shape[:2]
    for _ in range(turns):  # each step back swaps the axes
        width, height = height, width
    for _ in range(turns):
        points = np.stack([height - 1 - points[:, 1], points[:, 0]], 1)
        width, height = height, width
    return Face(floats(points), face.depths, face.presence)


def _load(name: str) -> Any:  # OpenCV's stubs differ between versions
    """Load a network. The new engine of OpenCV 5 returns one output only; the classic one returns both."""
    engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
    path = str(_WEIGHTS / name)
    return cv2.dnn.readNetFromTFLite(path) if engine is None else cv2.dnn.readNetFromTFLite(path, engine)


def _anchors() -> Floats:
    """Return the centres of BlazeFace's anchors, from 0 to 1: two on a 16 by 16 grid, six on an 8 by 8 grid."""
    grids = []
    for cells, each in ((16, 2), (8, 6)):
        line = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grids.append(np.repeat(np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), each, axis=0))
    return np.concatenate(grids)


def _tiles(height: int, width: int, side: int) -> Iterator[tuple[int, int, int]]:
    """Yield squares (x, y, side) that cover the image, because small faces are found only in parts of it."""
    for y in _starts(height, side):
        for x in _starts(width, side):
            yield x, y, side


def _starts(length: int, side: int) -> list[int]:
    """Return the starts of squares over a length. They overlap by a fifth; larger faces are found in larger squares."""
    if length <= side:
        return [(length - side) // 2]
    return [int(start) for start in np.linspace(0, length - side, 1 + int(np.ceil((length - side) / (side * 0.78))))]


def _edges(before: int, length: int, side: int) -> tuple[int, int]:
    """Return where a tile's part of the image begins and ends in the detector's input, in pixels."""
    first = max(0, before)
    begin, end = (round(place * _DETECTOR_SIDE / side) for place in (first, first + length))
    return min(begin, _DETECTOR_SIDE - 1), max(end, begin + 1)


def _decode(score: float, box: Floats, anchor: Floats, origin: Floats, side: int) -> _Detection:
    """Convert a raw detection in a square at ``origin`` to the image's coordinates."""
    centre = origin + (box[:2] / _DETECTOR_SIDE + anchor) * side
    right_eye, left_eye = box[4:6], box[6:8]
    return score, floats(centre), float(box[2:4].max()) / _DETECTOR_SIDE * side, _angle(left_eye - right_eye)


def square(centre: Floats, side: float, angle: float, size: int) -> Floats:
    """Return the affine transform from a rotated square of the image to ``size`` by ``size`` pixels."""
    turn = floats(cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), np.degrees(angle), size / side))
    turn[:, 2] += size / 2 - centre
    return turn


def _angle(direction: Floats) -> float:
    """Return the angle of a direction to the image's rows, in radians."""
    return float(np.arctan2(direction[1], direction[0]))


def _near(centre: Floats, face: Face) -> bool:
    """Return whether a point is within half a face's height of a face's centre."""
    return float(np.linalg.norm(centre - face.centre)) < face.height / 2


def _sigmoid(x: Floats) -> Floats:
    """Return the logistic function; clipped, so that it cannot overflow."""
    return floats(1 / (1 + np.exp(-np.clip(x, -50, 50))))
