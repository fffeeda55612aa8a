"""The request journal: the requests that the sandbox received, for tests. It contains no API key."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lipsync_nodes.sandbox.server.decoding import decoded

__all__ = ["Received", "RequestJournal"]


@dataclass(slots=True)
class Received:
    """One request as it was received.

    Attributes:
        where: submit, poll, output or files.
        headers: names in lower case, without Authorization. The values of a repeated one are joined with commas.
        body: the decoded JSON of a submission, or its text if it cannot be decoded; None if it was not read, and for
            other requests.
        leaks_key: whether an API key was found outside the Authorization header. It is masked here.
        who: the first word of its User-Agent, `browser`, or `page` for the sandbox's own page.
        time: when it arrived, in seconds since 1970.
        status: the status code of the response; None if none was sent.
        milliseconds: how long it took until the response was sent, or the connection was cut; None until then.

    """

    where: str
    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    leaks_key: bool = False
    who: str = ""
    time: float = field(default_factory=time.time)
    status: int | None = None
    milliseconds: float | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


class RequestJournal:
    """The latest requests. Thread-safe.

    Args:
        mask: removes API keys from a text.
        size: how many requests are kept.

    """

    def __init__(self, mask: Callable[[str], str], size: int = 10_000) -> None:
        self._mask = mask
        self._lock = threading.Lock()
        self._received: deque[Received] = deque(maxlen=size)

    def note(self, where: str, scope: Mapping[str, Any]) -> Received:
        """Add a request that begins."""
        headers = [header for header in scope["headers"] if header[0] != b"authorization"]
        texts = [value.decode("latin-1") for value in (scope["query_string"], *(value for _, value in headers))]
        (path, query, *values), leaks_key = self._masked(scope["path"], *texts)
        shown: dict[str, str] = {}
        for (name, _), value in zip(headers, values, strict=True):
            key = name.decode("latin-1")
            shown[key] = f"{shown[key]}, {value}" if key in shown else value
        entry = Received(where, scope["method"], path, query, shown, None, leaks_key)
        with self._lock:
            self._received.append(entry)
        return entry

    def note_body(self, entry: Received, body: bytes) -> None:
        """Add the body to a recorded request."""
        [text], leaks_key = self._masked(body.decode("utf-8", "replace"))
        entry.leaks_key |= leaks_key
        try:
            entry.body = decoded(text)
        except ValueError:
            entry.body = text

    def all(self, latest: int | None = None) -> list[Received]:
        """Return the requests, the oldest first; with *latest*, not more than so many."""
        with self._lock:
            entries = list(self._received)
        return entries if latest is None else entries[max(0, len(entries) - latest) :]

    def restore(self, entries: Iterable[Received]) -> None:
        """Replace all requests with those of an exported state."""
        with self._lock:
            self._received = deque(entries, maxlen=self._received.maxlen)

    def clear(self) -> None:
        """Delete all requests."""
        with self._lock:
            self._received.clear()

    def _masked(self, *texts: str) -> tuple[Sequence[str], bool]:
        """Return the texts without API keys, and whether there was one."""
        joined = "\n".join(texts)  # no key has a line break
        found = self._mask(joined) != joined
        return [self._mask(text) for text in texts] if found else texts, found
