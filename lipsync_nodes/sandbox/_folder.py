"""The folder of a sandbox: one that was given, or a temporary one."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lipsync_nodes.errors import ConfigurationError

__all__ = ["Folder"]


class Folder:
    """Where a sandbox keeps its jobs, files and videos.

    Args:
        given: the folder; None for a temporary one in each run.

    """

    def __init__(self, given: Path | None) -> None:
        self._given = given
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def make(self) -> Path:
        """Return the folder to use; create a temporary one if none was given."""
        if self._given is not None:
            return Path(self._given)
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="lipsync-sandbox-", ignore_cleanup_errors=True)
        except OSError as error:
            reason = error.strerror or error
            raise ConfigurationError(code="sandbox.no_temporary_room", reason=reason) from None
        return Path(self._temporary.name)

    def clean_up(self) -> None:
        """Delete the temporary folder."""
        if self._temporary:
            self._temporary.cleanup()
            self._temporary = None
