"""The inputs of a submission, for comparison: one key must not be used for two different videos.

URLs are compared without their signature, which changes each time. Local files are compared by their content, wherever
they are published. Version 0.1 recorded only the form as it was sent; that is compared as far as possible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from lipsync_nodes._redaction import redact
from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.service import spec_named

# The query parameters of signed URLs, in lower case: Amazon, Google, Azure, Alibaba, Tencent …
_PREFIXES: Final = ("x-amz-", "x-goog-", "x-oss-", "x-cos-", "x-obs-", "q-")
_SIGNATURE: Final = frozenset({
    "signature", "sig", "expires", "expiry", "exp", "policy", "key-pair-id", "security-token", "token", "access_token",
    "awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "accessid", "auth", "authorization", "hmac", "hdnts", "hdnea",
    "verify",
})  # fmt: skip
# Azure's, which are short and have other meanings in URLs that are not signed.
_BESIDE_SIG: Final = frozenset({
    "se", "sp", "sv", "sr", "st", "spr", "sip", "ss", "srt", "sdd", "ske", "skt", "skv", "sks", "skoid", "sktid",
    "saoid", "suoid", "scid",
})  # fmt: skip
# The name of a published local file; see `media._publish`.
_CONTENT: Final = re.compile(r"([0-9a-f]{64})\.\w+")
_FILE: Final = "sha256:"
_SHOWN: Final = 80


def sent_inputs(endpoint: str, form_state: str) -> dict[str, Any]:
    """Return the inputs that can be read from a form as it was sent; empty if it cannot be read."""
    try:
        sent = json.loads(form_state)
        fields = spec_named(endpoint).form.model_fields
        unset = {name: field.get_default() for name, field in fields.items() if not field.is_required()}
        return normal_inputs({**unset, **sent})
    except (ValueError, TypeError, RecursionError, LipsyncError):
        return {}


def differences(before: dict[str, Any], now: dict[str, Any], *, exact: bool) -> Iterator[str]:
    """Yield the differences, field by field.

    With *exact*, the content of files is known in both. If not, a plugin may have published a file at any URL.
    """
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old != new and (exact or _is_file(old) == _is_file(new)):
            yield f"`{name}` was {_shown(old)} and is {_shown(new)} now"


def unsigned(url: str) -> str:
    """Return a URL without its signature."""
    head, mark, query = url.partition("?")
    query, hash_, fragment = query.partition("#")
    parts = [part for part in query.split("&") if part]
    names = {_name(part) for part in parts}
    signs = _SIGNATURE | _BESIDE_SIG if "sig" in names else _SIGNATURE
    kept = "&".join(part for part in parts if _name(part) not in signs and not _name(part).startswith(_PREFIXES))
    return head + (mark if kept else "") + kept + hash_ + fragment


def _name(part: str) -> str:
    return part.partition("=")[0].lower()


def normal_inputs(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields for comparison: without API keys, signatures and fields that are not set."""
    given = {name: _plain(value) for name, value in fields.items() if value is not None and name != "extra"}
    masked: dict[str, Any] = json.loads(redact(json.dumps(given)))
    return masked


def _plain(value: Any) -> Any:
    """Return a value without signatures. A URL that contains the hash of its content is replaced by the hash."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if not isinstance(value, str) or not value.lower().startswith(("http://", "https://")):
        return value
    named = _CONTENT.fullmatch(urlsplit(value).path.rpartition("/")[2])
    return f"{_FILE}{named[1]}" if named else unsigned(value)


def _is_file(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(_FILE)


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    text = f"a file ({value[:19]}…)" if _is_file(value) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
