"""`doctor`: what is set up, what is not, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Final

import click

from lipsync_nodes import __version__
from lipsync_nodes.assets import rehearse
from lipsync_nodes.cli.session import Session, common_options
from lipsync_nodes.cli.speak import show
from lipsync_nodes.errors import JobNotFound, LipsyncError
from lipsync_nodes.flow import NO_JOB
from lipsync_nodes.settings import load_profile, profiles_file

__all__ = ["doctor"]

EXTRAS: Final = {
    "sandbox": ("starlette", "uvicorn", "numpy", "cv2", "av"),
    "storage": ("obstore", "av"),
}
ADAPTERS: Final = {"comfyui": "comfy", "airflow": "airflow", "pluggy": "pluggy"}


@click.command()
@click.option("--storage", is_flag=True, help="Put, fetch and delete a small file where local inputs go.")
@common_options
def doctor(session: Session, storage: bool) -> None:
    """Check the key, the base URL, the extras and the adapters, and say what to do."""
    findings = [*_installation(), *_account(session), *(_storage(session) if storage else ())]
    bad = [finding for finding in findings if not finding["ok"]]
    if session.as_json:
        show({"ok": not bad, "checks": findings}, as_json=True)
    else:
        for finding in findings:
            click.echo(f"{'ok ' if finding['ok'] else 'NO '} {finding['check']}: {finding['found']}")
            if not finding["ok"]:
                click.echo(f"     → {finding['do']}")
    sys.exit(2 if bad else 0)


def _finding(check: str, ok: bool, found: str, do: str = "") -> dict[str, Any]:
    return {"check": check, "ok": ok, "found": found, "do": do}


def _installation() -> Iterator[dict[str, Any]]:
    yield _finding("version", True, f"lipsync-nodes {__version__}, Python {sys.version.split()[0]}")
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if not _there(module)]
        found = f"not installed; if you want it: pip install 'lipsync-nodes[{extra}]'" if missing else "installed"
        yield _finding(f"extra {extra}", True, found)
    for adapter, host in ADAPTERS.items():
        there = "its host is here" if _there(host) else f"its host ({host}) is not in this Python"
        yield _finding(f"adapter {adapter}", _there(f"lipsync_nodes_{adapter}"), there, "Reinstall lipsync-nodes.")


def _there(module: str) -> bool:
    return find_spec(module) is not None


def _account(session: Session) -> Iterator[dict[str, Any]]:
    yield _try("profiles file", lambda: str(profiles_file()) + ("" if profiles_file().is_file() else " (none, fine)"))
    if session.use_sandbox:
        yield _try("sandbox", lambda: _answers(session))
        return
    profile = _try("profile", lambda: _describe(session))
    yield profile
    if profile["ok"]:
        yield _try("service", lambda: _answers(session))


def _storage(session: Session) -> Iterator[dict[str, Any]]:
    """Rehearse the way of a local file; the first step that fails is the last."""
    step = "set-up"
    try:
        with session.opened() as to:
            for step in rehearse(to.profile):
                yield _finding(f"storage: {step}", True, "tried")
    except LipsyncError as error:
        yield _finding(f"storage: {step} failed", False, error.message, error.hint)


def _try(check: str, look: Callable[[], str]) -> dict[str, Any]:
    try:
        return _finding(check, True, look())
    except LipsyncError as error:
        return _finding(check, False, error.message, error.hint)


def _describe(session: Session) -> str:
    profile = load_profile(session.profile, base_url=session.base_url)
    profile.bearer()
    return f"{profile.name!r}, a key is set, base URL {profile.base_url}"


def _answers(session: Session) -> str:
    with session.client() as (client, _):
        with suppress(JobNotFound):
            client.job(NO_JOB)
        return f"{client.profile.base_url} answers and takes the key"
