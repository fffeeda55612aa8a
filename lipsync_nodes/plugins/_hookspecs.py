"""The pluggy hooks of the project `lipsync_nodes`: how hosts use the nodes, and what plugins add to the core.

A plugin is a distribution with an entry point in the group `lipsync_nodes` that names a module or an object with
functions marked by `hookimpl`. It takes effect wherever the core runs: in Python, on the command line, in any host.

    from lipsync_nodes.host import hookimpl

    @hookimpl
    def lipsync_publish_asset(asset, media_type, seconds):
        return my_cdn.upload(asset.source, media_type)

An implementation may leave out arguments that it does not need. Who is asked first is pluggy's order: `tryfirst`, then
the rest from the last that was registered to the first, then `trylast`. The nodes of this package are `trylast`, so a
plugin that does not say so itself comes before them. Where the first answer is taken, None leaves it to the next: a
host has to add the specs for that (this module, or our plugin itself). Without them pluggy asks every plugin, also to
submit.

| hooks for hosts | taken | |
|---|---|---|
| `lipsync_nodes_describe` | all | which nodes there are |
| `lipsync_nodes_submit` | the first | submit: costs money |
| `lipsync_nodes_poll` | the first | look once |
| `lipsync_nodes_wait` | the first | wait for the video |

| hooks for the core | taken | |
|---|---|---|
| `lipsync_publish_asset` | the first | a local file → a public URL; before any configured storage |
| `lipsync_credentials` | the first | the API key; after an explicit argument, before the environment and the file |
| `lipsync_job_event` | all | observers, told one by one |

A distribution can also add commands to `lipsync-nodes`: each is an entry point in the group `lipsync_nodes.commands`
that names a click command. It is imported only when it is run or listed, and cannot replace one of the core's.

    [project.entry-points."lipsync_nodes.commands"]
    publish = "my_cdn.commands:publish"  # lipsync-nodes publish …
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:  # the classes of pydantic cost 60 ms that a host need not pay before its first submit
    from lipsync_nodes.client import SubmitOptions
    from lipsync_nodes.ledger import Ledger
    from lipsync_nodes.plugins._job_event import JobEvent
    from lipsync_nodes.service import Asset, Job
    from lipsync_nodes.settings import Profile


__all__ = [
    "API_VERSION",
    "COMMANDS",
    "PROJECT",
    "Context",
    "NodeInfo",
    "hookimpl",
    "lipsync_credentials",
    "lipsync_job_event",
    "lipsync_nodes_describe",
    "lipsync_nodes_poll",
    "lipsync_nodes_submit",
    "lipsync_nodes_wait",
    "lipsync_publish_asset",
]


PROJECT: Final = "lipsync_nodes"
"""The name of the pluggy project and of the entry-point group."""

COMMANDS: Final = "lipsync_nodes.commands"
"""The entry-point group of commands that other distributions add to `lipsync-nodes`."""

API_VERSION: Final = 1
"""Raised when a host or a plugin has to change; a further argument, field or hook does not raise it."""

_hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What a host has to know of a node to show its form and to use what comes out.

    Attributes:
        id: what `lipsync_nodes_submit` calls it: `lipsync-image`.
        title, zh_title: what people call it, in English and in Chinese.
        help: one English sentence on what it does.
        inputs: JSON Schema of what it takes. A field's title and description are for people, and `zh` holds both in
            Chinese; `media` is the kind (video, image, audio, mask) of a field that takes a URL.
        outputs: JSON Schema of the finished job as `Job.wire()` gives it; `output` is the video's URL.
        api_version: the `API_VERSION` that it was written for.

    """

    id: str
    title: str
    zh_title: str
    help: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    api_version: int = API_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """How a host wants a node to be run. A mapping with the same names does as well, and None is all defaults.

    Attributes:
        profile: the name of a profile, or a `Profile`; by default the environment's. There is no field for a key.
        ledger: the journal of submissions; by default the one of this user, which the command line has, too.
        options: of a submit, as of `LipsyncClient.submit`: `key`, `webhook`, `estimate`, `target`, …
        poll_interval: mean seconds between two looks while waiting.
        on_update: called with the job at each look while waiting.
        awaitable: have submit, poll and wait return an awaitable at once, for a host with an event loop.

    """

    profile: str | Profile | None = None
    ledger: Ledger | None = None
    options: SubmitOptions = field(default_factory=dict)  # type: ignore[assignment]  # all of its keys may be missing
    poll_interval: float | None = None
    on_update: Callable[[Job], object] | None = None
    awaitable: bool = False


@_hookspec
def lipsync_nodes_describe() -> list[NodeInfo]:  # type: ignore[empty-body]
    """Describe nodes; a host gets a list of each plugin's list.

    nodes = [node for described in manager.hook.lipsync_nodes_describe() for node in described]
    """


@_hookspec(firstresult=True)
def lipsync_nodes_submit(
    node: str, inputs: Mapping[str, Any], context: Context | Mapping[str, Any] | None
) -> Job | Awaitable[Job] | None:
    """Submit and return the job, not yet finished; keep its id. This costs money.

        job = manager.hook.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=None)

    Args:
        node: a `NodeInfo.id`.
        inputs: what its schema of inputs allows. A local file is given as a `pathlib.Path`, as bytes or as an open
            binary file; a text is a URL and never a path, since it may come from anywhere.
        context: how to run it; where its `awaitable` is true, the answer is an awaitable.

    Returns:
        The job; None leaves the node to the next plugin.

    Raises:
        InvalidRequest: no such node, or an input is wrong; nothing was sent.
        SubmissionUncertain: the outcome is unknown; the job may exist.
        LipsyncError: anything else that went wrong; nothing was charged.

    """


@_hookspec(firstresult=True)
def lipsync_nodes_poll(job: Job | str, context: Context | Mapping[str, Any] | None) -> Job | Awaitable[Job] | None:
    """Look at a job once, for some seconds at most, and return it as it is now.

        job = manager.hook.lipsync_nodes_poll(job=job.id, context=None)

    Args:
        job: a job or its id.
        context: as it was submitted.

    Returns:
        The job, finished or not; None if it is another plugin's.

    Raises:
        JobNotFound: the service knows no such job.
        LipsyncError: no readable answer came; the job goes on.

    """


@_hookspec(firstresult=True)
def lipsync_nodes_wait(
    job: Job | str, timeout: float | None, context: Context | Mapping[str, Any] | None
) -> Job | Awaitable[Job] | None:
    """Wait until a job has its video and return it; its `output` is the URL.

        print(manager.hook.lipsync_nodes_wait(job=job.id, timeout=600, context=None).output)

    Args:
        job: a job or its id.
        timeout: seconds to wait at most; None for a deadline that fits the job.
        context: as it was submitted; its `on_update` is called at each look.

    Returns:
        The finished job; None if it is another plugin's.

    Raises:
        JobFailed: it ended without a video.
        JobTimeout: it goes on; wait again.
        AuthenticationError, JobNotFound: asking further is of no use.

    """


@_hookspec(firstresult=True)
def lipsync_publish_asset(asset: Asset, media_type: str, seconds: float) -> str | None:
    """Give a local file a public URL; the first plugin that returns one is taken, before any configured storage.

        @hookimpl
        def lipsync_publish_asset(asset, media_type, seconds):
            return my_cdn.upload(asset.source, media_type, keep=seconds)

    Args:
        asset: a path, bytes, or an open binary file (seek to its start). It was checked and is of the right kind.
        media_type: its MIME type, by its content.
        seconds: how long the URL has to work at least.

    Returns:
        An http(s) URL that the service can fetch, or None to leave it to others.

    Raises:
        LipsyncError: passed on as it is. Anything else becomes a `ConfigurationError`; nothing was sent.

    """


@_hookspec(firstresult=True)
def lipsync_credentials(profile: str, base_url: str) -> str | None:
    """Give the API key of a profile, from a vault or a keyring; asked once, when a client is made.

        @hookimpl
        def lipsync_credentials(profile):
            return keyring.get_password("lipsync", profile)

    An explicit argument and a `Profile` object come before it; the environment and the profiles file after it.

    Args:
        profile: the profile's name, `default` if nobody named one.
        base_url: where the key will be sent.

    Returns:
        The key, or None to leave it to others.

    Raises:
        LipsyncError: passed on as it is. Of anything else only the kind is told: its text might hold the key.

    """


@_hookspec
def lipsync_job_event(event: JobEvent) -> None:
    """Observe what happens to jobs, after it was written down.

        @hookimpl
        def lipsync_job_event(event):
            if event.kind == "completed":
                notify(f"{event.job_id} is done: {event.output}")

    Observers are told one by one, and one that raises is logged and changes nothing, neither for the job nor for the
    others. They run in the caller's thread, or in a thread beside the event loop: what takes long belongs elsewhere.

    Args:
        event: what happened; the same end may be told again when a job is looked at again.

    """
