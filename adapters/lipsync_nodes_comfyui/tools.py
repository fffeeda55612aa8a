"""The nodes that work for all endpoints: wait for a job, download a video, estimate the credits."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from comfy_api.v0_0_2 import InputImpl, io, ui

from lipsync_nodes import InvalidRequest, LipsyncError
from lipsync_nodes.host import check_media_url, spec_named

from .base import Node, Submitted
from .clients import client_of
from .descriptions import DOWNLOAD, ESTIMATE, WAIT
from .display import Display
from .jobs import JobNode, ended_job
from .language import in_comfyui
from .media import seconds_of
from .running import interruptible
from .videos import folder_of, or_skip, preview_of, video_of

__all__ = ["TOOLS"]


class LipsyncWait(JobNode):
    """Wait for a job that was submitted here or elsewhere."""

    about = WAIT

    @classmethod
    async def execute(
        cls, job: Submitted | str, on_failure: str = "", save_in: str = "", profile: str = ""
    ) -> io.NodeOutput:
        display = Display()

        async def wait() -> io.NodeOutput:
            client, ended = await ended_job(job, profile, display)
            return await video_of(client, ended, display, save_in)

        return await interruptible(or_skip(wait(), display, on_failure), display)


class LipsyncDownload(Node):
    """Save the video of an output URL."""

    about = DOWNLOAD

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check the URL."""
        super().check(values)
        if (url := values.get("output_url")) is not None:
            try:
                check_media_url(url.strip())
            except ValueError as error:
                raise InvalidRequest(
                    code="comfyui.wrong_url", field="output_url", fault=error, value=f"{url!r:.80}"
                ) from None

    @classmethod
    async def execute(cls, output_url: str, save_in: str = "", profile: str = "") -> io.NodeOutput:
        display, url = Display(), output_url.strip()

        async def fetch() -> Path:
            client = await client_of(profile)
            path = await client.download(url, _target_of(url, save_in))
            display.done(path.name)
            return path

        path = await interruptible(fetch(), display)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)), ui=preview_of(path, save_in))


def _target_of(url: str, save_in: str) -> Path:
    """Return the file for a URL; a hash keeps URLs with the same file name apart."""
    from lipsync_nodes.host import source_and_target  # noqa: PLC0415  # httpx is not loaded at ComfyUI's start

    _, path = source_and_target(url, folder_of(save_in))
    return path.with_stem(f"{path.stem}_{sha256(url.encode()).hexdigest()[:8]}")


class LipsyncEstimate(Node):
    """Estimate what a job will cost."""

    about = ESTIMATE

    @classmethod
    def check(cls, values: dict[str, Any]) -> None:
        """Check only the widgets: an estimate needs no API key."""
        cls.check_widgets(values)

    @classmethod
    def execute(cls, endpoint: str, **values: Any) -> io.NodeOutput:
        from lipsync_nodes import estimate_credits  # noqa: PLC0415  # loaded when it is used, not at ComfyUI's start

        spec = spec_named(endpoint)
        chosen = {field.name: values[field.name] for field in spec.fields if field.choices and field.name in values}
        try:
            lengths = {field.name: seconds_of(field, values.get(field.name)) for field in spec.timed}
            estimate = estimate_credits(spec.form_from(chosen, draft=True), lengths=lengths)
        except LipsyncError as error:
            in_comfyui(error)
            raise
        text = f"{int(estimate)} credits" if estimate.exact else f"at most {int(estimate)} credits: {estimate.caveat}"
        return io.NodeOutput(int(estimate), text, ui=ui.PreviewText(text))


TOOLS: Final[list[type[io.ComfyNode]]] = [LipsyncWait, LipsyncDownload, LipsyncEstimate]
