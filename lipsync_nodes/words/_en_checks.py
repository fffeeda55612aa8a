"""The English sentences of checks, verifications and reports. They are part of the tables in `_en`."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # files, lengths, addresses, money
    # faces
    # sound
    # verifications
    # tags and reports
    "many.tags": "`tags` must be one object for all forms, or a list with one for each form.",
    "tags.no_object": "Tags must be an object of names and values, got {value}.",
    "tags.too_many": "A submission can have up to {most} tags, got {found}.",
    "tags.wrong_name": "The name of a tag must be one line of 1 to {most} characters without `=`, got {name}.",
    "tags.wrong_value": "The value of tag `{name}` must be one line of 1 to {most} characters, got {value}.",
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # files, lengths, addresses, money
    # faces
    # sound
    # verifications
    # tags and reports
}
