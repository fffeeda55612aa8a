"""What is measured on faces that nobody tuned on: whether they follow, and what is done where nothing can follow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_nodes.perception import MediaError
from lipsync_nodes.sandbox.preview import render
from tests.quality import measures
from tests.quality.bars import Figures
from tests.quality.blinks import broken_blink
from tests.quality.fixtures import Case
from tests.quality.painted import painted_elsewhere
from tests.quality.sheets import wild_sheet
from tests.quality.tracks import Track, frames_of, tracks, upright

FLOOR = 0.8
"""The correlation below which a mouth does not follow the sound: a video like that needs a warning."""
_SEEN = 30  # frames in which a face is seen, at least


def measure(case: Case, file: Path, figures: Figures) -> None:
    """Render one case and note what is seen."""
    try:
        rendered = render(measures.input_of(case), file)
    except MediaError as error:
        expected = case.traits & {"nobody", "art"} or (case.hidden and not case.film)
        figures.note("refused", not expected, f"{case.name}: {error}" if not expected else case.name)
        return
    fps, frames = frames_of(file)
    found = tracks(frames, roll=case.roll, group="group" in case.traits)
    best, follows = _best(case, found, fps)
    told = bool(_doubts(rendered.warning))
    hopeless = "nobody" in case.traits or (case.hidden and not case.film)
    if "unread" not in case.traits:
        why = f"{case.name} (r {follows:.2f}, reported {rendered.sync:.2f})"
        figures.note("silent", not told and (bool(hopeless) or not follows >= FLOOR), why)
        if not told and best:
            figures.note("median", follows, case.name)
    if case.film:
        frames_wrong = painted_elsewhere(case, frames, fps, found)
        figures.note("painted", len(frames_wrong), f"{case.name} {_ranges(frames_wrong)}")
    elif not case.traits & {"art", "nobody", "sound"}:
        _blinks(case, frames, found, figures)
    if best and not hopeless and not told:
        _phones(case, best, fps, figures)
    wild_sheet([upright(frame, case.roll) for frame in frames], best, file.with_suffix(".jpg"), film=case.film)


def _doubts(warning: Mapping[str, Any] | None) -> set[str]:
    """Give the codes of a warning that says that a mouth does not follow; that others are there too is no doubt."""
    found = warning["facts"].get("warnings", [warning]) if warning else []
    return {one["code"] for one in found} - {"preview.several_faces"}


def _best(case: Case, found: list[Track], fps: float) -> tuple[Track | None, float]:
    """Give the face that follows the speech best, as the eye sees it that sees it best, and how well it follows.

    One eye is blind to some beards, the other to small faces: what neither sees does not follow.
    """
    best, most = None, -np.inf
    for track in found:
        seen = _visible(case, track, fps)
        if np.isfinite(seen).sum() >= _SEEN:
            follows = measures.correlation(seen, measures.intended(case.voices[0].file, len(seen), fps))
            if np.nan_to_num(follows, nan=-1) > most:
                best, most = track, follows
    return best, float(most)


def _visible(case: Case, track: Track, fps: float) -> np.ndarray:
    """Give the openings of a mouth, without those while it is hidden."""
    seen = track.openings
    if case.hidden:
        times = np.arange(len(seen)) / fps
        seen[(times >= case.hidden[0]) & (times <= case.hidden[1])] = np.nan
    return seen


def _phones(case: Case, best: Track, fps: float, figures: Figures) -> None:
    """Count closures where the source's mouth is open, and open vowels of small and bearded faces."""
    seen, spoken = _visible(case, best, fps), case.voices[0].phones
    if "open" in case.traits:
        figures.count("closures_open", measures.closures_found(seen, spoken, fps), case.name)
    if case.traits & {"small", "beard"}:
        figures.count("vowels_small", measures.vowels_missed(seen, spoken, fps), case.name)


def _blinks(case: Case, frames: list[np.ndarray], found: list[Track], figures: Figures) -> None:
    """Look at the eyes of all faces that the mesh sees."""
    turned = [upright(frame, case.roll) for frame in frames]
    wrong = [what for track in found if track.eye == "mesh" and (what := broken_blink(turned, track))]
    figures.note("blinks", len(wrong), f"{case.name}: {', '.join(wrong)}" if wrong else case.name)


def _ranges(numbers: list[int]) -> str:
    return f"{numbers[0]}–{numbers[-1]}" if numbers else ""
