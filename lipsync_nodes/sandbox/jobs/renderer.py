"""A renderer: one worker process, kept warm, and a new one after it died."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lipsync_nodes.catalogue import NodeSpec
from lipsync_nodes.contract import Form

__all__ = ["Crashed", "Refused", "Renderer", "order_for", "take_name"]

# What ends the parent shall not end the worker in the middle of its imports, with a traceback: it ends with its pipe.
_START: Final = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from lipsync_nodes.sandbox.jobs.worker import main; main()"
)
# A terminal and a supervisor signal whole process groups. Both flags exist on Windows alone.
_APART: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
# The renderer's names for formState fields, where they differ.
_TAKE_NAMES: Final = {"left_audio": "audio", "mask_image": "mask"}


class Refused(Exception):
    """The job gave no video; the message is one sentence."""


class Crashed(Refused):
    """The worker died over the job, or was killed."""


def take_name(field: str) -> str:
    """Return what the renderer calls a formState field."""
    return _TAKE_NAMES.get(field, field)


def order_for(spec: NodeSpec, form: Form, media: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Put a form and its fetched media into an order for the worker; it takes the fields that it knows."""
    values = {field.name: getattr(form, field.name) for field in spec.fields if not field.media}
    values["short_side"] = int(form.resolution.removesuffix("p"))
    values["seed"] = (form.seed or 0) % 2**32
    return {
        "media": {take_name(name): str(path) for name, path in media.items()},
        "timed": {take_name(field.name): field.name for field in spec.media if field.media in _TIMED},
        "values": {name: value for name, value in values.items() if isinstance(value, str | int)},
        "out": str(out),
    }


_TIMED: Final = frozenset({"audio", "video"})


class Renderer:
    """Runs one order at a time in a process of its own; what kills that process fails one job alone.

    Args:
        patience: how many seconds it may work without a word before it counts as hanging, and is ended.

    """

    def __init__(self, patience: float = 120.0) -> None:
        self.patience = patience
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None while there is no process."""
        return self._process.pid if self._process else None

    async def run(self, order: Mapping[str, Any], news: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Carry out an order, pass on news, return what the worker says at the end.

        Raises Refused if it fails or hangs, Crashed if the worker died.
        """
        process = await self._running()
        try:
            last = await self._converse(process, order, news)
        except BaseException:
            await self.close()  # it is in the middle of something that nobody waits for
            raise
        if last is None:
            code = await self.close()
            raise Crashed(f"The preview renderer stopped unexpectedly (exit code {code}).")
        if "done" not in last:
            raise Refused(last.get("refused") or f"The preview renderer failed: {last['broken']}")
        done: dict[str, Any] = last["done"]
        return done

    async def close(self) -> int | None:
        """End the process and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.communicate()  # closes the pipes
        return process.returncode

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            await self.close()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _START, json.dumps(sys.path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,  # left out on Windows
                creationflags=_APART,
            )  # fmt: skip
        return self._process

    async def _converse(
        self, process: Process, order: Mapping[str, Any], news: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any] | None:
        assert process.stdin and process.stdout  # noqa: PT018, S101  # both are pipes
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        except ConnectionError:
            return None
        while line := await self._heard(process.stdout):
            message: dict[str, Any] = json.loads(line)
            if message.keys() & {"done", "refused", "broken"}:
                return message
            news(message)
        return None

    async def _heard(self, source: asyncio.StreamReader) -> bytes:
        """Return the next line, empty at the end."""
        try:
            async with asyncio.timeout(self.patience):
                return await source.readline()
        except TimeoutError:
            raise Refused(
                f"The preview renderer said nothing for {self.patience:g} s, so it was stopped. "
                "The media may be damaged in a way that it cannot cope with."
            ) from None
