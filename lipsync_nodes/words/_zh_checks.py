"""The Chinese sentences of checks, verifications and reports. They are part of the tables in `_zh`."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # files, lengths, addresses, money
    # faces
    # sound
    # verifications
    # tags and reports
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # files, lengths, addresses, money
    # faces
    # sound
    # verifications
    # tags and reports
}
