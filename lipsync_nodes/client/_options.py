"""The options of every submit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from lipsync_nodes.service import (
    Job,
)

__all__ = [
    "OnUpdate",
    "SubmitOptions",
]


OnUpdate = Callable[[Job], object]


class SubmitOptions(TypedDict, total=False):
    """The options of every submit.

    Attributes:
        webhook: an https URL that the service POSTs the finished job to; or `auto`, a receiver of ours (see
            `lipsync_nodes.webhooks`) at the profile's `webhook` base: it wakes `wait` the moment the job ends, and
            settles a submit whose answer was lost.
        key: the submission key. What was submitted under it before is picked up, live or finished; a failed job is
            submitted anew; `content_key` makes a key of the inputs. Without a key every submit is new.
        estimate: what `estimate_credits` says it will cost; needed where there is a budget. For local files it is made.
        target: the file that the video is meant for, or a folder (there, or a text that ends in a slash), where it is
            named by the job; the ledger remembers it.
        resubmit_uncertain: submit even if an earlier submit of this key may have been received, or if its job stopped
            without a video.
        resubmit_changed: submit even if the key stood for other inputs before, which is refused otherwise; it stands
            for these from then on. A URL counts without its signature, a local file by its content.
        allow_long: let local media pass that last longer than the 600 s that the upstream accepts.

    """

    webhook: str | None
    key: str | None
    estimate: int | None
    target: str | Path | None
    resubmit_uncertain: bool
    resubmit_changed: bool
    allow_long: bool
