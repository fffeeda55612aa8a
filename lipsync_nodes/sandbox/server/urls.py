"""Which media and webhook URLs the sandbox takes: one pattern, checked by the server and told by the OpenAPI document.

It is narrower than the client's check, which lets everything pass that might be a URL: here the URL is going to be
fetched.
"""

from __future__ import annotations

import re
from typing import Final

from lipsync_nodes.fields import MEDIA_URL as PATTERN
from lipsync_nodes.fields import WEBHOOK_URL as WEBHOOK_PATTERN

__all__ = ["PATTERN", "WEBHOOK_PATTERN", "check_url", "check_webhook"]

_COMPILED: Final = re.compile(PATTERN.removeprefix("^").removesuffix("$"))
_WEBHOOK: Final = re.compile(WEBHOOK_PATTERN.removeprefix("^").removesuffix("$"))


def check_url(url: str) -> str:
    """Return *url* unchanged, or raise ValueError if it cannot be fetched as it is."""
    if not _COMPILED.fullmatch(url):
        raise ValueError("must be an http(s) URL with a host, all unusual characters percent-encoded")
    return url


def check_webhook(url: str) -> str:
    """Return *url* unchanged, or raise ValueError if no webhook may be sent there."""
    if not _WEBHOOK.fullmatch(url):
        raise ValueError("must be an https URL (http on this machine only), all unusual characters percent-encoded")
    return url
