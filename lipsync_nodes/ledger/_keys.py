"""Submission keys that are made of the inputs."""

from __future__ import annotations

from typing import Self

__all__ = [
    "ContentKey",
    "spellings",
]


class ContentKey(str):
    """A key that says "same inputs, same account"; more may be added at either end.

    Attributes:
        former: what version 0.1 made of the same: a ledger may hold a paid job under that.

    """

    __slots__ = ("former",)

    former: str

    def __new__(cls, key: str, former: str) -> Self:
        """Make the key and keep the former one beside it."""
        self = super().__new__(cls, key)
        self.former = former
        return self

    def __reduce__(self) -> tuple[type[ContentKey], tuple[str, str]]:
        return ContentKey, (str(self), self.former)

    def __add__(self, more: str) -> ContentKey:
        return ContentKey(str(self) + more, self.former + more)

    def __radd__(self, more: str) -> ContentKey:
        return ContentKey(more + str(self), more + self.former)


def spellings(key: str) -> tuple[str, ...]:
    """Return all that a key may be in a ledger."""
    return (str(key), key.former) if isinstance(key, ContentKey) else (key,)
