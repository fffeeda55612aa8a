"""The sandbox that a command starts for itself (`--sandbox`): its jobs are there again for the next command."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.settings import user_folder

__all__ = ["embedded"]


@contextmanager
def embedded() -> Iterator[tuple[Sandbox, Path]]:
    """Start a sandbox in the user's own folder, or in a temporary one while another process has that; give both."""
    folder = user_folder(os.environ, xdg="XDG_STATE_HOME", fallback=".local/state") / "sandbox"
    with tempfile.TemporaryDirectory(prefix="lipsync-sandbox-", ignore_cleanup_errors=True) as spare:
        try:
            sandbox = Sandbox(folder).start()
        except ConfigurationError:
            folder = Path(spare)
            sandbox = Sandbox(folder).start()
        with sandbox:
            yield sandbox, folder
