"""The sandbox of this ComfyUI, for the profile `sandbox`: free previews, without an API key.

It runs in a process of its own, which the first preview starts and which ends with ComfyUI.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lipsync_nodes import ConfigurationError, InvalidRequest, Profile
from lipsync_nodes.host import load_profile

from .core import checkout_requirements
from .places import user_folder

if TYPE_CHECKING:
    from lipsync_nodes.sandbox import SandboxProcess

__all__ = ["check_job", "check_profile", "profile_of"]


def check_profile(name: str) -> None:
    """Check that a profile exists, and that it has an API key or needs none.

    Raises:
        ConfigurationError: it does not, or the packages of the sandbox are not installed.

    """
    profile = load_profile(name.strip() or None)
    if not profile.embedded:
        profile.bearer()
        return
    from lipsync_nodes.sandbox import require  # noqa: PLC0415  # not needed at ComfyUI's start

    try:
        require()
    except ConfigurationError as error:
        if listed := checkout_requirements():
            error.facts["requirements"], error.remedy = listed, ("install_requirements",)
        raise


def check_job(job: str | None, profile: str | None) -> None:
    """Check that a job id is given, and its profile. A job that comes through a socket brings its own."""
    if job is None:
        return
    if not job.strip():
        raise InvalidRequest(code="comfyui.empty_job", remedy="connect_job")
    check_profile(profile or "")


def profile_of(name: str) -> Profile:
    """Return a profile; start the sandbox first if it is meant. This blocks, so a node calls it in a thread."""
    profile = load_profile(name.strip() or None)
    return _sandbox().profile() if profile.embedded else profile


@cache
def _sandbox() -> SandboxProcess:
    """Return the sandbox of this ComfyUI. Its jobs are kept beside the ledger, which knows them."""
    from lipsync_nodes.sandbox import SandboxProcess  # noqa: PLC0415  # not needed at ComfyUI's start

    return SandboxProcess(user_folder() / "sandbox")
