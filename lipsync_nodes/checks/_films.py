"""What can be seen in the films of a form: for how much of the time there is a face that can speak."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from lipsync_nodes.checks import _faces
from lipsync_nodes.checks._finding import Finding, Severity
from lipsync_nodes.checks._inputs import Inputs

if TYPE_CHECKING:
    from lipsync_nodes.perception.faces.glimpses import Glimpse

_GONE_SHARE, _GONE_SECONDS = 0.1, 1.5  # without a face for a larger share, or for longer at once: a warning
_GONE_LEAST: Final = 1.0  # seconds in all, for less than which there is no warning
_FAULTY, _MENTIONED = 0.25, 0.08  # the share of the time for which a fault is a warning, and an info
_HIDDEN: Final = 0.1  # of the time: a mouth that is hidden for longer
_OTHERS: Final = 0.5  # of the time
_TIMES: Final = 10  # so many cuts and ranges are listed
_FADE: Final = 0.7  # seconds


def findings(inputs: Inputs) -> Iterator[Finding]:
    """Yield what is wrong with the films."""
    from lipsync_nodes.perception.faces.finder import FaceFinder  # noqa: PLC0415  # needs the extra
    from lipsync_nodes.perception.faces.glimpses import glimpses  # noqa: PLC0415

    for field, path in inputs.of_kind("video").items():
        seen = []
        for one in glimpses(path, FaceFinder(), _faces.SIDE):
            inputs.limit.check()
            seen.append(one)
        if not seen:
            continue
        film = _Film(inputs, field, seen, _short_side(path))
        yield from film.findings()
        for name, mask in inputs.of_kind("mask").items():
            yield from film.masked(name, mask)


class _Film:
    """The glimpses of one film."""

    def __init__(self, inputs: Inputs, field: str, seen: Sequence[Glimpse], source: int) -> None:
        self._field, self._seen, self._source = field, seen, source
        self._short_side = inputs.short_side
        self._faces = [one for one in seen if one.looks]
        step = (seen[-1].time - seen[0].time) / (len(seen) - 1) if len(seen) > 1 else 0.0
        self._length = seen[-1].time + step

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with the face over time, and who else is there."""
        if not self._faces:
            yield _faces.none(self._field)
            return
        yield from self._gone()
        yield from self._size()
        yield from self._faults()
        yield from self._others()
        cuts = self._cuts()
        if cuts:
            times = [f"{time:.1f}" for time in cuts[:_TIMES]]
            yield Finding(
                code="film.cuts",
                severity="info",
                field=self._field,
                facts={"cuts": len(cuts), "times": times},
            )

    def _cuts(self) -> list[float]:
        """Return when there are cuts. A fade may look like several of them."""
        times = [one.time for one in self._seen if one.cut]
        return [time for last, time in zip([-_FADE, *times], times, strict=False) if time - last >= _FADE]

    def masked(self, name: str, mask: Path) -> Iterator[Finding]:
        """Yield that a mask leaves the mouth out most of the time."""
        from lipsync_nodes.checks._pictures import outside_mask  # noqa: PLC0415
        from lipsync_nodes.perception.faces.casting import MARKED, marked  # noqa: PLC0415  # needs the extra
        from lipsync_nodes.perception.pictures import read_mask  # noqa: PLC0415

        if self._faces:
            weights = read_mask(mask, self._seen[0].width, self._seen[0].height)[..., 0]
            if median(marked(weights, one.face) for one in self._faces if one.face) < MARKED:
                yield outside_mask(name)

    def _gone(self) -> Iterator[Finding]:
        """Yield for how long there is no face."""
        spans = self._spans(one for one in self._seen if not one.looks)
        if not spans:
            return
        gone = sum(end - start for start, end in spans)
        longest = max(end - start for start, end in spans)
        severe = longest > _GONE_SECONDS or gone > max(_GONE_LEAST, _GONE_SHARE * self._length)
        yield Finding(
            code="face.gone",
            severity="warning" if severe else "info",
            field=self._field,
            remedy=("speaking_part",),
            facts={"seconds": round(gone, 1), "length": round(self._length, 1), "ranges": _ranges(spans)},
        )

    def _size(self) -> Iterator[Finding]:
        """Yield that the face is too small, by its size in most of the film; for a part of it, this is an info."""
        usual = median(one.share for one in self._faces)
        where = _faces.Where(self._field)
        if found := _faces.size(where, usual, self._short_side, self._source):
            yield found
            return
        small = [one for one in self._faces if one.share * self._short_side < _faces.SMALL]
        if len(small) > _MENTIONED * len(self._faces):
            part = _faces.Where(self._field, ranges=_ranges(self._spans(small)), severity="info")
            if found := _faces.size(part, max(median(one.share for one in small), 0.0), self._short_side, self._source):
                yield found

    def _faults(self) -> Iterator[Finding]:
        """Yield what is wrong with the face for a part of the time."""
        large = [one for one in self._faces if one.share * self._short_side >= _faces.SMALL]
        for name, fault in _faces.FAULTS.items():
            told = [one for one in large if name != "hidden" or (one.looks and one.looks.hidden is not None)]
            bad = [one for one in told if one.looks and name in _faces.faults(one.looks)]
            bad = _lasting(bad, told) if name == "hidden" else bad
            share = len(bad) / len(told) if told else 0.0
            severity = _severity(name, share)
            if severity and bad[0].looks:
                ranges = None if len(bad) == len(told) else _ranges(self._spans(bad, len(told)))
                worst = sorted(bad, key=lambda one: one.share)[len(bad) // 2].looks
                yield fault.finding(_faces.Where(self._field, ranges=ranges, severity=severity), worst or bad[0].looks)

    def _others(self) -> Iterator[Finding]:
        """Yield that other people are visible."""
        counted = [one.others for one in self._seen if one.others is not None]
        share = sum(bool(others) for others in counted) / len(counted) if counted else 0.0
        if share > _MENTIONED:
            yield Finding(
                code="film.others",
                severity="warning" if share > _OTHERS else "info",
                field=self._field,
                remedy=("one_face",),
                facts={"percent": round(share * 100)},
            )

    def _spans(self, some: Iterable[Glimpse], of: int = 0) -> list[tuple[float, float]]:
        """Return when these glimpses are, as spans of seconds. ``of`` is how many there could be, if not all."""
        step = self._length / (of or len(self._seen))
        spans: list[tuple[float, float]] = []
        for one in some:
            if spans and one.time - spans[-1][1] < step / 2:
                spans[-1] = (spans[-1][0], min(self._length, one.time + step))
            else:
                spans.append((one.time, min(self._length, one.time + step)))
        return spans


def _lasting(bad: Sequence[Glimpse], of: Sequence[Glimpse]) -> list[Glimpse]:
    """Leave out those that stand alone, unless they are clear: a single one may be a mistake of our eye."""
    times = {one.time for one in bad}
    places = [index for index, one in enumerate(of) if one.time in times]
    kept = [index for index in places if {index - 1, index + 1} & {*places} or _clear(of[index])]
    return [of[index] for index in kept]


def _clear(glimpse: Glimpse) -> bool:
    return bool(glimpse.looks and glimpse.looks.clearly_hidden)


def _severity(name: str, share: float) -> Severity | None:
    """Return how severe a fault is that lasts for a share of the time; None if it is not worth mentioning."""
    if share > (_HIDDEN if name == "hidden" else _FAULTY):
        return "warning"
    return "info" if share > _MENTIONED and name in {"turned", "cut", "bowed"} else None


def _ranges(spans: Sequence[tuple[float, float]]) -> list[str]:
    """Return spans of seconds as text, at most the first ten."""
    return [f"{start:.1f}-{end:.1f}" for start, end in spans[:_TIMES]]


def _short_side(path: Path) -> int:
    """Return the short side of a film's frames, in pixels."""
    from lipsync_nodes.perception.pictures import film_size  # noqa: PLC0415  # needs the extra

    return min(film_size(path))
