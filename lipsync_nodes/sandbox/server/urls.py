"""Which media URLs and callback URLs the sandbox accepts. The OpenAPI document states the same patterns.

The check is stricter than the client's, which accepts whatever might be a URL: the sandbox has to fetch these.
"""

from __future__ import annotations

import re
from typing import Final

from lipsync_nodes.service import MEDIA_URL as MEDIA_PATTERN
from lipsync_nodes.service import WEBHOOK_URL as WEBHOOK_PATTERN

__all__ = ["MEDIA_PATTERN", "WEBHOOK_PATTERN", "check_media_url", "check_webhook_url"]

_MEDIA: Final = re.compile(MEDIA_PATTERN.removeprefix("^").removesuffix("$"))
_WEBHOOK: Final = re.compile(WEBHOOK_PATTERN.removeprefix("^").removesuffix("$"))


def check_media_url(url: str) -> str:
    """Return *url* unchanged, or raise ValueError if it cannot be fetched as it is."""
    if not _MEDIA.fullmatch(url):
        raise ValueError("must be an http(s) URL with a host, all unusual characters percent-encoded")
    return url


def check_webhook_url(url: str) -> str:
    """Return *url* unchanged, or raise ValueError if it cannot be a callback URL."""
    if not _WEBHOOK.fullmatch(url):
        raise ValueError("must be an https URL (http on this machine only), all unusual characters percent-encoded")
    return url
