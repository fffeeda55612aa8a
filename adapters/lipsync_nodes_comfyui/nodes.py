"""The nodes: for each endpoint of the catalogue one that submits and one that also waits, and four for all of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import folder_paths
from comfy_api.v0_0_2 import InputImpl, io, ui
from comfy_execution.graph_utils import ExecutionBlocker

from lipsync_nodes.catalogue import CATALOGUE, NodeSpec, spec_named
from lipsync_nodes.credits import estimate_credits
from lipsync_nodes.errors import InvalidRequest, JobFailed, LipsyncError
from lipsync_nodes.fields import check_media_url
from lipsync_nodes.ledger import content_key
from lipsync_nodes.settings import load_profile

from .inputs import OUTPUT, SKIP, form_of, input_of, own_inputs, timed_fields, timed_input
from .media import seconds_of
from .running import Display, client_of, failures, interruptible, ledger, make_room

if TYPE_CHECKING:
    from lipsync_nodes.client import AsyncLipsyncClient
    from lipsync_nodes.contract import Form, Job
    from lipsync_nodes.settings import Profile

__all__ = ["NODES"]

CATEGORY: Final = "lipsync"
LipsyncJob = io.Custom("LIPSYNC_JOB")
log = logging.getLogger("lipsync_nodes")


class Submitted(NamedTuple):
    """What goes through a LIPSYNC_JOB socket: a job id, and the name of the profile that it was submitted with."""

    job_id: str
    profile: str


def _schema(**known: Any) -> io.Schema:
    """Make a schema of what this version of ComfyUI knows: an unknown keyword would stop the whole pack."""
    allowed = {field.name for field in fields(io.Schema)}
    return io.Schema(category=CATEGORY, **{name: value for name, value in known.items() if name in allowed})


class _Node(io.ComfyNode):
    """What all nodes share: bad input is refused before the run begins."""

    @classmethod
    def validate_inputs(cls, **values: Any) -> bool | str:
        """Return True, or a sentence on what is wrong; then nothing of the graph is run."""
        try:
            cls.check(values)
        except LipsyncError as error:
            return str(error)
        return True

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Raise `LipsyncError` for what can be seen to be wrong; what comes through a socket is None by now."""
        load_profile((values.get("profile") or "").strip() or None).bearer()


class _Endpoint(_Node):
    """A node of one endpoint."""

    spec: ClassVar[NodeSpec]

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check the form as far as it is there."""
        super().check(values)
        form_of(cls.spec, values, [name for name, value in values.items() if value is None])

    @classmethod
    def fingerprint_inputs(cls, *, force_new: bool = False, **_: Any) -> Any:
        """Have the node run again once a job has failed or is to be made anew.

        What was submitted before is picked up from the ledger, so running again costs nothing.
        """
        return float("nan") if force_new else failures()

    @classmethod
    async def submitted(cls, client: AsyncLipsyncClient, values: dict[str, Any]) -> Job:
        """Submit, or pick up the job of the same inputs."""
        force_new = bool(values.get("force_new"))
        form, key = await asyncio.to_thread(cls._prepared, values, client.profile, force_new)
        return await client.submit(form, key=key, resubmit_uncertain=force_new)

    @classmethod
    def _prepared(cls, values: dict[str, Any], profile: Profile, force_new: bool) -> tuple[Form, str]:
        """Encode what came through sockets, and name the inputs by their content."""
        form = form_of(cls.spec, values)
        key = content_key(form, profile)
        if force_new:
            make_room(key, profile)
        return form, key


class _Submit(_Endpoint):
    """Submit, and give the job at once."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            node_id=cls.__name__,
            display_name=f"{cls.spec.title}: submit",
            description=f"{cls.spec.help} Submits and goes on at once; Lipsync Wait waits for the video.",
            inputs=[*map(input_of, cls.spec.fields), *own_inputs("force_new", "profile")],
            outputs=[LipsyncJob.Output("job"), io.String.Output("job_id")],
            is_output_node=True,
        )

    @classmethod
    async def execute(cls, profile: str = "", **values: Any) -> io.NodeOutput:
        display = Display()

        async def submit() -> Job:
            async with client_of(profile) as client:
                return await cls.submitted(client, values)

        job = await interruptible(submit(), display)
        display.done(f"{job.status.value}\nJob {job.id}")
        return io.NodeOutput(Submitted(job.id, profile), job.id, ui={"job_id": [job.id]})


class _Run(_Endpoint):
    """Submit and wait."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return _schema(
            node_id=cls.__name__,
            display_name=cls.spec.title,
            description=cls.spec.help,
            inputs=[*map(input_of, cls.spec.fields), *own_inputs("force_new", "on_failure", "save_in", "profile")],
            outputs=_video_outputs(),
            is_output_node=True,
        )

    @classmethod
    async def execute(cls, on_failure: str = "", save_in: str = "", profile: str = "", **values: Any) -> io.NodeOutput:
        display = Display(ledger().usual_seconds(cls.spec.id))

        async def run() -> io.NodeOutput:
            async with client_of(profile) as client:
                job = await cls.submitted(client, values)
                return await _video_of(client, job.id, display, save_in)

        return await _or_skip(interruptible(run(), display), display, on_failure)


class LipsyncWait(_Node):
    """Wait for a job that was submitted, here or anywhere."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        job = io.String.Input(
            "job",
            default="",
            placeholder="a job id",
            display_name="Job",
            tooltip="A job by its socket, or the id of any job of this account, to get back what was paid for.",
        )
        return _schema(
            node_id=cls.__name__,
            display_name="Lipsync Wait",
            description="Wait for a job and give its video. By a job id it recovers an earlier job.",
            inputs=[
                io.MultiType.Input(job, [LipsyncJob]),
                *own_inputs("on_failure", "save_in", "profile"),
            ],
            outputs=_video_outputs(),
            is_output_node=True,
        )

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check that a job id was given."""
        super().check(values)
        if values.get("job") is not None and not values["job"].strip():
            raise InvalidRequest("`job` is empty.", hint="Give a job id, or connect the job of a submit node.")

    @classmethod
    async def execute(
        cls, job: Submitted | str, on_failure: str = "", save_in: str = "", profile: str = ""
    ) -> io.NodeOutput:
        if isinstance(job, Submitted):
            job, profile = job
        entry = ledger().entry_of(job_id := job.strip())
        display = Display(ledger().usual_seconds(entry.endpoint) if entry else None)

        async def wait() -> io.NodeOutput:
            async with client_of(profile) as client:
                return await _video_of(client, job_id, display, save_in)

        return await _or_skip(interruptible(wait(), display), display, on_failure)


class LipsyncDownload(_Node):
    """Save the video of an output URL."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        url = io.String.Input("output_url", default="", placeholder="https://…", tooltip="The URL of a job's output.")
        return _schema(
            node_id=cls.__name__,
            display_name="Lipsync Download",
            description="Download a video by its output URL, whole or not at all.",
            inputs=[url, *own_inputs("save_in", "profile")],
            outputs=[io.Video.Output("video")],
            is_output_node=True,
        )

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check the URL."""
        super().check(values)
        if (url := values.get("output_url")) is not None:
            try:
                check_media_url(url.strip())
            except ValueError as error:
                raise InvalidRequest(f"`output_url` {error}, got {url!r:.80}.") from None

    @classmethod
    async def execute(cls, output_url: str, save_in: str = "", profile: str = "") -> io.NodeOutput:
        display = Display()

        async def fetch() -> Path:
            async with client_of(profile) as client:
                return await client.download(output_url.strip(), _folder(save_in))

        path = await interruptible(fetch(), display)
        display.done(path.name)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui=_preview(path, save_in))


class LipsyncEstimate(_Node):
    """Say what a job will cost."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        choices = {field.name: field for spec in CATALOGUE for field in spec.fields if field.choices}
        kind = io.Combo.Input("endpoint", options=[spec.id for spec in CATALOGUE], tooltip="What is to be submitted.")
        return _schema(
            node_id=cls.__name__,
            display_name="Lipsync Estimate",
            description="Estimate what a job will cost, in credits, by the documented rules. Nothing is sent.",
            inputs=[kind, *map(timed_input, timed_fields()), *map(input_of, choices.values())],
            outputs=[io.Int.Output("credits"), io.String.Output("text")],
            is_output_node=True,
        )

    @classmethod
    def validate_inputs(cls, **_: Any) -> bool | str:
        """Accept everything: an estimate needs no key and spends nothing."""
        return True

    @classmethod
    def execute(cls, endpoint: str, **values: Any) -> io.NodeOutput:
        spec = spec_named(endpoint)
        known: dict[str, Any] = {
            field.name: values[field.name] for field in spec.fields if field.choices and field.name in values
        }
        media = {field.name: "https://example.com/" for field in spec.media if field.required}  # any will do
        form = spec.form.model_validate(known | media)
        audio, right_audio, video = spec.seconds({f.name: seconds_of(values.get(f.name)) for f in timed_fields()})
        estimate = estimate_credits(form, audio_seconds=audio, right_audio_seconds=right_audio, video_seconds=video)
        text = f"{int(estimate)} credits" if estimate.exact else f"at most {int(estimate)} credits: {estimate.doubt}"
        return io.NodeOutput(int(estimate), text, ui=ui.PreviewText(text))


def _video_outputs() -> list[io.Output]:
    return [io.Video.Output("video"), io.String.Output("output_url"), io.String.Output("job_id")]


async def _video_of(client: AsyncLipsyncClient, job_id: str, display: Display, save_in: str) -> io.NodeOutput:
    """Wait for a job, have its video in the folder, and give all that a node gives of it."""
    job = await client.wait(job_id, on_update=display.saw)
    folder = _folder(save_in)
    path = await asyncio.to_thread(_there, job, folder) or await client.download(job, folder)
    display.done(f"{job.status.value}\nJob {job.id}")
    shown = {**_preview(path, save_in), "output_url": [job.output], "job_id": [job.id]}
    return io.NodeOutput(InputImpl.VideoFromFile(str(path)), job.output, job.id, ui=shown)


def _there(job: Job, folder: Path) -> Path | None:
    """Return the job's video if an earlier run has saved it in this folder."""
    entry = ledger().entry_of(job.id)
    path = Path(entry.saved_to) if entry and entry.saved_to else None
    return path if path is not None and path.parent == folder.absolute() and path.is_file() else None


async def _or_skip(running: Any, display: Display, on_failure: str) -> io.NodeOutput:
    """Await the outcome; where a failed job is to be skipped, block what comes after this node alone."""
    try:
        outcome: io.NodeOutput = await running
    except JobFailed as error:
        if on_failure != SKIP:
            raise
        log.warning("Skipped: %s", error)
        display.done(str(error))
        blocked = ExecutionBlocker(None)
        return io.NodeOutput(blocked, blocked, blocked, ui={"text": [str(error)]})
    return outcome


def _folder(save_in: str) -> Path:
    base = folder_paths.get_output_directory() if save_in == OUTPUT else folder_paths.get_temp_directory()
    folder = Path(base) / "lipsync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _preview(path: Path, save_in: str) -> dict[str, Any]:
    kind = io.FolderType.output if save_in == OUTPUT else io.FolderType.temp
    return dict(ui.PreviewVideo([ui.SavedResult(path.name, "lipsync", kind)]).as_dict())


def _endpoint_nodes() -> list[type[io.ComfyNode]]:
    """Make the two nodes of each endpoint; their ids live in people's graphs and never change."""
    nodes = []
    for spec in CATALOGUE:
        name = spec.command.title().replace("-", "")
        nodes += [
            type(f"LipsyncSubmit{name}", (_Submit,), {"spec": spec}),
            type(f"Lipsync{name}", (_Run,), {"spec": spec}),
        ]
    return nodes


NODES: Final[list[type[io.ComfyNode]]] = [*_endpoint_nodes(), LipsyncWait, LipsyncDownload, LipsyncEstimate]
