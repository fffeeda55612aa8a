"""Renders in a worker process, which is kept for the next job and replaced when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from lipsync_nodes.errors import LipsyncError
from lipsync_nodes.service import Form, NodeSpec

__all__ = ["RenderFailed", "Renderer", "WorkerDied", "order_for"]

# A signal to all processes must not end the worker during its imports, with a traceback. It ends when its pipe closes.
_START: Final = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from lipsync_nodes.sandbox.jobs.worker import main; main()"
)
# Terminals and supervisors send signals to whole process groups, so the worker gets its own group. Both flags
# exist on Windows only.
_OWN_GROUP: Final = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
# numpy's threads wait for work in a loop. That costs more than they save, and takes the processor from other workers.
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1"}
# The names that `RenderInput` has for formState fields, where they differ.
_INPUT_NAMES: Final = {"left_audio": "audio", "mask_image": "mask"}


class RenderFailed(LipsyncError):
    """No video was rendered."""


class WorkerDied(RenderFailed):
    """The worker died during the job, or was killed."""


def order_for(spec: NodeSpec, form: Form, media: Mapping[str, Path], out: Path) -> dict[str, Any]:
    """Return the order for the worker: a form and its downloaded media. The worker ignores values it does not know."""
    values = {field.name: getattr(form, field.name) for field in spec.fields if not field.media}
    values["short_side"] = int(form.resolution.removesuffix("p"))
    values["seed"] = None if form.seed is None else form.seed % 2**32
    names = _input_names(spec)
    return {
        "media": {names[name]: str(path) for name, path in media.items()},
        "timed": {names[field.name]: field.name for field in spec.timed if field.name in media},
        "values": {name: value for name, value in values.items() if isinstance(value, str | int)},
        "out": str(out),
    }


def _input_names(spec: NodeSpec) -> dict[str, str]:
    """Return the names that `RenderInput` has for an endpoint's media. The first audio is `audio` if none else is."""
    names = {field.name: _INPUT_NAMES.get(field.name, field.name) for field in spec.media}
    audios = [field.name for field in spec.media if field.media == "audio"]
    return names if "audio" in names.values() or not audios else names | {audios[0]: "audio"}


class Renderer:
    """Runs one order at a time in a worker process. If the process dies, only that one job fails.

    Args:
        timeout: how many seconds the worker may go without a report. After that it counts as hanging and is killed.

    """

    def __init__(self, timeout: float = 120.0) -> None:
        self.timeout = timeout
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The worker's process id, or None if there is no worker."""
        return self._process.pid if self._process else None

    async def run(self, order: Mapping[str, Any], news: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Run an order, pass its reports to *news*, and return the facts of the video.

        Raises RenderFailed if it fails or hangs, WorkerDied if the worker died.
        """
        process = await self._start_worker()
        try:
            last = await self._exchange(process, order, news)
        except BaseException:
            await self.close()  # it is still busy with this order
            raise
        if last is None:
            code = await self.close()
            raise WorkerDied(code="sandbox.renderer_died", exit_code=code)
        if "refused" in last:
            raise RenderFailed(**last["refused"])
        if "broken" in last:
            raise RenderFailed(code="sandbox.renderer_failed", reason=last["broken"])
        done: dict[str, Any] = last["done"]
        return done

    async def close(self) -> int | None:
        """Kill the worker and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.communicate()  # closes the pipes
        return process.returncode

    async def _start_worker(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            await self.close()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _START, json.dumps(sys.path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | _ONE_THREAD,
                start_new_session=True,  # no effect on Windows
                creationflags=_OWN_GROUP,
            )  # fmt: skip
        return self._process

    async def _exchange(
        self, process: Process, order: Mapping[str, Any], news: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any] | None:
        assert process.stdin and process.stdout  # noqa: PT018, S101  # both are pipes
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
        except ConnectionError:
            return None
        while line := await self._read_line(process.stdout):
            message: dict[str, Any] = json.loads(line)
            if message.keys() & {"done", "refused", "broken"}:
                return message
            news(message)
        return None

    async def _read_line(self, source: asyncio.StreamReader) -> bytes:
        """Return the next line; it is empty at the end."""
        try:
            async with asyncio.timeout(self.timeout):
                return await source.readline()
        except TimeoutError:
            raise RenderFailed(code="sandbox.renderer_hung", seconds=self.timeout) from None
