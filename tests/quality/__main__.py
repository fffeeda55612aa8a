"""Measure the preview engine: `python -m tests.quality`, with the dependency group `quality` (Python 3.11 or 3.12).

Renders all fixtures, looks at the encoded files with an eye that the engine does not have, prints the bars. Ends with 1
if a must is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from lipsync_nodes.sandbox.preview import render
from tests.quality import measures, painted, sheets, tracks, wild
from tests.quality.bars import Figures, table
from tests.quality.fixtures import Case, Fixtures

_SPEEDS = {
    "smiling portrait": "image480", "neutral portrait": "image480", "smiling portrait, 720p": "image720",
    "easy film": "film480", "hard film": "film480", "easy film, 720p": "film720",
    "face that fills the frame": "close480", "film with a hole": "hole480",
}  # fmt: skip
_GALLERY = {
    "smiling portrait, 720p": "smiling.jpg", "neutral portrait, 720p": "neutral.jpg",
    "easy film, 720p": "film.jpg", "two people": "two.jpg",
}  # fmt: skip


def main() -> int:
    """Measure, print, say by the exit code whether every must is reached."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("--sheets", type=Path, help="folder for a contact sheet of each fixture, and its video")
    parser.add_argument("--gallery", type=Path, help="folder for the README's pictures")
    parser.add_argument("--only", help="measure the fixtures with this in their name only")
    parser.add_argument("--material", type=Path, help="folder of faces that nobody tuned on, with its index.tsv")
    parser.add_argument("--no-speed", action="store_true", help="leave out speed and memory: the machine is busy")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout instead of the table")
    options = parser.parse_args()
    figures, speeds = Figures(), {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        out = options.sheets or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        fixtures = Fixtures(Path(temporary) / "fixtures")
        unknown = fixtures.material(options.material) if options.material else []
        for case in [*fixtures.cases(), *unknown]:
            if (options.only or "") in case.name:
                _say(case.name)
                if case in unknown:
                    wild.measure(case, out / f"{case.name.replace('.', '-')}.mp4", figures)
                    continue
                _measure(case, out, figures, options.gallery)
                if case.name in _SPEEDS and not options.no_speed:
                    speeds[case.name] = _hurry(case, Path(temporary), figures)
    rows = figures.rows()
    if not rows:
        parser.error(f"no fixture has {options.only!r} in its name")
    if options.json:
        told = {name: asdict(speed) for name, speed in speeds.items()}
        print(json.dumps({"bars": rows, "speeds": told, "load": _load()}))
    else:
        print(table(rows))
        print(_speed_table(speeds))
    return 0 if all(row["passed"] for row in rows) else 1


def _measure(case: Case, out: Path, figures: Figures, gallery: Path | None) -> None:
    """Render one fixture and note what is to be seen in the file."""
    file = out / f"{case.name.replace(', ', ' ').replace(' ', '-')}.mp4"
    render(measures.input_of(case), file)
    look = measures.look(file, len(case.voices))
    sheets.sheet(look, file.with_suffix(".jpg"))
    if gallery and case.name in _GALLERY:
        sheets.strip(look, gallery / _GALLERY[case.name])
    if case.hidden:
        sheets.whole_sheet(look, file.with_suffix(".jpg"))
        seen = tracks.tracks(look.frames)
        figures.note("painted", len(painted.painted_elsewhere(case, look.frames, look.fps, seen)), case.name)
        return
    figures.note("seen", np.isfinite(look.openings).all(axis=0).mean(), case.name)
    for seen, voice in zip(look.openings, case.voices, strict=True):
        if voice.kind == "no speech":
            figures.note("silence", _unrest(seen, voice, look.fps), case.name)
        else:
            _compare(case, voice, file, (seen, look.fps), figures)
    if len(case.voices) > 1:
        for seen, voice in zip(look.openings, case.voices[::-1], strict=True):
            other = measures.intended(voice.file, len(seen), look.fps)
            figures.note("other", abs(measures.correlation(seen, other)), case.name)
    if not case.film and case.voices[0].kind == "natural":
        sheets.blink_sheet(look, file.with_name(file.stem + "-blink.jpg"))
    if case.name in ("easy film", "easy film, 720p"):
        equal, psnr = measures.untouched(case, file)
        figures.note("equal", equal, case.name)
        figures.note("psnr", psnr, case.name)
    if case.name in ("smiling portrait", "easy film"):
        again = file.with_name("again.mp4")
        render(measures.input_of(case), again)
        figures.note("same", again.read_bytes() == file.read_bytes(), case.name)
        again.unlink()


def _compare(case: Case, voice, file: Path, seen_at: tuple[np.ndarray, float], figures: Figures) -> None:
    """Compare what one mouth did with what was meant, and with what is said."""
    seen, fps = seen_at
    meant, said = (measures.intended(voice.file, len(seen), fps), measures.gold(voice.phones, len(seen), fps))
    sound = measures.sound_start(file)
    if len(case.voices) == 1:
        sound += measures.sound_offset(file, voice.file)
    figures.note("own" if len(case.voices) > 1 else "intended", measures.correlation(seen, meant), case.name)
    figures.note("offset", abs(measures.offset(seen, meant, fps) - sound), case.name)
    figures.note("phones_offset", abs(measures.offset(seen, said, fps) - sound), case.name)
    figures.note(voice.kind, measures.correlation(seen, said), case.name)
    found, missed = measures.closures_found(seen, voice.phones, fps), measures.vowels_missed(seen, voice.phones, fps)
    figures.count("closures", found, case.name)
    figures.count("vowels", missed, case.name)


def _unrest(seen: np.ndarray, voice, fps: float) -> float:
    """Give the largest opening without speech: meant, or seen beyond what the eye's own trembling is."""
    from lipsync_nodes.sandbox.preview.mouth.lips import WIDEST

    meant = float(measures.intended(voice.file, len(seen), fps).max())
    moved = float(np.nanmax(seen) - np.nanmedian(seen)) / WIDEST
    return max(meant, 0.0 if moved <= _TREMBLING else moved)


_TREMBLING = 0.01  # of the widest opening: a photo with closed lips moves by 0.007 where no mouth is drawn at all


def _hurry(case: Case, folder: Path, figures: Figures) -> measures.Speed:
    """Time one fixture, and weigh it."""
    speed = measures.speed(case, folder)
    figures.note(_SPEEDS[case.name], speed.render, case.name)
    figures.note("memory", measures.memory(case), case.name)
    if case.name in ("smiling portrait", "easy film"):
        figures.note("cost", speed.cost, case.name)
        figures.note("workers", measures.second_worker(case), case.name)
    return speed


def _speed_table(speeds: dict[str, measures.Speed]) -> str:
    """Write the speeds for people."""
    lines = [
        f"By the clock, best of {measures.ROUNDS}, beside mere encoding. Others slow both: load {_load()}.",
        f"{'speed, × real time':26} {'render':>8} {'encoding':>10} {'cost':>6} {'cores used':>12}",
    ]
    lines += [
        f"{name:26} {speed.render:8.1f} {speed.encoding:10.1f} {speed.cost:6.1f} {speed.cores:12.1f}"
        for name, speed in speeds.items()
    ]
    return "\n".join(lines)


def _load() -> float | None:
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _say(name: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
