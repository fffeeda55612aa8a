"""The nodes of the endpoints: for each endpoint one that submits, and one that also waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Final

from comfy_api.v0_0_2 import io

from lipsync_nodes import LipsyncError
from lipsync_nodes.host import CATALOGUE, NodeSpec, load_profile

from .base import Node, Submitted
from .checking import LipsyncCheck
from .clients import client_of, ledger
from .descriptions import run_node, submit_node
from .display import Display
from .inputs import form_of, tags_of
from .running import interruptible
from .serving import withdraw_ended
from .tools import TOOLS
from .verifying import LipsyncVerify
from .videos import or_skip, video_of

if TYPE_CHECKING:
    from lipsync_nodes import AsyncLipsyncClient, Job, Profile
    from lipsync_nodes.host import PreparedForm, SubmitOptions

__all__ = ["NODES"]


class _Endpoint(Node):
    """A node of one endpoint."""

    spec: ClassVar[NodeSpec]

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check the form, without the values that come through sockets later."""
        super().check(values)
        form_of(cls.spec, values, [name for name, value in values.items() if value is None])
        tags_of(values.get("tags"))

    @classmethod
    async def fingerprint_inputs(cls, *, profile: str | None = "", force_new: bool = False, **_: Any) -> Any:
        """Return a value that changes when the node must run again.

        That is after a failed job, with `force_new`, and if the profile has become that of another account. A job that
        was submitted before is picked up from the ledger, so running again costs nothing.
        """
        return float("nan") if force_new else await asyncio.to_thread(_state, profile or "")

    @classmethod
    @asynccontextmanager
    async def prepared(
        cls, client: AsyncLipsyncClient, values: dict[str, Any], display: Display
    ) -> AsyncIterator[tuple[PreparedForm, SubmitOptions]]:
        """Yield the form and the submit options. If `force_new` sends nothing after all, the old job keeps its key."""
        from lipsync_nodes.host import content_key  # noqa: PLC0415  # SQLite is not loaded at ComfyUI's start

        profile, force_new = client.profile, bool(values.get("force_new"))
        form = await asyncio.to_thread(form_of, cls.spec, values)  # media may have to be encoded
        key = await asyncio.to_thread(content_key, form, profile)
        old = await asyncio.to_thread(_released, key, profile) if force_new else None
        options: SubmitOptions = {
            "key": key,
            "webhook": "auto" if profile.webhook else None,
            "resubmit_uncertain": force_new,
            "check": values.get("check") or profile.check,
            "on_check": display.checked,
            "tags": tags_of(values.get("tags")),
        }
        try:
            yield form, options
        except (LipsyncError, asyncio.CancelledError) as error:
            if old is not None and not getattr(error, "may_have_charged", False):
                await asyncio.to_thread(ledger().release, old.id, key=key)
            raise


def _released(key: str, profile: Profile) -> Job | None:
    """Release a submission key, and return the job that it stood for."""
    old = ledger().job_under(key, profile)
    ledger().release_key(key, profile)
    return old


def _state(profile: str) -> str:
    """Return a hash of the account and of what changes with each job that ends without a video, in any program.

    ComfyUI writes it into the prompt, which is saved with videos.
    """
    account = load_profile(profile.strip() or None).account
    return sha256(f"{account} {ledger().without_video()}".encode()).hexdigest()[:16]


class _Submit(_Endpoint):
    """Submit, and return the job at once."""

    @classmethod
    async def execute(cls, profile: str = "", **values: Any) -> io.NodeOutput:
        display = Display()

        async def submit() -> tuple[Job, str]:
            client = await client_of(profile)
            async with cls.prepared(client, values, display) as (form, options):
                job = await client.submit(form, **options)
            await withdraw_ended(job, client.profile, options["key"])
            return job, await display.submitted(job)

        job, line = await interruptible(submit(), display)
        return io.NodeOutput(Submitted(job.id, profile), job.id, ui={"job_id": [job.id], "text": [line]})


class _Run(_Endpoint):
    """Submit and wait."""

    @classmethod
    async def execute(cls, on_failure: str = "", save_in: str = "", profile: str = "", **values: Any) -> io.NodeOutput:
        display = Display()

        async def run() -> io.NodeOutput:
            client = await client_of(profile)
            async with cls.prepared(client, values, display) as (form, options):
                job = await client.run(form, on_update=display.saw, **options)
            await withdraw_ended(job, client.profile, options["key"])
            return await video_of(client, job, display, save_in)

        return await interruptible(or_skip(run(), display, on_failure), display)


def _endpoint_nodes() -> list[type[io.ComfyNode]]:
    """Return the two node classes of each endpoint."""
    return [
        type(about.id, (base,), {"spec": spec, "about": about})
        for base, describe in ((_Run, run_node), (_Submit, submit_node))
        for spec in CATALOGUE
        for about in [describe(spec)]
    ]


NODES: Final[list[type[io.ComfyNode]]] = [*_endpoint_nodes(), *TOOLS, LipsyncCheck, LipsyncVerify]
