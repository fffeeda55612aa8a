"""Measures the length of an audio or video by counting packets, without decoding them.

A header is not reliable enough for an estimate. For an MP3 or AAC file without a header, the length is only guessed
from the first frames; live recordings have no header; and any header may be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from lipsync_nodes.errors import InvalidRequest

# Counting this many takes a minute. Ten minutes of video with sound have fewer than 100,000.
MOST_PACKETS: Final = 4_000_000
# Time stamps in milliseconds make frames of 33 and 34 ms of the same length.
VARIES: Final = 1.2


@dataclass(slots=True)
class _Track:
    """The counted length of one stream, in its own time base."""

    total: int = 0
    start: int | None = None
    end: int = 0
    last: int = 0
    shortest: int = 0
    longest: int = 0

    def add(self, packet: Any) -> None:
        length, at = packet.duration or 0, packet.pts if packet.pts is not None else packet.dts
        self.total += length
        if self.last:  # not the last packet of all, which may be of any length
            self.shortest = min(self.shortest or self.last, self.last)
            self.longest = max(self.longest, self.last)
        self.last = length
        if at is not None:
            self.start = at if self.start is None else min(self.start, at)
            self.end = max(self.end, at + length)

    @property
    def units(self) -> int:
        """The longer of both results: joined files start again at zero, and a recording may have gaps."""
        return max(self.total, self.end - (self.start or 0))


def measured(packets: Iterable[Any], streams: Iterable[Any], name: str) -> tuple[float, bool]:
    """Read all packets. Return the seconds of the longest stream, and whether the packets of one vary in length."""
    tracks = {stream.index: (_Track(), stream.time_base) for stream in streams}
    for number, packet in enumerate(packets):
        if number > MOST_PACKETS:
            raise InvalidRequest(code="media.too_many_packets", media=name, most=MOST_PACKETS)
        if packet.size and packet.stream.index in tracks:
            tracks[packet.stream.index][0].add(packet)
    seconds = max((float(track.units * base) for track, base in tracks.values() if base), default=0.0)
    return seconds, any(track.longest > VARIES * track.shortest for track, _ in tracks.values())
