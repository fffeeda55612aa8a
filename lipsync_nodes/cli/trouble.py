"""A mistake of this program is said in a sentence; where it is made shows `LIPSYNC_DEBUG=1`."""

from __future__ import annotations

import os
import sys
import traceback

from lipsync_nodes import LipsyncError
from lipsync_nodes.host import redact

__all__ = ["Unexpected", "unexpected"]


class Unexpected(LipsyncError):
    """Something that this program did not foresee."""

    default_hint = (
        "This is a fault of lipsync-nodes: please report it, with what the same command shows under LIPSYNC_DEBUG=1."
    )


def unexpected(error: Exception, where: str = "", *, may_have_charged: bool = False) -> Unexpected:
    """Put an error that nobody foresaw into words."""
    if os.environ.get("LIPSYNC_DEBUG"):
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    what = f"{type(error).__name__}: {error}".rstrip(": ")[:1000]
    return Unexpected(f"{where}: {what}." if where else f"{what}.", may_have_charged=may_have_charged)
