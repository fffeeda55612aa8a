"""Keeps webhook tokens, which are part of a request's path, out of the logs of servers and HTTP clients."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from lipsync_nodes._redaction import redact

LOGGERS: Final = (
    "uvicorn.access", "uvicorn.asgi", "hypercorn.access", "gunicorn.access", "aiohttp.access", "tornado.access",
    "werkzeug", "django.request", "django.server", "httpx",
)  # fmt: skip


def keep_tokens_out_of_logs() -> None:
    """Mask webhook tokens in the logs of common servers, however logging is configured."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_mask)


def _mask(record: logging.LogRecord) -> bool:
    """Mask the tokens in a record. Its arguments stay separate, because some formatters use them one by one."""
    record.msg = redact(str(record.msg))
    if isinstance(record.args, Mapping):
        record.args = {name: _masked(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_masked, record.args))
    return True


def _masked(value: object) -> object:
    return value if isinstance(value, int | float) else redact(str(value))
