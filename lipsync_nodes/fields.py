"""What the fields of a form take, and what hosts show of them: the types of `contract`, without I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainValidator, StrictStr, WithJsonSchema

__all__ = [
    "Asset",
    "Media",
    "MediaInput",
    "OptionalMedia",
    "OptionalText",
    "Order",
    "Resolution",
    "check_media_url",
    "shown",
]

Resolution = Literal["480p", "720p"]
Order = Literal["meanwhile", "left_right", "right_left"]


def check_media_url(url: str) -> str:
    """Return *url* unchanged if it is an absolute http(s) URL with a host, else raise ValueError.

    The URL is never rewritten: a presigned one breaks when it is normalised.
    """
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("has white space or control characters in it; percent-encode them")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL ({error})") from None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise ValueError("must be a public http(s) URL with a host")
    return url


def _blank_is_unset(value: Any) -> Any:
    """Take an empty widget or option for what its user means: nothing given."""
    return None if isinstance(value, str) and not value.strip() else value


def shown(title: str, zh_title: str, help_: str, zh_help: str, **more: Any) -> Any:
    """Build the metadata every host renders its input from: English in the schema itself, Chinese beside it."""
    return Field(
        title=title, description=help_, json_schema_extra={"zh": {"title": zh_title, "description": zh_help}, **more}
    )


@dataclass(frozen=True, slots=True)
class Asset:
    """An input that has no URL yet; the client publishes it before it submits (see `assets`).

    Attributes:
        source: a local file's path, its bytes, or an open binary file that can seek.
        media_type: what the bytes are said to be, `image/png`; checked against what they are.

    """

    source: Path | bytes | BinaryIO
    media_type: str | None = None

    def __repr__(self) -> str:
        shown = f"{len(self.source)} bytes" if isinstance(self.source, bytes) else repr(self.source)
        return f"Asset({shown})"


MediaInput = str | Path | bytes | BinaryIO | Asset

# One letter is a drive of Windows.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")


def _media_input(value: object) -> str | Asset:
    """Take a URL as it is, and anything else that holds media as an asset; nothing is opened here."""
    if isinstance(value, Asset):
        return value
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("is empty; give a URL or a file")
        return check_media_url(value) if _SCHEME.match(value) or value.startswith("//") else Asset(Path(value))
    if isinstance(value, Path | bytes) or callable(getattr(value, "read", None)):
        return Asset(value)  # type: ignore[arg-type]  # whatever can be read is a file
    raise ValueError("must be a public http(s) URL, a path, bytes or an open binary file")


Media = Annotated[MediaInput, PlainValidator(_media_input), WithJsonSchema({"type": "string"})]
OptionalMedia = Annotated[Media | None, BeforeValidator(_blank_is_unset)]
OptionalText = Annotated[StrictStr | None, BeforeValidator(_blank_is_unset)]
