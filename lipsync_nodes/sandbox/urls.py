"""Which media and webhook URLs the sandbox takes: one pattern, checked by the server and told by the OpenAPI document.

It is narrower than the client's check, which lets everything pass that might be a URL: here the URL is going to be
fetched. Letters of the common scripts may stand in a path as they are.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["PATTERN", "check_url"]

_LOGIN: Final = r"([A-Za-z0-9._~!$&'()*+,;=%:-]+@)?"
_HOST: Final = r"([A-Za-z0-9._-]+|\[::1\]|\[[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){7}\])"
_PORT: Final = r"(:([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
# ASCII, Latin, Cyrillic, kana, Chinese, Korean.
_LETTERS: Final = (
    "!-~\u00a1-\u00ac\u00ae-\u024f\u0400-\u0482\u048a-\u052f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"
)
PATTERN: Final = rf"^[Hh][Tt][Tt][Pp][Ss]?://{_LOGIN}{_HOST}{_PORT}([/?#][{_LETTERS}]*)?$"
_COMPILED: Final = re.compile(PATTERN.removeprefix("^").removesuffix("$"))


def check_url(url: str) -> str:
    """Return *url* unchanged, or raise ValueError if it cannot be fetched as it is."""
    if not _COMPILED.fullmatch(url):
        raise ValueError("must be an http(s) URL with a host, all unusual characters percent-encoded")
    return url
