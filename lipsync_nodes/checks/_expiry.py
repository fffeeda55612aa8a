"""Reads from a signed URL until when it is valid."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, urlsplit

# The parameters that prove a signature, in lower case; without one, `Expires` may mean anything.
_SIGNED: Final = frozenset({"signature", "sig", "x-amz-signature", "x-goog-signature", "x-oss-signature"})
# Amazon's fourth version and those that copy it: when it was signed, and for how many seconds.
_DATED: Final = ("x-amz-", "x-goog-", "x-oss-")
# What is later is no time in seconds.
_LATEST: Final = 1e11


def expires_at(url: str) -> float | None:
    """Return the end of a signed URL in seconds since 1970; None if it is not signed, or does not say."""
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    if not _SIGNED & query.keys():
        return None
    with suppress(ValueError, OverflowError, KeyError, TypeError):
        end = _dated(query) or _azure(query) or _plain(query) or _policy(query)
        return end if end is not None and 0 <= end < _LATEST else None
    return None


def _dated(query: Mapping[str, str]) -> float | None:
    for prefix in _DATED:
        if f"{prefix}date" in query and f"{prefix}expires" in query:
            signed = datetime.strptime(query[f"{prefix}date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return signed.timestamp() + int(query[f"{prefix}expires"])
    return None


def _azure(query: Mapping[str, str]) -> float | None:
    if "se" not in query or "sig" not in query:
        return None
    end = datetime.fromisoformat(query["se"])
    return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()


def _plain(query: Mapping[str, str]) -> float | None:
    """Amazon's second version, CloudFront, Google's and Alibaba's first: seconds since 1970."""
    return float(int(query["expires"])) if "expires" in query else None


def _policy(query: Mapping[str, str]) -> float | None:
    """CloudFront's own policies, as JSON in a Base64 of their own."""
    if "policy" not in query:
        return None
    text = query["policy"].translate(str.maketrans("-_~", "+=/"))
    (statement,) = json.loads(base64.b64decode(text))["Statement"]
    return float(statement["Condition"]["DateLessThan"]["AWS:EpochTime"])
