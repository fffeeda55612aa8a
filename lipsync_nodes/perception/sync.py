"""Measures the lip sync in the finished file, as a viewer sees it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import av
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats, levels
from lipsync_nodes.perception.prefetch import prefetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lipsync_nodes.perception.faces.finder import Face, FaceFinder

_SAMPLES = 50  # frames to measure; more of them change the result little
_STILL = 0.006  # standard deviation in face heights: a mouth whose opening varies less is still


def sync(path: Path, intended: Floats, finder: FaceFinder, progress: Callable[[float], None]) -> float:
    """Correlate the intended opening, (faces, frames), with the visible one; return the lowest value of all faces."""
    step = -(-intended.shape[1] // _SAMPLES)
    seen: list[list[float]] = [[] for _ in intended]
    faces: list[Face | None] = []
    for number, image in enumerate(prefetched(_sampled_frames(path, step))):
        faces = _find_faces(image, faces, finder, len(intended))
        for row, face in zip(seen, faces, strict=True):
            row.append(face.opening if face else np.nan)
        progress(number * step / intended.shape[1])
    return min(_correlation(want[::step], floats(got)) for want, got in zip(intended, seen, strict=True))


def _sampled_frames(path: Path, step: int) -> Iterator[Image]:
    """Decode a file and yield one of every ``step`` frames."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in islice(container.decode(video=0), 0, None, step):
            yield levels(frame.to_ndarray(format="bgr24"))


def _find_faces(image: Image, last: list[Face | None], finder: FaceFinder, count: int) -> list[Face | None]:
    """Follow the faces; search again if one is lost."""
    faces = [face and finder.follow(image, face) for face in last]
    if not faces or None in faces:
        faces = [*finder.find(image, count)]
    return faces if len(faces) == count else [None] * count


def _correlation(want: Floats, got: Floats) -> float:
    """Correlate the frames that show a face.

    A mouth that should be still all the time counts as 1 if it is, else as 0. If it should move, but is seen only where
    it should not, that is no evidence: 0.
    """
    length = min(len(want), len(got))
    there = np.isfinite(got[:length])
    seen, got = want[:length][there], got[:length][there]
    if not _moves(want[:length]):
        return float(len(seen) > 0 and got.std() < _STILL)
    return float(np.corrcoef(seen, got)[0, 1]) if _moves(seen) and got.std() > 0 else 0.0


def _moves(opening: Floats) -> bool:
    return len(opening) > 1 and float(np.ptp(opening)) >= 0.01  # noqa: PLR2004
