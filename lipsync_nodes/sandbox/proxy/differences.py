"""A difference between a response and what is known of the API, and the list in which each appears once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

__all__ = ["Basis", "Difference", "Differences"]

Basis = Literal["documented", "inferred", "undocumented"]
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in a response that is not as expected.

    Attributes:
        where: submit or poll.
        path: where in the response: `status`, a header, or a JSON path such as `$.executionTime`.
        expected: what was expected.
        basis: why: the service documents it, or it is inferred from examples and from the upstream. undocumented:
            nothing was known, so this is news and no difference.
        came: what came instead, without secrets.
        read: whether the clients of lipsync-nodes understand the response all the same.
        request: the first request that it was seen in.

    """

    where: str
    path: str
    expected: str
    basis: Basis
    came: str
    read: bool = True
    request: str = ""

    @property
    def is_news(self) -> bool:
        """Whether nothing was known of it."""
        return self.basis == "undocumented"

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)

    def __str__(self) -> str:
        if self.is_news:
            return f"{self.where} {self.path}: undocumented, and it is {self.came}"
        unread = "" if self.read else "; the clients cannot read this response"
        return f"{self.where} {self.path}: expected {self.expected} ({self.basis}), came {self.came}{unread}"


class Differences:
    """All differences, each once: the same place with the same expectation. Thread-safe.

    Args:
        report: called with each new one.

    """

    def __init__(self, report: Callable[[Difference], object] | None = None) -> None:
        self._report = report
        self._lock = threading.Lock()
        self._found: dict[tuple[str, ...], Difference] = {}

    def add(self, found: Iterable[Difference]) -> None:
        """Add those that are new."""
        for one in found:
            # What came in place of a fixed word is news each time. Elsewhere, only the place counts.
            word = one.came if one.is_news or one.expected.startswith("one of ") else ""
            key = (one.where, one.path, one.expected, word)
            with self._lock:
                is_new = key not in self._found and len(self._found) < _MOST
                if is_new:
                    self._found[key] = one
            if is_new and self._report:
                self._report(one)

    def all(self) -> list[Difference]:
        """Return the differences and the news, in the order of their first appearance."""
        with self._lock:
            return list(self._found.values())
