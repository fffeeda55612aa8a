"""Measures the lip sync in the finished file, as a viewer sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from lipsync_nodes.perception.arrays import Floats, Image, floats, levels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lipsync_nodes.perception.faces.finder import Face, FaceFinder

_SAMPLES = 40  # frames to measure; more of them change the result little
_CLEAR = 0.82  # with a lower correlation it is looked at twice: landmarks flicker, and what is below 0.8 gets a warning
_STILL = 0.006  # standard deviation in face heights: a mouth whose opening varies less is still


def step_of(count: int) -> int:
    """Return the distance of the frames that are measured, of so many."""
    return -(-count // _SAMPLES)


def sync(
    path: Path,
    intended: Floats,
    driven: Callable[[int], Sequence[Face | None]],
    finder: FaceFinder,
    *,
    silent: Sequence[bool],
    progress: Callable[[float], None],
) -> float:
    """Correlate the intended opening, (faces, frames), with the visible one; return the lowest value of all faces.

    ``driven`` returns the faces whose mouths were moved in a frame, one of every `step_of`. One of them may be
    None, then that frame does not count. ``silent`` is whether the sound of each face is silence.
    """
    count, step = intended.shape[1], step_of(intended.shape[1])
    numbers: list[int] = []
    first: list[list[Face | None]] = []
    for number, image in _sampled_frames(path, step):
        first.append(_followed(finder, image, driven(number - number % step)))
        numbers.append(min(number, count - 1))
        progress(number / count)
    lowest = _lowest(intended[:, numbers], _openings(first), silent)
    if not lowest or lowest >= _CLEAR:
        return lowest
    again = [
        _followed(finder, image, faces) for (_, image), faces in zip(_sampled_frames(path, step), first, strict=False)
    ]
    return _lowest(intended[:, numbers], floats((_openings(first) + _openings(again)) / 2), silent)


def _followed(finder: FaceFinder, image: Image, faces: Sequence[Face | None]) -> list[Face | None]:
    """Run the mesh once at each face."""
    return [face and finder.follow(image, face) for face in faces]


def _openings(seen: list[list[Face | None]]) -> Floats:
    """Return how far apart the lips of each face are in each frame, (faces, frames); NaN without a face."""
    return floats([[face.parted if face else np.nan for face in faces] for faces in seen]).T


def _lowest(intended: Floats, seen: Floats, silent: Sequence[bool]) -> float:
    """Return the lowest correlation of all faces."""
    return min(_correlation(*row[:2], silent=row[2]) for row in zip(intended, seen, silent, strict=True))


def _sampled_frames(path: Path, step: int) -> Iterator[tuple[int, Image]]:
    """Decode about one of every ``step`` frames of a file, with its number.

    Frames that no other frame refers to are skipped, which saves more than half of the work.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONREF"
        due = 0
        for frame in container.decode(stream):
            number = round((frame.time or 0.0) * float(stream.average_rate or 0))
            if number >= due:
                due += step * ((number - due) // step + 1)
                yield number, levels(cv2.cvtColor(frame.to_ndarray(format="yuv420p"), cv2.COLOR_YUV2BGR_I420))


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
