"""Verify renders with two eyes: `python -m tests.quality.eyes`, with the dependency group `quality`.

`verify` looks with the mesh that the preview engine has too. Here the same comparison is made with an independent one,
for videos whose sound is shifted by known times. Ends with 1 if the two differ, or if a shift is not found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from lipsync_nodes.checks import verify
from lipsync_nodes.perception.agreement import Agreement, agreement
from lipsync_nodes.perception.mouths import Mouth
from lipsync_nodes.perception.speech.curve import mouth_curve
from lipsync_nodes.perception.speech.sound import read_speech
from lipsync_nodes.sandbox.preview import render
from tests.quality.fixtures import Case, Fixtures
from tests.quality.measures import Look, input_of, look

_SHIFTS = (-200, -120, 0, 120, 200)  # ms
_EXACT = 40  # ms


def main() -> int:
    """Compare the eyes, print a row for each render, say by the exit code whether they agree."""
    parser = argparse.ArgumentParser(prog="python -m tests.quality.eyes", description=__doc__)
    parser.add_argument("--only", default="", help="only the fixtures with this in their name")
    only, good = parser.parse_args().only, True
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for case in Fixtures(Path(folder) / "fixtures").cases():
            if only in case.name and len(case.voices) == 1 and case.voices[0].kind != "no speech" and not case.hidden:
                good &= _compared(case, Path(folder) / "out.mp4")
    return 0 if good else 1


def _compared(case: Case, out: Path) -> bool:
    """Verify one render with both eyes."""
    render(input_of(case), out)
    ours, seen = verify(out), look(out, 1)
    curve = mouth_curve(read_speech(out))
    found = [_with_other_eye(seen, curve, shift / 1000) for shift in _SHIFTS]
    errors = [round(1000 * one.offset) + shift for one, shift in zip(found, _SHIFTS, strict=True)]
    agree = ours.verdict == "in_sync" and all(one.follows for one in found) and max(map(abs, errors)) <= _EXACT
    row = f"{ours.verdict} {ours.correlation} {ours.offset_ms} ms; other eye: {found[2].correlation:.2f}, {errors} ms"
    print(f"{case.name:28} {row} {'' if agree else 'DIFFERS'}")
    return agree


def _with_other_eye(seen: Look, curve: np.ndarray, start: float) -> Agreement:
    openings = seen.openings[0].astype(np.float32)
    times = ((np.arange(len(openings)) + 0.5) / seen.fps).astype(np.float32)
    takes = np.zeros_like(openings)
    return agreement(times, Mouth(openings, takes, takes, 0.0), curve, start, seen.fps)


if __name__ == "__main__":
    sys.exit(main())
