"""The hooks of the pluggy project `lipsync_nodes`. Hosts use the nodes with them, and plugins extend the core.

A plugin is a distribution with an entry point in the group `lipsync_nodes`. The entry point names a module or an object
with functions that are marked with `hookimpl`. Plugins apply wherever the core runs: in Python, on the command line and
in every host.

    from lipsync_nodes.host import hookimpl

    @hookimpl
    def lipsync_publish_asset(asset, media_type, seconds):
        return my_cdn.upload(asset.source, media_type)

An implementation can leave out arguments that it does not need. Pluggy calls implementations in this order: those
marked `tryfirst`, then the others (the latest registered first), then those marked `trylast`. The nodes of this package
are `trylast`, so other plugins come before them.

For most hooks (`firstresult`), the first result that is not None is used. A host must add the hook specifications (this
module, or the plugin `lipsync` itself) for that. Without them, pluggy calls every plugin, and a submission is paid for
several times.

A distribution can also add commands to `lipsync-nodes`. Each is an entry point in the group `lipsync_nodes.commands`
that names a click command. It is imported only when it is run or listed, and it cannot replace a command of the core.

    [project.entry-points."lipsync_nodes.commands"]
    publish = "my_cdn.commands:publish"  # lipsync-nodes publish …
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pluggy

if TYPE_CHECKING:  # importing pydantic's classes takes 60 ms, which a host does not need before its first submission
    from lipsync_nodes.checks import Verdict
    from lipsync_nodes.client import SubmitOptions
    from lipsync_nodes.ledger import Ledger
    from lipsync_nodes.plugins._job_event import JobEvent
    from lipsync_nodes.service import Asset, Job
    from lipsync_nodes.settings import Profile


PROJECT: Final = "lipsync_nodes"
"""The name of the pluggy project and of its entry-point group."""

API_VERSION: Final = 1
"""Increased when hosts or plugins have to change. A new argument, field or hook does not increase it."""

_hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """The description of a node, from which a host can show an input form and use the result.

    Attributes:
        id: the id for `lipsync_nodes_submit`, such as `lipsync-image`.
        title, zh_title: the title, in English and in Chinese.
        help: one English sentence that says what the node does.
        inputs: the JSON Schema of the inputs. Each field has a title and a description for people, and `zh` holds both
            in Chinese. `media` is the kind (video, image, audio, mask) of a field for a URL.
        outputs: the JSON Schema of the finished job, as `Job.wire()` returns it. `output` is the URL of the video.
        api_version: the `API_VERSION` that the node was written for.

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
    """How to run a node. You can pass a mapping with the same names instead. None means the default of each.

    Attributes:
        profile: the name of a profile, or a `Profile`. Default: that of the environment. There is no field for an API
            key.
        ledger: the ledger of submissions. Default: the user's, which the command line also uses.
        options: the options of `LipsyncClient.submit`: `key`, `webhook`, `estimate`, `target`, `check`, `tags`, …
        poll_interval: the average number of seconds between two polls while waiting.
        on_update: a function to call with the job after each poll while waiting.
        awaitable: if True, submit, poll and wait return an awaitable at once, for a host with an event loop.

    """

    profile: str | Profile | None = None
    ledger: Ledger | None = None
    options: SubmitOptions = field(default_factory=dict)  # type: ignore[assignment]  # all of its keys may be missing
    poll_interval: float | None = None
    on_update: Callable[[Job], object] | None = None
    awaitable: bool = False


@_hookspec
def lipsync_nodes_describe() -> list[NodeInfo]:  # type: ignore[empty-body]
    """Return the nodes of a plugin. The host gets a list with one such list for each plugin.

    nodes = [node for described in manager.hook.lipsync_nodes_describe() for node in described]
    """


@_hookspec(firstresult=True)
def lipsync_nodes_check(
    node: str, inputs: Mapping[str, Any], context: Context | Mapping[str, Any] | None
) -> Verdict | Awaitable[Verdict] | None:
    """Check the inputs of a job before it is paid for. This is free and sends nothing to the service.

        verdict = manager.hook.lipsync_nodes_check(node="lipsync-image", inputs=inputs, context=None)
        print(verdict.text("en", "pluggy"))

    If no plugin has this hook, the result is None. A submission is checked anyway, as the options `check` and
    `on_check` of its context say.

    Args:
        node: a `NodeInfo.id`.
        inputs: as in `lipsync_nodes_submit`.
        context: that of the submission. Of its options, `allow_long`, `fetch` and `key` count. No API key is needed.

    Returns:
        The verdict, or None to leave the node to the next plugin.

    Raises:
        InvalidRequest: there is no such node, or an input is not of the type that the node's schema describes.

    """


@_hookspec(firstresult=True)
def lipsync_nodes_submit(
    node: str, inputs: Mapping[str, Any], context: Context | Mapping[str, Any] | None
) -> Job | Awaitable[Job] | None:
    """Submit a job and return it without waiting for the video. Keep its id. This costs money.

        job = manager.hook.lipsync_nodes_submit(node="lipsync-image", inputs=inputs, context=None)

    Args:
        node: a `NodeInfo.id`.
        inputs: the inputs that the node's schema describes. Pass a local file as a `pathlib.Path`, as bytes or as an
            open binary file. A string is always a URL, never a path, because it may come from an untrusted source.
        context: how to run it. If its `awaitable` is true, the result is an awaitable.

    Returns:
        The job, or None to leave the node to the next plugin.

    Raises:
        InvalidRequest: there is no such node, or an input is invalid. Nothing was sent. It is a `CheckRefused` if the
            check refused it.
        SubmissionUncertain: the outcome is unknown. The job may exist.
        LipsyncError: any other error. Nothing was charged.

    """


@_hookspec(firstresult=True)
def lipsync_nodes_poll(job: Job | str, context: Context | Mapping[str, Any] | None) -> Job | Awaitable[Job] | None:
    """Fetch a job once and return it, finished or not. This takes some seconds at most.

        job = manager.hook.lipsync_nodes_poll(job=job.id, context=None)

    Args:
        job: a job or its id.
        context: the context of its submission.

    Returns:
        The job, or None if it belongs to another plugin.

    Raises:
        JobNotFound: the service does not know the job.
        LipsyncError: there was no readable response. The job continues.

    """


@_hookspec(firstresult=True)
def lipsync_nodes_wait(
    job: Job | str, timeout: float | None, context: Context | Mapping[str, Any] | None
) -> Job | Awaitable[Job] | None:
    """Wait until a job has its video, and return the job. Its `output` is the URL.

        print(manager.hook.lipsync_nodes_wait(job=job.id, timeout=600, context=None).output)

    Args:
        job: a job or its id.
        timeout: the maximum number of seconds; None for a default that depends on the job.
        context: the context of its submission. Its `on_update` is called after each poll.

    Returns:
        The finished job, or None if it belongs to another plugin.

    Raises:
        JobFailed: the job ended without a video.
        JobTimeout: the job is still running. You can wait again.
        AuthenticationError, JobNotFound: polling again will not help.

    """


@_hookspec(firstresult=True)
def lipsync_publish_asset(  # noqa: PLR0917  # pluggy passes all of them by name
    asset: Asset, media_type: str, suffix: str, seconds: float, public_base: str | None, submission_key: str | None
) -> str | None:
    """Publish a local file and return its public URL. This hook comes before any configured storage.

        @hookimpl
        def lipsync_publish_asset(asset, media_type, seconds):
            return my_cdn.upload(asset.source, media_type, keep=seconds)

    Args:
        asset: a path, bytes, or an open binary file (seek to its start). It has been checked and is of the right kind.
        media_type: its MIME type, detected from its content.
        suffix: the right ending for its name, such as `.png`.
        seconds: how long the URL must be valid at least.
        public_base: the public URL of the host's own web server, if the profile has one and no storage.
        submission_key: the key of the submission, by which `lipsync_job_event` names it later, if it has one.

    Returns:
        An http(s) URL that the service can fetch, or None to leave the file to the next plugin.

    Raises:
        LipsyncError: raised unchanged. Any other error becomes a `ConfigurationError`. Nothing was sent.

    """


@_hookspec(firstresult=True)
def lipsync_credentials(profile: str, base_url: str) -> str | None:
    """Return the API key of a profile, for example from a vault or a keyring. Called once for each new client.

        @hookimpl
        def lipsync_credentials(profile):
            return keyring.get_password("lipsync", profile)

    An explicit argument and a `Profile` object take precedence. This hook takes precedence over the environment and the
    profiles file.

    Args:
        profile: the name of the profile; `default` if none was named.
        base_url: the URL to which the API key will be sent.

    Returns:
        The API key, or None to leave it to the next plugin.

    Raises:
        LipsyncError: raised unchanged. Of any other error, only the type is shown, because its text may contain the
            API key.

    """


@_hookspec
def lipsync_job_event(event: JobEvent) -> None:
    """Observe what happens to a job. Called after the ledger has recorded it.

        @hookimpl
        def lipsync_job_event(event):
            if event.kind == "completed":
                notify(f"{event.job_id} is done: {event.output}")

    Observers are called one after the other. If one raises an error, it is logged; the job and the other observers are
    not affected. Observers run in the caller's thread, or in a thread beside the event loop, so they should return
    quickly.

    Args:
        event: what happened. The end of a job may be reported again when the job is polled again.

    """
