"""`doctor`: check the installation and the settings, and say what to do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Final

import click

from lipsync_nodes import LipsyncError, __version__
from lipsync_nodes.cli.findings import Finding, finding, report, tried
from lipsync_nodes.cli.session import Session, common_options
from lipsync_nodes.cli.trouble import in_our_words
from lipsync_nodes.host import check_service, load_profile, profiles_file, rehearse

__all__ = ["doctor"]

EXTRAS: Final = {
    "check": ("av", "numpy", "cv2"),
    "sandbox": ("starlette", "uvicorn", "numpy", "cv2", "av"),
    "storage": ("obstore", "av"),
}
# Adapters are found by the prefix of their package names, so a new one needs no change here.
ADAPTER: Final = "lipsync_nodes_"


@click.command()
@click.option("--storage", is_flag=True, help="Also upload, fetch and delete a small file, to test the storage.")
@common_options
def doctor(session: Session, storage: bool) -> None:
    """Check the API key, the base URL, the extras and the adapters, and say what to do."""
    report([*_installation(), *_account(session), *(_storage(session) if storage else ())], as_json=session.as_json)


def _installation() -> Iterator[Finding]:
    yield finding("version", True, f"lipsync-nodes {__version__}, Python {sys.version.split()[0]}")
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if not _there(module)]
        found = f"not installed; if you want it: pip install 'lipsync-nodes[{extra}]'" if missing else "installed"
        yield finding(f"extra {extra}", True, found)
    for name in sorted({module.name for module in iter_modules() if module.name.startswith(ADAPTER)}):
        yield finding(f"adapter {name.removeprefix(ADAPTER)}", True, "installed")


def _there(module: str) -> bool:
    return find_spec(module) is not None


def _account(session: Session) -> Iterator[Finding]:
    yield tried("profiles file", lambda: str(profiles_file()) + ("" if profiles_file().is_file() else " (none, fine)"))
    if session.use_sandbox:
        yield tried("sandbox", lambda: _answers(session))
        return
    profile = tried("profile", lambda: _describe(session))
    yield profile
    if profile["ok"]:
        yield tried("service", lambda: _answers(session))


def _storage(session: Session) -> Iterator[Finding]:
    """Publish a small file step by step, and stop at the first step that fails."""
    step = "set-up"
    try:
        with session.opened() as to:
            for step in rehearse(to.profile):
                yield finding(f"storage: {step}", True, "tried")
    except LipsyncError as error:
        in_our_words(error)
        yield finding(f"storage: {step} failed", False, error.message, error.hint)


def _describe(session: Session) -> str:
    profile = load_profile(session.profile, base_url=session.base_url)
    profile.bearer()
    return f"{profile.name!r}, a key is set, base URL {profile.base_url}, account {profile.account!r}"


def _answers(session: Session) -> str:
    with session.opened() as to:
        return check_service(to.profile)
