"""Unexpected errors, that is, bugs of this program: one sentence, and the traceback with `LIPSYNC_DEBUG=1`."""

from __future__ import annotations

import os
import sys
import traceback

from lipsync_nodes import LipsyncError
from lipsync_nodes.host import redact

__all__ = ["Unexpected", "unexpected"]


class Unexpected(LipsyncError):
    """A bug of this program."""

    default_hint = (
        "This is a fault of lipsync-nodes: please report it, with what the same command shows under LIPSYNC_DEBUG=1."
    )


def unexpected(error: Exception, where: str = "", *, may_have_charged: bool = False) -> Unexpected:
    """Turn an unexpected error into a `LipsyncError` with a message."""
    if os.environ.get("LIPSYNC_DEBUG"):
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    what = f"{type(error).__name__}: {error}".rstrip(": ")[:1000]
    return Unexpected(f"{where}: {what}." if where else f"{what}.", may_have_charged=may_have_charged)
