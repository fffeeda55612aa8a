"""The faces in a rendered file as both independent eyes follow them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import cv2
import numpy as np

from tests.quality.detector import Detector, SecondDetector, Seen

_FAR = 0.5  # of its height a face moves less between two frames
_MANY = 6  # faces that are followed in a group


@dataclass
class Track:
    """One face over the frames, None where it is not seen."""

    eye: str
    """Which of the detectors saw it."""
    faces: list[Seen | None] = field(default_factory=list)

    @property
    def openings(self) -> np.ndarray:
        """The opening of the mouth in each frame, NaN where the face is not seen."""
        return np.array([face.opening if face else np.nan for face in self.faces])

    @property
    def last(self) -> Seen | None:
        """The face where it was seen last."""
        return next((face for face in reversed(self.faces) if face), None)


def frames_of(path: Path) -> tuple[float, list[np.ndarray]]:
    """Decode a file: its frames per second, and its frames."""
    with av.open(str(path)) as file:
        fps = float(file.streams.video[0].average_rate)
        return fps, [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]


def tracks(frames: list[np.ndarray], *, roll: int = 0, group: bool = False) -> list[Track]:
    """Follow the faces with both eyes. Points are in the frame turned upright by *roll* degrees."""
    count = _MANY if group else 1
    found = []
    for name, detector in (("mesh", Detector(count, all_of_them=False)), ("dlib", SecondDetector(count))):
        with detector as eye:
            found += _followed(name, (eye.look(upright(frame, roll)) for frame in frames))
    return found


def upright(frame: np.ndarray, roll: int) -> np.ndarray:
    """Turn a frame whose face is turned clockwise by so many degrees."""
    if roll % 90 == 0:
        return np.ascontiguousarray(np.rot90(frame, roll // 90))
    height, width = frame.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), roll, 1)
    return np.asarray(cv2.warpAffine(frame, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))


def _followed(eye: str, seen: Iterator[list[Seen]]) -> list[Track]:
    """Join what is seen in each frame to tracks, by where it is."""
    found: list[Track] = []
    number = 0
    for number, faces in enumerate(seen, 1):
        left = list(faces)
        for track in found:
            near = min(left, key=lambda face, track=track: _distance(face, track), default=None)
            if near is not None and _distance(near, track) < _FAR:
                track.faces.append(near)
                left = [face for face in left if face is not near]
            else:
                track.faces.append(None)
        found += [Track(eye, [None] * (number - 1) + [face]) for face in left]
    return found


def _distance(face: Seen, track: Track) -> float:
    last = track.last
    assert last is not None
    return float(np.linalg.norm(face.points.mean(0) - last.points.mean(0))) / face.height
