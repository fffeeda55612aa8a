"""How long a sound or film lasts, counted packet by packet and decoded nowhere.

A header's word decides no money: an MP3 or AAC file without one is guessed from its first frames, a recording that was
made live has none, and any may lie.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from lipsync_nodes.errors import InvalidRequest

__all__ = ["LONGEST_MEDIA", "in_seconds", "seconds_of", "too_long"]

# What the upstream accepts at most, in seconds.
LONGEST_MEDIA: Final = 600.0
# A minute of counting. Of ten minutes of film and sound there are less than 100,000.
MOST_PACKETS: Final = 4_000_000


def in_seconds(seconds: float) -> str:
    """Return a length as text; it is rounded up to a hundredth, for 600.001 s are more than 600 s."""
    return f"{math.ceil(round(seconds * 100, 4)) / 100:.2f}".rstrip("0").rstrip(".") + " s"


def too_long(what: str, seconds: float) -> InvalidRequest:
    """Return the error of media that last longer than the service is known to take."""
    return InvalidRequest(
        f"{what} lasts {in_seconds(seconds)}; the service is known to take {LONGEST_MEDIA:.0f} s at most.",
        hint="Nothing was sent. Cut it, or insist with allow_long=True (`--allow-long`).",
    )


@dataclass(slots=True)
class _Track:
    """What was counted of one stream, in its own time base."""

    total: int = 0
    start: int | None = None
    end: int = 0

    def add(self, packet: Any) -> None:
        length, at = packet.duration or 0, packet.pts if packet.pts is not None else packet.dts
        self.total += length
        if at is not None:
            self.start = at if self.start is None else min(self.start, at)
            self.end = max(self.end, at + length)

    @property
    def units(self) -> int:
        """The longer reading: files that were joined begin again at zero, and a recording may have gaps."""
        return max(self.total, self.end - (self.start or 0))


def seconds_of(packets: Iterable[Any], streams: Iterable[Any], name: str) -> float:
    """Read packets to their end and return how long the longest of the streams lasts, in seconds.

    Raises:
        InvalidRequest: there is no end to it.

    """
    tracks = {stream.index: (_Track(), stream.time_base) for stream in streams}
    for number, packet in enumerate(packets):
        if number > MOST_PACKETS:
            raise InvalidRequest(f"{name} is too large to be measured: it has more than {MOST_PACKETS:,} packets.")
        if packet.size and packet.stream.index in tracks:
            tracks[packet.stream.index][0].add(packet)
    return max((float(track.units * base) for track, base in tracks.values() if base), default=0.0)
