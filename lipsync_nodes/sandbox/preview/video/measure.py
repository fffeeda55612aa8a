"""Is the mouth in sync? Measured in the finished file, as a viewer would see it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import av
import numpy as np

from lipsync_nodes.sandbox.preview.arrays import Floats, Image, floats, levels
from lipsync_nodes.sandbox.preview.prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lipsync_nodes.sandbox.preview.faces.finder import Face, FaceFinder

_SAMPLES = 50  # frames looked at; more change the figure little
_STILL = 0.006  # an opening that varies less (of the face's height, standard deviation) is a still mouth


def sync(path: Path, intended: Floats, finder: FaceFinder, progress: Callable[[float], None]) -> float:
    """Correlate the intended opening, (faces, frames), with the one that is seen; the worst face counts."""
    step = -(-intended.shape[1] // _SAMPLES)
    seen: list[list[float]] = [[] for _ in intended]
    faces: list[Face | None] = []
    for number, image in enumerate(ahead(_shown(path, step))):
        faces = _seen(image, faces, finder, len(intended))
        for row, face in zip(seen, faces, strict=True):
            row.append(face.opening if face else np.nan)
        progress(number * step / intended.shape[1])
    return min(_correlation(want[::step], floats(got)) for want, got in zip(intended, seen, strict=True))


def _shown(path: Path, step: int) -> Iterator[Image]:
    """Decode a file, and give one frame of every ``step``."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in islice(container.decode(video=0), 0, None, step):
            yield levels(frame.to_ndarray(format="bgr24"))


def _seen(image: Image, last: list[Face | None], finder: FaceFinder, count: int) -> list[Face | None]:
    """Follow the faces, or look for them anew if one is lost."""
    faces = [face and finder.follow(image, face) for face in last]
    if not faces or None in faces:
        faces = [*finder.find(image, count)]
    return faces if len(faces) == count else [None] * count


def _correlation(want: Floats, got: Floats) -> float:
    """Correlate, where there was a face to see; a mouth meant to be still is right if it is still."""
    length = min(len(want), len(got))
    there = np.isfinite(got[:length])
    want, got = want[:length][there], got[:length][there]
    if len(want) < 2 or np.ptp(want) < 0.01:  # noqa: PLR2004 - two points make a line
        return float(len(want) > 0 and got.std() < _STILL)
    return float(np.corrcoef(want, got)[0, 1]) if got.std() > 0 else 0.0
