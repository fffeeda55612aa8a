"""What the nodes share that take a job, from a socket or by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import Node, Submitted
from .clients import client_of
from .preview import check_job

if TYPE_CHECKING:
    from lipsync_nodes import AsyncLipsyncClient, Job

    from .display import Display

__all__ = ["JobNode", "ended_job"]


class JobNode(Node):
    """A node with an input `job`. A connected job brings its own profile, so the node's is not checked."""

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check that a job id was given, if nothing is connected."""
        check_job(values.get("job"), values.get("profile"))
        cls.check_widgets(values)


async def ended_job(job: Submitted | str, profile: str, display: Display) -> tuple[AsyncLipsyncClient, Job]:
    """Wait for a job. Return it, and the client of the profile that it was submitted with."""
    job_id, profile = job if isinstance(job, Submitted) else (job.strip(), profile)
    client = await client_of(profile)
    return client, await client.wait(job_id, on_update=display.saw)
