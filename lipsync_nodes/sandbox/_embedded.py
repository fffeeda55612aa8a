"""The sandbox that a command starts for itself (`--sandbox`). The next command finds its jobs again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lipsync_nodes.errors import ConfigurationError
from lipsync_nodes.sandbox import Sandbox
from lipsync_nodes.settings import user_folder

__all__ = ["embedded"]


@contextmanager
def embedded(*, lasting: bool) -> Iterator[tuple[Sandbox, Path]]:
    """Start a sandbox in the user's own folder; yields the sandbox and the folder.

    If another process uses that folder, and later commands need not find the jobs, a temporary folder is used instead.

    Args:
        lasting: whether later commands must find the jobs.

    Raises:
        ConfigurationError: the folder is in use, or cannot be used.

    """
    folder = user_folder(xdg="XDG_STATE_HOME", fallback=".local/state") / "sandbox"
    with tempfile.TemporaryDirectory(prefix="lipsync-sandbox-", ignore_cleanup_errors=True) as temporary:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sandbox = Sandbox(folder).start()
        except (ConfigurationError, OSError) as error:
            if lasting:
                raise ConfigurationError(
                    code="sandbox.folder_taken", folder=folder, reason=str(error), remedy="wait_or_own_sandbox"
                ) from None
            folder = Path(temporary)
            sandbox = Sandbox(folder).start()
        with sandbox:
            yield sandbox, folder
