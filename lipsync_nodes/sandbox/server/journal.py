"""What the sandbox received, for a test to look at: each request once, the API key in none."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Journal", "Received"]


@dataclass(slots=True)
class Received:
    """One request as it came.

    Attributes:
        where: submit, poll, output or files.
        headers: names in lower case, Authorization left out.
        body: the decoded JSON of a submit; its text if it is no JSON; None if it was not read, or of other requests.
        leaks_key: whether an API key stood anywhere but in Authorization (it is masked here).

    """

    where: str
    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    leaks_key: bool = False

    def shown(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


class Journal:
    """The latest requests. Safe between threads.

    Args:
        mask: takes API keys out of a text.

    """

    def __init__(self, mask: Callable[[str], str], size: int = 10_000) -> None:
        self._mask = mask
        self._lock = threading.Lock()
        self._received: deque[Received] = deque(maxlen=size)

    def note(self, where: str, scope: Mapping[str, Any]) -> Received:
        """Keep a request that begins."""
        entry = Received(where, scope["method"], "")
        entry.path = self._clean(entry, scope["path"])
        entry.query = self._clean(entry, scope["query_string"].decode("latin-1"))
        for name, value in scope["headers"]:
            if name != b"authorization":
                entry.headers[name.decode("latin-1")] = self._clean(entry, value.decode("latin-1"))
        with self._lock:
            self._received.append(entry)
        return entry

    def note_body(self, entry: Received, body: bytes) -> None:
        """Keep the body of a request that was noted."""
        text = self._clean(entry, body.decode("utf-8", "replace"))
        try:
            entry.body = json.loads(text)
        except (ValueError, RecursionError):
            entry.body = text

    def all(self) -> list[Received]:
        """Return what was received, the oldest first."""
        with self._lock:
            return list(self._received)

    def clear(self) -> None:
        """Forget it."""
        with self._lock:
            self._received.clear()

    def _clean(self, entry: Received, text: str) -> str:
        masked = self._mask(text)
        entry.leaks_key |= masked != text
        return masked
