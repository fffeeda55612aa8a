"""Reads the body of a response. The decoded size is limited while decoding, because 2.6 kB can unpack to 3 GB."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

from lipsync_nodes.service import Answer

LARGEST_ANSWER: Final = 1 << 20
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


class Body:
    """The decoded body of a response, as far as it has arrived.

    We ask for no compression. If a response is compressed all the same, gzip and deflate are decoded. A body with
    another encoding cannot be read, and counts as empty.
    """

    def __init__(self, answer: Answer, *, decoded: bool = False) -> None:
        self._answer = answer
        self._bytes = bytearray()
        coding = "" if decoded else answer.headers.get("content-encoding", "").strip().lower()
        self._unpack = zlib.decompressobj(_GZIP_OR_ZLIB) if coding in {"gzip", "x-gzip", "deflate"} else None
        self.full = self._unpack is None and coding not in {"", "identity"}

    def add(self, chunk: bytes) -> None:
        """Add a chunk. Once the body is `full`, the rest is not needed."""
        if self.full:
            return
        try:
            room = LARGEST_ANSWER + 1 - len(self._bytes)
            self._bytes += self._unpack.decompress(chunk, room) if self._unpack else chunk
        except zlib.error:
            self.full = True
        self.full |= len(self._bytes) > LARGEST_ANSWER

    @property
    def answer(self) -> Answer:
        """The response, with as much of its body as was read."""
        known = self._answer
        return Answer(known.status, known.headers, bytes(self._bytes[:LARGEST_ANSWER]), known.received)


def raw(response: Any) -> Iterator[bytes]:
    """Yield a body as it arrives. If a hook or transport of the client has read it already, yield it decoded."""
    return iter([response.content]) if response.is_stream_consumed else response.iter_raw()


async def araw(response: Any) -> AsyncGenerator[bytes]:
    """Yield a body as it arrives, like `raw`."""
    if response.is_stream_consumed:
        yield response.content
        return
    async for chunk in response.aiter_raw():
        yield chunk
