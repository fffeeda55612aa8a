"""Submission keys that are made of the inputs."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Self

from lipsync_nodes.catalogue import spec_of
from lipsync_nodes.contract import Form
from lipsync_nodes.media import fingerprint
from lipsync_nodes.settings import Profile

__all__ = ["ContentKey", "content_key", "spellings"]


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


def content_key(form: Form, profile: Profile) -> ContentKey:
    """Return the submission key that says "same inputs, same account"; a local file counts by its content."""
    endpoint, inputs = spec_of(form).id, fingerprint(form)
    key, former = (_hashed([endpoint, account, inputs]) for account in (profile.account, profile.former_account))
    return ContentKey(key, former)


def spellings(key: str) -> tuple[str, ...]:
    """Return all that a key may be in a ledger."""
    return (str(key), key.former) if isinstance(key, ContentKey) else (key,)


def _hashed(content: list[object]) -> str:
    return sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
