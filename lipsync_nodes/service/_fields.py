"""The types of a form's fields, and the texts that hosts show for them, without I/O."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainValidator, StrictInt, StrictStr, ValidationInfo, WithJsonSchema

from lipsync_nodes.errors import InvalidRequest

Resolution = Literal["480p", "720p"]
Order = Literal["meanwhile", "left_right", "right_left"]


def _whole(value: object) -> object:
    """Accept 7.0 as an integer, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Seed = Annotated[StrictInt, Field(ge=-1, le=2**31 - 1), BeforeValidator(_whole)]
"""The service documents an integer. The range is inferred: its upstream (WaveSpeed) documents -1 to 2147483647."""

URLS_ONLY: Final = {"media": "urls only"}
"""The validation context for untrusted values: a string in a media field must match `MEDIA_URL` and is never a path."""

LONGEST_LABEL: Final = 63
_LOGIN: Final = r"([A-Za-z0-9._~!$&'()*+,;=%:-]+@)?"
_HOST: Final = r"([A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?|\[::1\]|\[[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){7}\])"
_PORT: Final = r"(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
# ASCII, Latin, Cyrillic, kana, Chinese, Korean: these letters are allowed unescaped in a path.
_LETTERS: Final = (
    "!-~\u00a1-\u00ac\u00ae-\u024f\u0400-\u0482\u048a-\u052f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
)
_REST: Final = rf"{_PORT}([/?#][{_LETTERS}]*)?"
MEDIA_URL: Final = rf"^[Hh][Tt][Tt][Pp][Ss]?://{_LOGIN}{_HOST}{_REST}$"
"""The pattern of a media URL for JSON Schema. It is stricter than `check_media_url`, which accepts whatever might be
a URL."""
_OCTET: Final = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_THIS_MACHINE: Final = rf"([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127(\.{_OCTET}){{3}}|\[::1\])"
WEBHOOK_URL: Final = rf"^([Hh][Tt][Tt][Pp][Ss]://{_LOGIN}{_HOST}|[Hh][Tt][Tt][Pp]://{_LOGIN}{_THIS_MACHINE}){_REST}$"
"""The pattern of a webhook's URL for JSON Schema: https, or http on this machine."""
_MEDIA_URL: Final = re.compile(MEDIA_URL.removeprefix("^").removesuffix("$"))


def check_media_url(url: str) -> str:
    """Return *url* unchanged if it is an absolute http(s) URL with a host, else raise ValueError.

    The URL is never rewritten: a presigned one breaks when it is normalised.
    """
    if not url.isprintable() or " " in url:  # of all white space, only the space counts as printable
        raise ValueError("has white space or control characters in it; percent-encode them")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise ValueError("must be a public http(s) URL with a host")
    if any(not 0 < len(label) <= LONGEST_LABEL for label in host.removesuffix(".").split(".")) and ":" not in host:
        raise ValueError("has a host name that cannot be: two dots in a row, or more than 63 characters between dots")
    return url


def brief(value: object) -> str:
    """Return a value for an error message, cut if it is long. Python cannot print integers with very many digits."""
    try:
        return f"{value!r:.80}"
    except ValueError:
        return "a number of too many digits"


# The longest time. The clocks of operating systems do not accept arbitrarily large numbers.
_YEAR: Final = 365 * 86_400


def positive_seconds(name: str, seconds: Any, longest: int = _YEAR) -> float:
    """Return *seconds* if it is a valid time, else raise an InvalidRequest that contains *name*."""
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not (number and 0 < seconds <= longest):
        raise InvalidRequest(code="argument.not_seconds", name=name, longest=longest, value=brief(seconds))
    return float(seconds)


def _blank_is_unset(value: Any) -> Any:
    """Treat an empty widget or option as not set."""
    return None if isinstance(value, str) and not value.strip() else value


def shown(
    title: tuple[str, str],
    help_: tuple[str, str],
    *,
    example: tuple[str, str] = ("", ""),
    labels: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
    **more: Any,
) -> Any:
    """Build a field's metadata, from which hosts show the input: English in the schema itself, Chinese in `zh`.

    All texts are in English and in Chinese. *example* is a value, *labels* are the names of the choices in their order.
    """
    english = {"example": example[0], "labels": list(labels[0]), **more}
    chinese = {"title": title[1], "description": help_[1], "example": example[1], "labels": list(labels[1])}
    return Field(title=title[0], description=help_[0], json_schema_extra={"zh": _given(chinese), **_given(english)})


def _given(texts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in texts.items() if value}


@dataclass(frozen=True, slots=True)
class Asset:
    """An input that has no URL yet. The client publishes it before it submits.

    Attributes:
        source: the path of a local file, bytes, or an open binary file that can seek.
        media_type: the declared MIME type, such as `image/png`. It is checked against the content.
        within: the only folders that a path may lead into, also when it is opened later; empty for any.

    """

    source: Path | bytes | BinaryIO
    media_type: str | None = None
    within: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        shown = f"{len(self.source)} bytes" if isinstance(self.source, bytes) else repr(self.source)
        return f"Asset({shown})"

    def __str__(self) -> str:
        if isinstance(self.source, Path):
            return str(self.source)
        name = getattr(self.source, "name", None)  # for a file that was opened by its descriptor, this is a number
        return name if isinstance(name, str) and name else "The data"


MediaInput = str | Path | bytes | BinaryIO | Asset

# A single letter is a Windows drive, not a scheme.
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")


def _path(path: str | Path) -> Path:
    """Return the path; raise ValueError if no file can have it."""
    try:
        if b"\0" not in os.fsencode(path):
            return path if isinstance(path, Path) else Path(path)
    except UnicodeEncodeError:
        pass
    raise ValueError("is a path that no file can have (a NUL, or half of a character)")


def _media_input(value: object, info: ValidationInfo) -> str | Asset:
    """Return a URL unchanged, and any other media as an asset. Nothing is opened here."""
    if isinstance(value, Asset):
        return value
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("is empty; give a URL or a file")
        if info.context is URLS_ONLY and not _MEDIA_URL.fullmatch(value):
            raise ValueError("must be a public http(s) URL with a host, all unusual characters percent-encoded")
        return check_media_url(value) if _SCHEME.match(value) or value.startswith("//") else Asset(_path(value))
    if isinstance(value, Path):
        return Asset(_path(value))
    if isinstance(value, bytes) or callable(getattr(value, "read", None)):
        return Asset(value)  # type: ignore[arg-type]  # anything with `read` counts as a file
    raise ValueError("must be a public http(s) URL, a path, bytes or an open binary file")


Media = Annotated[MediaInput, PlainValidator(_media_input), WithJsonSchema({"type": "string", "pattern": MEDIA_URL})]
OptionalMedia = Annotated[
    Media | None,
    BeforeValidator(_blank_is_unset),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": MEDIA_URL + r"|^\s*$"}, {"type": "null"}]}),
]
OptionalText = Annotated[StrictStr | None, BeforeValidator(_blank_is_unset)]
