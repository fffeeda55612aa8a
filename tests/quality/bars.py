"""The bars: what the preview has to reach, and what would be better still."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bar:
    """One figure: where it must be and where it may be (``least``: it is at least that; else at most).

    The worst of all values counts, or what ``of`` says: their ``sum``, or their ``median``.
    """

    title: str
    must: float
    stretch: float
    least: bool = True
    digits: int = 2
    of: str = "worst"

    def reached(self, value: float, bar: float) -> bool:
        """Say whether a value is as good as a bar."""
        return value >= bar if self.least else value <= bar


BARS = {
    "intended": Bar("correlation, measured with intended opening", 0.85, 0.95),
    "offset": Bar("offset against the intended opening, ms", 10, 5, least=False, digits=0),
    "phones_offset": Bar("offset against the exact phones, ms", 20, 15, least=False, digits=0),
    "natural": Bar("correlation with the phones, natural speech", 0.60, 0.75),
    "espeak": Bar("correlation with the phones, six languages", 0.85, 0.92),
    "closures": Bar("m, b, p: share at which the mouth closes", 0.90, 0.97),
    "vowels": Bar("open vowels: share that is missed", 0.10, 0.03, least=False),
    "silence": Bar("silence, learnt noise and music: largest opening", 0.05, 0.0, least=False),
    "own": Bar("two people: correlation with their own voice", 0.85, 0.95),
    "other": Bar("two people: correlation with the other's voice", 0.20, 0.10, least=False),
    "seen": Bar("frames in which the eye sees every face, share", 0.98, 1),
    "equal": Bar("outside the window, before encoding: equal", 1, 1, digits=0),
    "psnr": Bar("outside the window, after encoding, dB", 40, 43, digits=1),
    "image480": Bar("speed, image 480p, × real time", 6, 10, digits=1),
    "close480": Bar("speed, face that fills the frame, 480p", 4, 6, digits=1),
    "image720": Bar("speed, image 720p, × real time", 3.5, 5, digits=1),
    "film480": Bar("speed, video 480p, × real time", 3.5, 5, digits=1),
    "hole480": Bar("speed, video with a hole, 480p", 3, 4, digits=1),
    "film720": Bar("speed, video 720p, × real time", 1, 1.8, digits=1),
    "cost": Bar("processor time, × that of encoding alone", 2.5, 2, least=False, digits=1),
    "workers": Bar("a second worker: throughput, × one worker's", 1.6, 1.8, digits=1),
    "memory": Bar("memory, MB", 250, 200, least=False, digits=0),
    "same": Bar("same request and seed: identical bytes", 1, 1, digits=0),
    # Faces that nobody tuned on: only with --material.
    "painted": Bar("painted outside a mouth, frames", 0, 0, least=False, digits=0, of="sum"),
    "blinks": Bar("broken blinks", 0, 0, least=False, digits=0, of="sum"),
    "closures_open": Bar("m, b, p of open-mouthed sources: share that closes", 0.90, 0.97),
    "vowels_small": Bar("open vowels of small or bearded faces: missed", 0.10, 0.03, least=False),
    "silent": Bar("silent failures", 0, 0, least=False, digits=0, of="sum"),
    "refused": Bar("refused, although somebody could speak there", 0, 0, least=False, digits=0, of="sum"),
    "median": Bar("reported as in sync: median correlation", 0.93, 0.95, of="median"),
}


@dataclass
class Figures:
    """What was measured; the worst of each counts."""

    values: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))

    counts: dict[str, list[tuple[int, int, str]]] = field(default_factory=lambda: defaultdict(list))
    """Hits, cases and where; their share over all fixtures counts, for a sentence has few."""

    def note(self, bar: str, value: float, where: str) -> None:
        """Add one value, and what it was measured on; what could not be measured is as bad as can be."""
        worst = -math.inf if BARS[bar].least else math.inf
        self.values[bar].append((worst if math.isnan(value) else float(value), where))

    def count(self, bar: str, found: tuple[int, int], where: str) -> None:
        """Add hits and cases."""
        self.counts[bar].append((*found, where))

    def rows(self) -> list[dict]:
        """Give a row for each bar."""
        for name, counts in self.counts.items():
            hits, cases = sum(count[0] for count in counts), sum(count[1] for count in counts)
            if cases:
                self.values[name] = [(hits / cases, f"{hits} of {cases}")]
        return [self._row(name, bar) for name, bar in BARS.items() if self.values.get(name)]

    def _row(self, name: str, bar: Bar) -> dict:
        value, where = _together(bar, self.values[name])
        return {
            "name": name, "title": bar.title, "value": round(value, 4), "worst": where, "must": bar.must,
            "stretch": bar.stretch, "passed": bar.reached(round(value, 4), bar.must),
            "stretched": bar.reached(round(value, 4), bar.stretch),
            "all": {where: round(value, 4) for value, where in self.values[name]},
        }  # fmt: skip


def _together(bar: Bar, values: list[tuple[float, str]]) -> tuple[float, str]:
    """Give what counts of a bar's values, and where that is."""
    if bar.of == "sum":
        return sum(value for value, _ in values), "; ".join(where for value, where in values if value)
    if bar.of == "median":
        return statistics.median(value for value, _ in values), f"of {len(values)}; worst: {min(values)[1]}"
    return (min if bar.least else max)(values)


def table(rows: list[dict]) -> str:
    """Write the rows for people."""
    lines = [f"{'':50} {'worst':>8} {'must':>7} {'':6} {'stretch':>8} {'':6}"]
    for row in rows:
        bar = BARS[row["name"]]
        sign = "≥" if bar.least else "≤"
        value, must, stretch = (f"{row[key]:.{bar.digits}f}" for key in ("value", "must", "stretch"))
        ends = ["pass" if row["passed"] else "FAIL", "pass" if row["stretched"] else "no"]
        lines.append(
            f"{row['title']:50} {value:>8} {sign + must:>7} {ends[0]:6} {sign + stretch:>8} {ends[1]:6} {row['worst']}"
        )
    stretched = sum(row["stretched"] for row in rows)
    lines.append(
        f"{sum(row['passed'] for row in rows)} of {len(rows)} musts, {stretched} of {len(rows)} stretch figures"
    )
    measured = {row["name"] for row in rows}
    lines += [f"not measured: {bar.title}" for name, bar in BARS.items() if name not in measured]
    return "\n".join(lines)
