"""The sandbox that a command starts for itself (`--sandbox`): its jobs are there again for the next command."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.settings import user_folder

__all__ = ["embedded"]


@contextmanager
def embedded() -> Iterator[tuple[Sandbox, Path]]:
    """Start a sandbox in the user's own folder, or in a temporary one while another process has that; give both."""
    home = user_folder(os.environ, xdg="XDG_STATE_HOME", fallback=".local/state") / "sandbox"
    home.mkdir(parents=True, exist_ok=True)
    with _owned(home) as own, tempfile.TemporaryDirectory(prefix="lipsync-sandbox-") as temporary:
        folder = home if own else Path(temporary)
        with Sandbox(folder) as sandbox:
            yield sandbox, folder


@contextmanager
def _owned(folder: Path) -> Iterator[bool]:
    """Hold the folder for this process, if nobody does: SQLite's lock is the one that every system has."""
    with closing(sqlite3.connect(folder / "owner.sqlite", timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
            return
        yield True
