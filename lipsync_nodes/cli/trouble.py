"""Unexpected errors, that is, bugs of this program: one sentence, and the traceback with `LIPSYNC_DEBUG=1`."""

from __future__ import annotations

import locale
import os
import sys
import traceback
from typing import TypeVar

from lipsync_nodes import LipsyncError
from lipsync_nodes.host import redact

__all__ = ["Unexpected", "in_our_words", "language", "unexpected"]

AnyError = TypeVar("AnyError", bound=LipsyncError)


class Unexpected(LipsyncError):
    """A bug of this program."""

    default_code = "cli.unexpected"
    default_remedy = ("report_fault",)


def in_our_words(error: AnyError) -> AnyError:
    """Make an error use the terms of the command line, and the language of `LIPSYNC_LANG` or of the locale."""
    return error.speak("cli", language())


def language() -> str:
    """Return the language of `LIPSYNC_LANG` or of the locale, as a tag."""
    named = (os.environ.get(name) for name in ("LIPSYNC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, named), None) or locale.getlocale()[0] or "en"


def unexpected(error: Exception, where: str = "", *, may_have_charged: bool = False) -> Unexpected:
    """Turn an unexpected error into a `LipsyncError` with a message."""
    if os.environ.get("LIPSYNC_DEBUG"):
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    failure = Unexpected(
        code="cli.unexpected", kind=type(error).__name__, words=str(error)[:1000], may_have_charged=may_have_charged
    )
    return in_our_words(failure.at(where) if where else failure)
