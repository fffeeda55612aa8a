"""Submission keys that are made from the inputs."""

from __future__ import annotations

from typing import Self


class ContentKey(str):
    """A key that is the same for the same inputs and account. More text can be added at either end.

    Attributes:
        former: the key that version 0.1 made from the same inputs. A ledger may have a paid job with it.

    """

    __slots__ = ("former",)

    former: str

    def __new__(cls, key: str, former: str) -> Self:
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
    """Return all forms in which a ledger may have a key."""
    return (str(key), key.former) if isinstance(key, ContentKey) else (key,)
