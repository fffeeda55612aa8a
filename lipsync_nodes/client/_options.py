"""The options of a submission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict

from lipsync_nodes.checks import Verdict
from lipsync_nodes.service import Job
from lipsync_nodes.settings import CheckMode

OnUpdate = Callable[[Job], object]
OnCheck = Callable[[Verdict], object]
KeyOf = Callable[..., str | None]  # of a `PreparedForm` and a `Profile`


class SubmitOptions(TypedDict, total=False):
    """The options of `submit` and `run`.

    Attributes:
        webhook: an https URL to which the service POSTs the ended job; or `auto` for your `WebhookReceiver` at the
            profile's `webhook` URL. With `auto`, `wait` returns as soon as the webhook arrives, and a submission whose
            response was lost is resolved.
        key: the submission key. If it was used before, the running or finished job is returned; a failed job is
            submitted again. `content_key` makes a key from the inputs. Without a key, every submission is a new job.
        estimate: the result of `estimate_credits`. Needed if there is a budget; made automatically for local files.
        target: the file for the video, or a folder (an existing one, or a string that ends in a slash), in which the
            file is named after the job. The ledger records it.
        resubmit_uncertain: submit even if an earlier submission with this key may have been received, or if its job
            stopped without a video. You may pay twice.
        resubmit_changed: submit even if the key was used with other inputs. Without this option, changed inputs are
            refused. URLs are compared without their signatures, local files by their content.
        tags: names and values for `lipsync-nodes report`, such as `{"client": "acme"}`: at most 20, names of up to 40
            characters and values of up to 200. They are recorded in the ledger and never sent to the service. A key
            that already has a job keeps the tags of that job.
        allow_long: accept local media that are longer than 600 s, the limit of the upstream.
        check: look at the inputs before anything is paid. `warn` reports what is found, and refuses only what certainly
            cannot work; `refuse` also refuses what is likely wasted; `off` does neither. Default: the profile's
            `check`, which is `warn`. A submission whose key already has a job is not checked again.
        on_check: a function to call with the `Verdict` of the check, before anything is sent or refused. Without it,
            warnings and errors are logged. The asynchronous client may call it in a thread.
        fetch: fetch URLs for the check, without credentials, and look at what they lead to.

    """

    webhook: str | None
    key: str | None
    estimate: int | None
    target: str | Path | None
    resubmit_uncertain: bool
    resubmit_changed: bool
    tags: Mapping[str, str] | None
    allow_long: bool
    check: CheckMode | None
    on_check: OnCheck | None
    fetch: bool
