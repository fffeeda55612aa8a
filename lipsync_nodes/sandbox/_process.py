"""A sandbox in a process of its own, for a host that runs for long. It ends with the host, also if that is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox._needs import require
from lipsync_nodes.sandbox._sandbox import Sandbox
from lipsync_nodes.settings import EMBEDDED_ACCOUNT, Profile

__all__ = ["SandboxProcess"]

_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from lipsync_nodes.sandbox._process import main; main(*sys.argv[2:])"
)
# A checkout in ComfyUI's `custom_nodes` is not on the path.
_ROOT: Final = str(Path(__file__).parents[2])
# Exists on Windows only.
_NO_WINDOW: Final = getattr(subprocess, "CREATE_NO_WINDOW", 0)
# How often to check whether the parent process is still there, in seconds.
_LOOK_EVERY: Final = 1.0
_LEAVES_WITHIN: Final = 5.0


class SandboxProcess:
    """One sandbox for all threads of this process. It is started by the first `profile`, and again if it has died.

    Args:
        folder: the folder for jobs, files and videos, which the next start finds again.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._base_url = ""

    def profile(self) -> Profile:
        """Start the sandbox, unless it runs, and return its profile. The account in the ledger is that of the folder.

        Raises:
            ConfigurationError: the extra `sandbox` is not installed, or the folder is in use.

        """
        require()
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._end()
                self._process = self._started()
        place = sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Profile(name="sandbox", base_url=self._base_url, account_name=f"{EMBEDDED_ACCOUNT} {place}")

    def stop(self) -> None:
        """End the sandbox, if it runs."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.communicate()  # closes its stdin, which ends it

    def _started(self) -> subprocess.Popen[str]:
        """Start the process, and wait until it says where it listens."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LIPSYNC_")}
        process = subprocess.Popen(  # noqa: S603  # this Python
            [sys.executable, "-c", _START, json.dumps([*sys.path, _ROOT]), str(self.folder), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=environment,
            start_new_session=True,  # Ctrl-C in a terminal is for the parent, which ends it; no effect on Windows
            creationflags=_NO_WINDOW,
        )
        assert process.stdout  # noqa: S101  # it is a pipe
        said = json.loads(process.stdout.readline() or "{}")
        if "base_url" not in said:
            process.communicate()
            reason = said.get("reason") or f"exit code {process.returncode}"
            raise ConfigurationError(
                code="sandbox.folder_taken", folder=self.folder, reason=reason, remedy="wait_or_own_sandbox"
            )
        self._base_url = said["base_url"]
        return process


def _opened(folder: Path) -> Sandbox:
    """Start in the folder. That of a host which was just killed may need a moment to leave it."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + _LEAVES_WITHIN
    while True:
        try:
            return Sandbox(folder).start()
        except ConfigurationError:
            if time.monotonic() > ends:
                raise
            time.sleep(_LOOK_EVERY / 4)


def main(folder: str, parent: str) -> None:
    """Run a sandbox until the parent process closes the pipe, or has ended."""
    said: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes to stderr

    def say(**facts: Any) -> None:
        said.write(json.dumps(facts) + "\n")
        said.flush()

    try:
        sandbox = _opened(Path(folder))
    except (ConfigurationError, OSError) as error:
        say(reason=str(error))
        return
    with sandbox:
        say(base_url=sandbox.base_url)
        reader = threading.Thread(target=sys.stdin.read, daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(_LOOK_EVERY)
            if os.name == "posix" and os.getppid() != int(parent):
                return  # a forked child of the parent keeps the pipe open
