"""The node that checks the inputs of a job before anybody pays."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io

from lipsync_nodes.host import load_profile, spec_named

from .base import Node
from .clients import budget_of, ledger
from .descriptions import CHECK_INPUTS
from .display import Display
from .inputs import form_of
from .language import language
from .running import interruptible

if TYPE_CHECKING:
    from lipsync_nodes import Profile
    from lipsync_nodes.host import Verdict

__all__ = ["LipsyncCheck"]


class LipsyncCheck(Node):
    """Check the inputs of a job."""

    about = CHECK_INPUTS

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check the form, without the values that come through sockets later. It needs no API key."""
        cls.check_widgets(values)
        _profile_of(values.get("profile"))
        if endpoint := values.get("endpoint"):
            form_of(spec_named(endpoint), values, [name for name, value in values.items() if value is None])

    @classmethod
    async def fingerprint_inputs(cls, *, profile: str | None = "", **_: Any) -> str:
        """Return a value that changes when the report may: with the language, the profile and each submission."""
        return await asyncio.to_thread(_state, profile or "")

    @classmethod
    async def execute(cls, endpoint: str, fetch: bool = False, profile: str = "", **values: Any) -> io.NodeOutput:
        """Return the report, and whether there is no error."""
        display = Display()

        async def check() -> io.NodeOutput:
            verdict = await asyncio.to_thread(_verdict_of, endpoint, values, profile, fetch=fetch)
            report = verdict.text(language(), "comfyui")
            display.done(report)
            return io.NodeOutput(report, verdict.ok, ui={"report": [report], "text": [report]})

        return await interruptible(check(), display)


def _profile_of(name: str | None) -> Profile:
    """Return a profile, without an API key if it has none. No sandbox is started."""
    return load_profile((name or "").strip() or None)


def _state(name: str) -> str:
    """Return a hash of what a report depends on besides the inputs. ComfyUI writes it into the prompt."""
    profile = _profile_of(name)
    latest = [(entry.created_at, entry.job_id) for entry in ledger().latest(profile, 1)]
    known = (language(), profile.account, profile.budget, latest, ledger().without_video())
    return sha256(repr(known).encode()).hexdigest()[:16]


def _verdict_of(endpoint: str, values: dict[str, Any], name: str, *, fetch: bool) -> Verdict:
    """Check the form of these values; a job that the ledger has of them is free."""
    from lipsync_nodes.host import check_form, content_key  # noqa: PLC0415  # not loaded at ComfyUI's start

    profile, form = _profile_of(name), form_of(spec_named(endpoint), values)
    key, budget = content_key(form, profile), budget_of(profile)
    return check_form(form, profile, ledger=ledger(), budget=budget, key=key, fetch=fetch)
