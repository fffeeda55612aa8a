"""The sandbox in the foreground, for the command line: its log on stderr, and what stops it."""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from lipsync_nodes.sandbox.server.keys import Keys

__all__ = ["logging_to_stderr", "stop_signals"]

_STANDARD_ATTRIBUTES: Final = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "color_message"}
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


class _Formatter(logging.Formatter):
    """Plain lines or JSON lines, without API keys."""

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
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


@contextmanager
def logging_to_stderr(kind: str, key: str | None) -> Iterator[Callable[..., None]]:
    """Log to stderr within the context; gives the function that logs a message."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(kind, key))
    sandbox, uvicorn = logging.getLogger("lipsync_nodes.sandbox"), logging.getLogger("uvicorn.error")
    level = sandbox.level
    sandbox.setLevel(logging.INFO)
    for logger in (sandbox, uvicorn):
        logger.addHandler(handler)
    try:
        yield sandbox.info
    finally:
        sandbox.setLevel(level)
        for logger in (sandbox, uvicorn):
            logger.removeHandler(handler)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM within the context, instead of being interrupted by them.

    This works in the main thread only; in another thread the list stays empty. It is a list and not an Event, because a
    handler that sets an Event would deadlock if it interrupted that Event's own `wait`.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    # `nohup` and a shell's `&` ignore some signals, and that stays so.
    handled = [number for number in _STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, lambda which, _: received.append(which)) for number in handled}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
