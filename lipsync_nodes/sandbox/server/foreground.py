"""The log of a sandbox in the foreground: plain lines or JSON lines on stderr, no API key in either."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from lipsync_nodes.sandbox.server.responses import Keys

__all__ = ["logging_to_stderr"]

_USUAL: Final = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "color_message"}


class _Lines(logging.Formatter):
    def __init__(self, kind: str, key: str | None) -> None:
        super().__init__("%(asctime)s %(message)s", "%H:%M:%S")
        self._json = kind == "json"
        self._mask = Keys(key).mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(self._as_json(record) if self._json else super().format(record))

    def _as_json(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


@contextmanager
def logging_to_stderr(kind: str, key: str | None) -> Iterator[Callable[..., None]]:
    """Log to stderr as long as the context lasts; gives what says a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(kind, key))
    ours, theirs = logging.getLogger("lipsync_nodes.sandbox"), logging.getLogger("uvicorn.error")
    before = ours.level
    ours.setLevel(logging.INFO)
    for logger in (ours, theirs):
        logger.addHandler(handler)
    try:
        yield ours.info
    finally:
        ours.setLevel(before)
        for logger in (ours, theirs):
            logger.removeHandler(handler)
