"""The sandbox that a command starts for itself (`--sandbox`): its jobs are there again for the next command."""

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
    """Start a sandbox in the user's own folder and give both; *lasting* says that what it does must be found again.

    While another process has that folder, what need not last goes to a temporary one.

    Raises:
        ConfigurationError: the folder is taken or cannot be used.

    """
    folder = user_folder(xdg="XDG_STATE_HOME", fallback=".local/state") / "sandbox"
    with tempfile.TemporaryDirectory(prefix="lipsync-sandbox-", ignore_cleanup_errors=True) as spare:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sandbox = Sandbox(folder).start()
        except (ConfigurationError, OSError) as error:
            if lasting:
                raise ConfigurationError(
                    f"The embedded sandbox's folder {folder} is taken by another command, or cannot be used ({error}).",
                    hint="Wait for the other command, or start `lipsync-nodes sandbox` and set LIPSYNC_BASE_URL to it.",
                ) from None
            folder = Path(spare)
            sandbox = Sandbox(folder).start()
        with sandbox:
            yield sandbox, folder
