"""Measures the lip sync in the finished file, as a viewer sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats, levels
from lipsync_nodes.perception.prefetch import prefetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lipsync_nodes.perception.faces.finder import Face, FaceFinder

_SAMPLES = 50  # frames to measure; more of them change the result little
_SMALL, _THOROUGH = 5, 25  # samples without a face between two searches for small faces, and for turned ones
_STILL = 0.006  # standard deviation in face heights: a mouth whose opening varies less is still


def sync(
    path: Path, intended: Floats, finder: FaceFinder, progress: Callable[[float], None], silent: Sequence[bool]
) -> float:
    """Correlate the intended opening, (faces, frames), with the visible one; return the lowest value of all faces.

    ``silent`` is whether the sound of each face is silence.
    """
    step = -(-intended.shape[1] // _SAMPLES)
    seen: list[list[float]] = [[] for _ in intended]
    faces: list[Face | None] = [None] * len(intended)
    numbers: list[int] = []
    missing = _THOROUGH
    for number, image in prefetched(_sampled_frames(path, step)):
        faces = _find_faces(image, faces, finder, missing)
        missing = missing + 1 if None in faces else 1
        for row, face in zip(seen, faces, strict=True):
            row.append(face.opening if face else np.nan)
        numbers.append(min(number, intended.shape[1] - 1))
        progress(number / intended.shape[1])
    rows = zip(intended, seen, silent, strict=True)
    return min(_correlation(want[numbers], floats(got), silent=none) for want, got, none in rows)


def _sampled_frames(path: Path, step: int) -> Iterator[tuple[int, Image]]:
    """Decode about one of every ``step`` frames of a file, with its number.

    Frames that no other frame refers to are skipped. That halves the work.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = "NONREF"
        due = 0
        for frame in container.decode(stream):
            number = round((frame.time or 0.0) * float(stream.average_rate or 0))
            if number >= due:
                due += step * ((number - due) // step + 1)
                yield number, levels(frame.to_ndarray(format="bgr24"))


def _find_faces(image: Image, last: list[Face | None], finder: FaceFinder, missing: int) -> list[Face | None]:
    """Follow the faces. If one is lost, search for large faces, now and then for small ones, rarely for turned ones."""
    faces = [face and finder.follow(image, face) for face in last]
    if None in faces:
        thorough, small = missing % _THOROUGH == 0, missing == 1 or missing % _SMALL == 0
        faces = [*finder.find(image, len(last), thorough=thorough, quick=not small)]
    return faces if len(faces) == len(last) else [None] * len(last)


def _correlation(want: Floats, got: Floats, *, silent: bool) -> float:
    """Correlate the frames that show a face.

    In silence, a mouth that is still all the time counts as 1. Beside a sound it is no evidence, and neither is a mouth
    that is seen only where it should not move: 0.
    """
    length = min(len(want), len(got))
    there = np.isfinite(got[:length])
    seen, got = want[:length][there], got[:length][there]
    if not _moves(want[:length]):
        return float(silent and len(seen) > 0 and got.std() < _STILL)
    return float(np.corrcoef(seen, got)[0, 1]) if _moves(seen) and got.std() > 0 else 0.0


def _moves(opening: Floats) -> bool:
    return len(opening) > 1 and float(np.ptp(opening)) >= 0.01  # noqa: PLR2004
