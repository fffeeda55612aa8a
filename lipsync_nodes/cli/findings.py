"""The results of checks: one line for each, and what to do if something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import NoReturn, TypedDict

from lipsync_nodes import LipsyncError
from lipsync_nodes.cli.speak import say, show
from lipsync_nodes.cli.trouble import in_our_words

__all__ = ["Finding", "finding", "report", "tried"]


class Finding(TypedDict):
    """One check.

    Attributes:
        check: what was checked.
        ok: whether it is as it should be.
        found: what was found.
        do: what to do if it is not ok; empty otherwise.
        needed: whether the nodes cannot be used without it.

    """

    check: str
    ok: bool
    found: str
    do: str
    needed: bool


def finding(check: str, ok: bool, found: str, do: str = "", *, needed: bool = True) -> Finding:
    """Return a finding. *do* is used only if it is not ok."""
    return {"check": check, "ok": ok, "found": found, "do": "" if ok else do, "needed": needed}


def tried(check: str, look: Callable[[], str]) -> Finding:
    """Return a finding with the result of *look*, or with the error that it raises."""
    try:
        return finding(check, True, look())
    except LipsyncError as error:
        in_our_words(error)
        return finding(check, False, error.message, error.hint)


def report(findings: Iterable[Finding], *, as_json: bool) -> NoReturn:
    """Print all findings and exit with 0, or with 2 if something needed is wrong."""
    all_ = list(findings)
    bad = any(one["needed"] and not one["ok"] for one in all_)
    if as_json:
        show({"ok": not bad, "checks": all_}, as_json=True)
    else:
        for one in all_:
            mark = "ok" if one["ok"] else "NO" if one["needed"] else "--"
            say(f"{mark}  {one['check']}: {one['found']}")
            for number, line in enumerate(one["do"].splitlines()):
                say(f"     {' ' if number else '→'} {line}")
    sys.exit(2 if bad else 0)
