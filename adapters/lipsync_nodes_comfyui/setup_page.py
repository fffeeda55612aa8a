"""The page `/lipsync-setup` of ComfyUI's server: where the API key goes on this system, and a check of the key.

The page has no field for the key, and no answer contains it. It is not below `/lipsync/`, which a proxy may open to the
outside for webhooks. It works without JavaScript.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import Final, Literal
from urllib.parse import urlsplit

from aiohttp import web
from server import PromptServer

from lipsync_nodes import LipsyncError
from lipsync_nodes.host import load_profile, profiles_file

from .language import in_comfyui, language
from .preview import profile_of

__all__ = ["add_setup_page"]

PACK: Final = Path(__file__).parent
PATH: Final = "/lipsync-setup"
TEMPLATE: Final = "lipsync_preview_then_pay"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}
WORDS: Final = {
    "en": {
        "key": "ComfyUI has an API key (profile <code>{profile}</code>, for {base_url}).",
        "none": "ComfyUI has no API key (profile <code>{profile}</code>).",
        "local": "ComfyUI uses a server on this machine, which needs no API key: {base_url}.",
        "yes": "Yes: the service accepts the key.",
        "no": "No: the key could not be confirmed. ComfyUI's log says why.",
        "chmod": "<p>Only you may read it: <code>chmod 600 '{file}'</code></p>",
        "setx": "and open a new window",
    },
    "zh": {
        "key": "ComfyUI 已有 API 密钥（配置 <code>{profile}</code>，用于 {base_url}）。",
        "none": "ComfyUI 没有 API 密钥（配置 <code>{profile}</code>）。",
        "local": "ComfyUI 使用本机的服务器，不需要 API 密钥：{base_url}。",
        "yes": "是：服务接受该密钥。",
        "no": "否：密钥未能确认。原因见 ComfyUI 的日志。",
        "chmod": "<p>该文件须仅本人可读：<code>chmod 600 '{file}'</code></p>",
        "setx": "然后打开新窗口",
    },
}
Language = Literal["en", "zh"]
log = logging.getLogger("lipsync_nodes")


def add_setup_page() -> None:
    """Add the routes while ComfyUI loads."""
    if (server := getattr(PromptServer, "instance", None)) is None:
        return
    one_at_a_time = asyncio.Lock()
    server.routes.get(PATH)(_show)
    server.routes.get(f"{PATH}/check")(_show)  # the address that the browser shows after a check
    server.routes.post(f"{PATH}/check")(partial(_check, one_at_a_time))


async def _show(request: web.Request) -> web.Response:
    """Show the page."""
    return await _answered(request, "")


async def _check(one_at_a_time: asyncio.Lock, request: web.Request) -> web.Response:
    """Answer only whether the service accepts the key."""
    if not _is_own(request):
        raise web.HTTPForbidden
    async with one_at_a_time:
        accepted = await asyncio.to_thread(_accepted)
    kind = "yes" if accepted else "no"
    return await _answered(request, f'<p class="{kind}">{WORDS[_language(request)][kind]}</p>')


def _is_own(request: web.Request) -> bool:
    """Return whether a page of this server sent the request, and not a page of another site."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "same-origin")
    return site in {"same-origin", "none"} and (origin is None or urlsplit(origin).netloc == request.host)


def _accepted() -> bool:
    from lipsync_nodes.host import check_service  # noqa: PLC0415  # httpx is not loaded at ComfyUI's start

    try:
        check_service(profile_of(""))
    except LipsyncError as error:
        log.warning("The API key could not be confirmed: %s", in_comfyui(error))
        return False
    return True


async def _answered(request: web.Request, answer: str) -> web.Response:
    page = await asyncio.to_thread(_page, _language(request), answer)
    return web.Response(text=page, content_type="text/html", headers=HEADERS)


def _language(request: web.Request) -> Language:
    """Return the language that was asked for, or that of ComfyUI or of the browser."""
    known = request.query.get("lang") or language()
    if known.startswith("zh") or (known != request.query.get("lang") and _prefers_chinese(request)):
        return "zh"
    return "en"


def _prefers_chinese(request: web.Request) -> bool:
    return request.headers.get("Accept-Language", "").lower().startswith("zh")


def _page(lang: Language, answer: str) -> str:
    words, text = WORDS[lang], (PACK / "setup" / f"{lang}.html").read_text(encoding="utf-8")
    windows = sys.platform == "win32"
    has_key, state = _state(words, lang)
    file = _or_error(lambda: str(profiles_file()), lang)
    return Template(text).substitute(
        answer=answer,
        has_key=has_key,
        state=state,
        command=f"setx LIPSYNC_API_KEY sk_…   ({words['setx']})" if windows else "export LIPSYNC_API_KEY=sk_…",
        file=escape(file),
        chmod="" if windows else words["chmod"].format(file=escape(file)),
        template=TEMPLATE,
        pack=PACK.name,
    )


def _state(words: dict[str, str], lang: Language) -> tuple[str, str]:
    """Return the class and the text of the line that says whether there is a key."""
    try:
        profile = load_profile(ask_plugins=False)
    except LipsyncError as error:
        return "no", escape(str(error.speak("comfyui", lang)))
    kind = "key" if profile.api_key else "local" if profile.local else "none"
    known = {"profile": escape(profile.name), "base_url": escape(profile.base_url)}
    return "no" if kind == "none" else "yes", words[kind].format(**known)


def _or_error(look: Callable[[], str], lang: Language) -> str:
    try:
        return look()
    except LipsyncError as error:
        return str(error.speak("comfyui", lang))
