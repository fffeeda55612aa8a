"""The server as a process of its own, and the official client, over stdio and HTTP. All that passes is recorded."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, contextmanager

from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from lipsync_nodes.sandbox import MEDIA

# It logs everything, and says which process it is, so that it can be killed.
START = """
import logging, os, sys
logging.basicConfig(level=logging.DEBUG)
with open(os.environ["PID_FILE"], "w") as file:
    file.write(str(os.getpid()))
from lipsync_nodes.cli import main
main()
"""
INPUTS = {"image": "portrait.jpg", "audio": "speech_left.mp3"}
CREDITS = 12  # of these inputs
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


class Site:
    """A folder with media, the settings of the servers that are started there, and what passed."""

    def __init__(self, folder, **env):
        self.root = folder / "root"
        self.root.mkdir()
        for name in ("portrait.jpg", "duet.jpg", "speech_left.mp3", "speech_right.mp3"):
            shutil.copy(MEDIA / name, self.root / name)
        self.log, self.pid_file = folder / "server.log", folder / "pid"
        known = {name: value for name, value in os.environ.items() if not name.startswith("LIPSYNC_")}
        homes = dict.fromkeys(("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(folder))
        self.env = {**known, **homes, "PID_FILE": str(self.pid_file), "LIPSYNC_LEDGER": str(folder / "ledger"), **env}
        self.passed, self.url = [], None

    @property
    def noise(self):
        """What came over stdout that is no message."""
        return [item for item in self.passed if isinstance(item, Exception)]

    @property
    def text(self):
        """Everything that was sent, received and logged."""
        return "\n".join(map(str, self.passed)) + self.log.read_text("utf-8")

    @asynccontextmanager
    async def client(self, *options, kind="stdio", root=True, **more):
        """Start a server, and connect a client to it."""
        options = [*(("--root", self.root) if root else ()), *options]
        if kind == "http":
            with self.serving(*options):
                async with self.connected(**more) as client:
                    yield client
            return
        server = StdioServerParameters(command=sys.executable, args=self._words(options), env=self.env)
        with self.log.open("a", encoding="utf-8") as log:
            async with Client(self._recorded(stdio_client(server, log)), **more) as client:
                yield client

    @contextmanager
    def serving(self, *options):
        """Start a server that listens."""
        words = [sys.executable, *self._words(options), "--http", "--port", "0"]
        with self.log.open("a", encoding="utf-8") as log:
            before = self.log.stat().st_size
            process = subprocess.Popen(words, env=self.env, stderr=log)
            try:
                self._listens(before)
                yield
            finally:
                process.kill()
                process.wait()

    @asynccontextmanager
    async def connected(self, **more):
        """Connect a client to the server that listens."""
        async with Client(self._recorded(streamable_http_client(self.url)), **more) as client:
            yield client

    def _words(self, options):
        return ["-c", START, "mcp", *map(str, options)]

    def kill(self):
        os.kill(int(self.pid_file.read_text()), KILL)

    def _listens(self, before):
        """Wait until the server says where it listens."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            said = self.log.read_bytes()[before:].decode()
            if found := re.search(r"MCP server: (http://127\.0\.0\.1:\d+/mcp)\n", said):
                self.url = found[1]
                return
            time.sleep(0.05)
        raise AssertionError(said)

    @asynccontextmanager
    async def _recorded(self, transport):
        async with transport as (read, write):
            yield _Stream(read, self.passed), _Stream(write, self.passed)


class _Stream:
    """A stream that keeps what passes."""

    def __init__(self, stream, passed):
        self._stream, self._passed = stream, passed

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def _keep(self, item):
        self._passed.append(item if isinstance(item, Exception) else item.message.model_dump_json())
        return item

    async def send(self, item):
        await self._stream.send(self._keep(item))

    async def receive(self):
        return self._keep(await self._stream.receive())

    def __aiter__(self):
        return self

    async def __anext__(self):
        return self._keep(await self._stream.__anext__())

    async def __aenter__(self):
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error):
        return await self._stream.__aexit__(*error)
