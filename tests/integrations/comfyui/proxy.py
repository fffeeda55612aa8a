"""A reverse proxy as in front of a ComfyUI: it lets through the paths that the README names, and no other."""

import asyncio
import re
import threading
from typing import NamedTuple

import aiohttp
from aiohttp import web

from tests.integrations.comfyui.servers import PACK

HOP = {"transfer-encoding", "connection", "keep-alive", "content-length"}


class Passed(NamedTuple):
    method: str
    path: str
    status: int
    agent: str


def public_paths():
    """Return the pattern in the README's lines for nginx, Caddy and a tunnel, which all have the same.

    nginx compares a normalized path, so its line forwards what the pattern matched and not the path as it came.
    """
    text = (PACK / "README.md").read_text(encoding="utf-8")
    patterns = re.findall(r"\^\(?/lipsync/files/[^\s\"]+\$", text)
    assert len(patterns) == 3
    (pattern,) = {re.sub("[()]", "", one) for one in patterns}
    return re.compile(pattern)


class Proxy:
    """Forward to a port of this machine, in a thread of its own."""

    def __init__(self, port):
        self.target, self.passed, self._loop = port, [], asyncio.new_event_loop()
        self._pattern = public_paths()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request):
        if not self._pattern.search(request.path):
            return web.Response(status=404)
        url = f"http://127.0.0.1:{self.target}{request.raw_path}"
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, headers=request.headers) as answer,
        ):
            body = await answer.read()
            headers = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
            if request.method == "HEAD":
                headers["Content-Length"] = answer.headers["Content-Length"]
            self.passed.append(
                Passed(request.method, request.path, answer.status, request.headers.get("User-Agent", ""))
            )
            return web.Response(status=answer.status, body=body or None, headers=headers)
