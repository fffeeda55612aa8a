"""What a form is checked for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lipsync_nodes.checks._limit import Limit
from lipsync_nodes.flows import Budget
from lipsync_nodes.settings import Profile


@dataclass(frozen=True, slots=True)
class Paid:
    """An earlier submission of the same inputs.

    Attributes:
        job_id: its job; None if that is not known.
        by_key: whether the next submission has its key, and costs nothing.

    """

    job_id: str | None
    by_key: bool = True


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a form is checked for.

    Attributes:
        profile: the settings of the account; None for the service itself.
        lengths: the lengths of media in seconds, by field name; None if not known.
        estimate: the cost, if it is known already.
        allow_long: accept media that are longer than 600 s, the limit of the upstream.
        fetch: fetch the URLs, and check what they lead to like local files.
        budget: what the job may cost; None for no limit.
        paid: an earlier submission of the same inputs.
        timeout: how many seconds the job may take. Default: what clients wait for a video of its length.
        limit: how long the check may go on. What it has not looked at by then is named.
        complete: also name the URLs that are not fetched.
        now: the time, in seconds since 1970.

    """

    profile: Profile | None = None
    lengths: Mapping[str, float | None] | None = None
    estimate: int | None = None
    allow_long: bool = False
    fetch: bool = False
    budget: Budget | None = None
    paid: Paid | None = None
    timeout: float | None = None
    limit: Limit = field(default_factory=Limit)
    complete: bool = False
    now: float = field(default_factory=time.time)

    @property
    def local(self) -> bool:
        """Whether the service is a sandbox on this machine."""
        return self.profile is not None and self.profile.local
